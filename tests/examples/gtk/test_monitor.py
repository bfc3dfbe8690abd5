#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_monitor.py DIRECTORY: the window of examples/gtk on a display of its own; rows are those that a person would see."""
import os
import subprocess
import sys
import tempfile
import unittest

DIRECTORY = sys.argv[-1]
DEADLINE_S = 120


def run_with_display():
    """This program again, on an X server that says the number it took, and that outlives it."""
    end, other = os.pipe()
    command = ["Xvfb", "-displayfd", str(other), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[other], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.close(other)
        with os.fdopen(end, encoding="ascii") as answer:
            number = answer.readline().strip()
        try:
            settings = {"DISPLAY": f":{number}", "GDK_BACKEND": "x11", "GSK_RENDERER": "cairo", "GTK_A11Y": "none", "GSETTINGS_BACKEND": "memory"}
            return subprocess.run([sys.executable, *sys.argv], env={**os.environ, **settings, "HAWSER_TEST_DISPLAY": number}, check=False).returncode
        finally:
            server.terminate()


if "HAWSER_TEST_DISPLAY" not in os.environ:
    sys.exit(run_with_display())
sys.argv.pop()
sys.path.insert(0, DIRECTORY)
import monitor  # noqa: E402: GTK opens the display when it is imported
from gi.repository import Gio, GLib, Gtk  # noqa: E402


def shown(widget):
    """The texts of all labels below that are on the screen, in their order."""
    texts = []
    child = widget.get_first_child()
    while child is not None:
        if child.get_mapped():
            if isinstance(child, Gtk.Label) and child.get_width() > 0 and child.get_height() > 0:
                texts.append(child.get_text())
            texts += shown(child)
        child = child.get_next_sibling()
    return texts


class MonitorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.application = Gtk.Application(flags=Gio.ApplicationFlags.NON_UNIQUE)
        cls.application.register(None)
        cls.scratch = tempfile.TemporaryDirectory()
        cls.monitor = monitor.Monitor(cls.application, "tcp:127.0.0.1:0", os.path.join(cls.scratch.name, "archive"))
        cls.port = str(cls.monitor.listener.get_port())

    @classmethod
    def tearDownClass(cls):
        cls.monitor.window.destroy()
        cls.monitor.close()
        cls.scratch.cleanup()

    def wait(self, condition, what):
        """Runs the main loop, which is woken by what happens, until it is so."""
        context = GLib.MainContext.default()
        late = []
        source = GLib.timeout_source_new_seconds(DEADLINE_S)
        source.set_callback(lambda *_: late.append(True))
        source.attach(context)
        try:
            while not condition():
                self.assertFalse(late, f"{what}: {shown(self.monitor.stack)}")
                context.iteration(True)
        finally:
            source.destroy()

    def look_at(self, page):
        self.monitor.stack.set_transition_type(Gtk.StackTransitionType.NONE)
        self.monitor.stack.set_visible_child_name(page)

    def publish(self, topic, text, *arguments):
        process = Gio.Subprocess.new(["mosquitto_pub", "-p", self.port, "-t", topic, "-m", text, "-q", "1", *arguments], 0)
        ended = []
        process.wait_check_async(None, lambda process, result: ended.append(process.wait_check_finish(result)))
        self.wait(lambda: ended, "mosquitto_pub ends")

    def subscribe(self, client_id, topics):
        process = Gio.Subprocess.new(["mosquitto_sub", "-p", self.port, "-i", client_id, "-t", topics], Gio.SubprocessFlags.STDOUT_SILENCE)
        self.addCleanup(process.force_exit)
        return process

    def test_topic_of_a_foreign_publisher_is_a_row(self):
        self.look_at("topics")
        self.publish("lamp/hall", "on")
        self.wait(lambda: "lamp/hall" in shown(self.monitor.stack), "a row for lamp/hall")

    def test_subscription_and_peer_come_and_go(self):
        process = self.subscribe("clock", "time/#")
        self.look_at("subscriptions")
        self.wait(lambda: {"time/#", "mqtt client clock"} <= set(shown(self.monitor.stack)), "a row for time/#")
        self.look_at("peers")
        self.wait(lambda: "clock" in shown(self.monitor.stack), "a row for the peer")
        process.force_exit()
        self.wait(lambda: "clock" not in shown(self.monitor.stack), "no row for the peer")
        self.look_at("subscriptions")
        self.wait(lambda: "time/#" not in shown(self.monitor.stack), "no row for time/#")

    def test_sink_tells_what_it_wrote(self):
        self.look_at("sinks")
        self.publish("lamp/cellar", "on")
        headings = ["Sink", "State", "Waiting", "Written", "Last error"]
        self.wait(lambda: shown(self.monitor.stack)[:7] == headings + ["archive", "running"], "a row for the sink")
        self.wait(lambda: shown(self.monitor.stack)[7:8] == ["0"] and int(shown(self.monitor.stack)[8]) > 0, "what was written")

    def test_tree_of_three_levels_grows_while_it_is_open(self):
        self.look_at("twins")
        self.publish("roof/lake/1/telemetry", '{"power-kw":2}')
        self.wait(lambda: shown(self.monitor.stack)[2:] == ["town", "online", "street/lake", "online", "roof/lake/1", "online"], "the first branch")
        self.publish("roof/hill/7/telemetry", '{"power-kw":2}')
        self.publish("roof/lake/2/telemetry", '{"power-kw":2}')
        self.wait(lambda: {"street/hill", "roof/hill/7", "roof/lake/2"} <= set(shown(self.monitor.stack)), "the other branches")

    def test_thousand_messages_are_few_changes_on_the_screen(self):
        self.look_at("topics")
        told = []
        model = self.monitor.bus.get_topics()
        handler = model.connect("items-changed", lambda *_: told.append(True))
        self.addCleanup(model.disconnect, handler)
        bus = self.monitor.bus
        for number in range(1000):
            bus.publish(monitor.Hawser.Message.new_text("fast", str(number)))
        self.wait(lambda: "fast" in shown(self.monitor.stack), "a row for fast")
        self.assertEqual(len(told), 1)


if __name__ == "__main__":
    unittest.main()
