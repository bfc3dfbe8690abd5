#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""publish.py [--once] [ADDRESS]: a program that publishes. It holds the bus itself, so no daemon is needed: whoever
speaks MQTT connects to it.

    publish.py                                       (here)
    mosquitto_sub -p 1883 -t example/time            (in another terminal)

ADDRESS is tcp:127.0.0.1:1883 unless given; port 0 takes a free one. With --once it publishes one message and leaves
when somebody has connected, read and gone.
"""
import sys

import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, Hawser


def publish_time(bus):
    text = GLib.DateTime.new_now_utc().format_iso8601()
    # A message never changes, so there is a builder for all that is not topic and payload.
    builder = Hawser.MessageBuilder.new("example/time")
    builder.set_text(text)
    builder.set_retain(True)    # who comes later gets the last one
    try:
        bus.publish(builder.build())
        print("published", text, flush=True)
    except GLib.Error as error:
        print("not published:", error.message, file=sys.stderr)
    return GLib.SOURCE_CONTINUE


def main():
    arguments = sys.argv[1:]
    is_once = "--once" in arguments[:1]
    address = (arguments[is_once:] or ["tcp:127.0.0.1:1883"])[0]
    loop = GLib.MainLoop()
    bus = Hawser.Bus()

    # Where others connect. This one lets in everybody, which is only right on loopback.
    try:
        listener = Hawser.Listener.new(bus, "example", "mqtt", address)
        listener.set_property("anonymous", "allow")
        listener.start()
    except GLib.Error as error:
        sys.exit(f"publish.py: {error.message}")
    print("listening on", listener.dup_bound_address(), flush=True)

    def on_connections_changed(listener, _property):
        if listener.get_n_opened() > 0 and listener.get_n_connections() == 0:
            loop.quit()

    publish_time(bus)
    if is_once:
        listener.connect("notify::n-connections", on_connections_changed)
    else:
        GLib.timeout_add_seconds(1, publish_time, bus)
    loop.run()

    listener.stop()
    bus.close()


main()
