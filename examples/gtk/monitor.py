#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""monitor.py [ADDRESS [FILE]]: a window that is a message bus. Devices connect to it over MQTT; topics, subscriptions, peers,
sinks and twins are rows that come and go by themselves, because each list is the list model of the bus. With FILE a sink keeps
what is published there.

    monitor.py                                                        (here)
    mosquitto_pub -p 1883 -t roof/lake/1/telemetry -m '{"power-kw":2}'  (in another terminal)

ADDRESS is tcp:127.0.0.1:1883 unless given. Nothing here polls: the bus lives in GTK's main loop.
"""
import sys

import gi
gi.require_version("Gtk", "4.0")
gi.require_version("Hawser", "1")
from gi.repository import Gio, GLib, GObject, Gtk, Hawser, Pango


def add_roofs(bus):
    """Telemetry of roofs makes twins, and streets that count them: a tree of three levels."""
    twins = Hawser.Twins.get(bus)
    for name, topics, identifier, parent in (("roof", ["roof/{street}/{number}/telemetry"], "roof/{street}/{number}", "street/{street}"),
                                             ("street", [], "street/{street}", "town"), ("town", [], "town", None)):
        family = Hawser.TwinFamily.new(name)
        family.set_property("topics", topics)
        family.set_property("id", identifier)
        family.set_property("parent", parent)
        twins.add_family(family)


def keep_in_file(bus, path):
    """A sink that writes every message to a file, as lines of JSON."""
    sink = GObject.new(Hawser.PluginRegistry.get_default().get_gtype("sink", "file"), path=path)
    runner = Hawser.SinkRunner.new(bus, "archive", sink, "#")
    runner.set_property("batch-age", 100000)   # microseconds
    runner.start()
    return runner


def column(title, text, opens=False, of_tree=False):
    """A column of labels; text(item) says what one shows, and again whenever a property of the item changes. With opens=True a
    triangle in front of it shows what is below."""
    factory = Gtk.SignalListItemFactory()
    handlers = {}

    def on_setup(_factory, cell):
        label = Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END)
        cell.set_child(Gtk.TreeExpander(child=label) if opens else label)

    def on_bind(_factory, cell):
        row, child = cell.get_item(), cell.get_child()
        item, label = row.get_item() if of_tree else row, child.get_child() if opens else child
        if opens:
            child.set_list_row(row)
        label.set_text(text(item))
        handlers[cell] = item, item.connect("notify", lambda *_: label.set_text(text(item)))

    def on_unbind(_factory, cell):
        item, handler = handlers.pop(cell)
        item.disconnect(handler)

    factory.connect("setup", on_setup)
    factory.connect("bind", on_bind)
    factory.connect("unbind", on_unbind)
    return Gtk.ColumnViewColumn(title=title, factory=factory, expand=True, resizable=True)


def table(model, *columns):
    view = Gtk.ColumnView(model=Gtk.NoSelection(model=model), show_row_separators=True)
    for each in columns:
        view.append_column(each)
    return Gtk.ScrolledWindow(child=view, vexpand=True)


class Monitor:
    """The window and its bus."""

    def __init__(self, application, address, archive=None):
        self.bus = Hawser.Bus()
        add_roofs(self.bus)
        self.listener = Hawser.Listener.new(self.bus, "monitor", "mqtt", address)
        self.listener.set_property("anonymous", "allow")
        self.listener.start()

        self.runner = keep_in_file(self.bus, archive) if archive else None

        towns = Gtk.FilterListModel(model=self.bus.get_twins(), filter=Gtk.CustomFilter.new(lambda twin: twin.get_property("parent") is None))
        twins = Gtk.TreeListModel.new(towns, False, True, lambda twin: twin.get_children())
        self.stack = Gtk.Stack(transition_type=Gtk.StackTransitionType.CROSSFADE)
        for name, title, page in (
                ("topics", "Topics", table(self.bus.get_topics(), column("Topic", lambda topic: topic.dup_name()))),
                ("subscriptions", "Subscriptions", table(
                    self.bus.get_subscriptions(), column("Filter", lambda item: item.get_filter()), column("Receiver", lambda item: item.get_receiver()))),
                ("peers", "Peers", table(
                    self.bus.get_connections(), column("Client", lambda peer: peer.get_client_id() or ""), column("From", lambda peer: peer.dup_address()))),
                ("sinks", "Sinks", table(
                    self.bus.get_sinks(), column("Sink", lambda runner: runner.get_name()), column("State", lambda runner: runner.get_state().value_nick),
                    column("Waiting", lambda runner: str(runner.get_depth())), column("Written", lambda runner: str(runner.get_property("n-written"))),
                    column("Last error", lambda runner: runner.get_last_error() or ""))),
                ("twins", "Twins", table(
                    twins, column("Twin", lambda twin: twin.dup_id(), opens=True, of_tree=True),
                    column("State", lambda twin: twin.get_state().value_nick, of_tree=True)))):
            self.stack.add_titled(page, name, title)

        header = Gtk.HeaderBar(title_widget=Gtk.StackSwitcher(stack=self.stack))
        self.window = Gtk.ApplicationWindow(application=application, title="Hawser monitor", default_width=720, default_height=480, child=self.stack)
        self.window.set_titlebar(header)
        self.window.present()
        print("listening on", self.listener.dup_bound_address(), flush=True)

    def close(self):
        if self.runner is not None:
            self.runner.stop()
        self.listener.stop()
        self.bus.close()


def main():
    application = Gtk.Application(flags=Gio.ApplicationFlags.NON_UNIQUE)
    address = sys.argv[1] if sys.argv[1:] else "tcp:127.0.0.1:1883"
    monitors = []

    def on_activate(_application):
        try:
            monitors.append(Monitor(application, address, *sys.argv[2:3]))
        except GLib.Error as error:
            print(f"monitor.py: {error.message}", file=sys.stderr)

    application.connect("activate", on_activate)
    application.run(None)
    for monitor in monitors:
        monitor.close()
    sys.exit(0 if monitors else 1)


if __name__ == "__main__":
    main()
