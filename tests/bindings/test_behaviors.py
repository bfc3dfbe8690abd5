#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Behaviours of twins in Python: the table that the plugins in C are tested with, on the classes of examples/python, and what a
behaviour can do on a bus: keep state, send, fail."""
import json
import pathlib
import sys
import unittest

import gi
gi.require_version("Hawser", "1")
gi.require_version("HawserContract", "1")
from gi.repository import GLib, GObject, Hawser, HawserContract

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "python"))
from battery import Battery
from thermostat import Thermostat

SECOND_US = 1000000


class Meter(GObject.Object, Hawser.TwinBehavior):
    """Counts what it is given, in its state and nowhere else; tells of every third; answers what it is asked."""

    def do_handle(self, id, state, message, out):
        report = message.json()
        if "poison" in report:
            raise ValueError("it is poison")
        if "refuse" in report:
            raise GLib.Error.new_literal(Hawser.error_quark(), "refused", Hawser.Error.QUOTA)
        if message.topic.endswith("/ask"):
            out.add(Hawser.Message.new_text(message.dup_reply_to(), id))
            return None
        count = state.unpack()["attributes"].get("count", 0) + 1
        if count % 3 == 0:
            out.add(Hawser.Message.new_text("told/" + id, str(count)))
        return Hawser.variant({"attributes": {"count": count}})


class TableTest(unittest.TestCase):
    def check(self, name, behavior):
        path = str(ROOT / "tests" / "data" / f"twin-{name}.json")
        cases = HawserContract.twin_behavior_list_cases(path)
        self.assertGreaterEqual(len(cases), 10)
        for case in cases:
            with self.subTest(case):
                self.assertTrue(HawserContract.twin_behavior_check(path, case, behavior))

    def test_thermostat_answers_as_its_table_says(self):
        self.check("thermostat", Thermostat())

    def test_battery_answers_as_its_table_says(self):
        self.check("battery", Battery())

    def test_the_table_finds_a_wrong_answer(self):
        path = str(ROOT / "tests" / "data" / "twin-thermostat.json")
        with self.assertRaises(GLib.Error) as caught:
            HawserContract.twin_behavior_check(path, "cold-is-on", Battery())
        self.assertIn("changes", caught.exception.message)

    def test_thermostat_is_fifteen_lines(self):
        lines = (ROOT / "examples" / "python" / "thermostat.py").read_text(encoding="utf-8").splitlines()
        self.assertLessEqual(sum(bool(line.strip()) and not line.startswith("#") for line in lines), 15)


class BusTest(unittest.TestCase):
    def setUp(self):
        self.clock = Hawser.Clock.new_manual(SECOND_US, 1790000000 * SECOND_US)
        self.bus = Hawser.Bus.new_with_clock(self.clock)
        self.twins = Hawser.Twins.get(self.bus)
        self.host = Hawser.TwinHost.get(self.bus)
        family = Hawser.TwinFamily.new("meter")
        family.set_property("topics", ["meter/{name}"])
        family.set_property("id", "meter/{name}")
        self.twins.add_family(family)
        self.host.set_behavior("meter", Meter())
        self.seen = []
        for topic_filter in ("told/#", "deadletter/#", "answer", "$twin/failed/#"):
            self.bus.subscribe(topic_filter, lambda message: self.seen.append((message.topic, message.text)))

    def tearDown(self):
        self.bus.close()

    def run_context(self, seconds=0):
        for _ in range(seconds * 50 + 1):
            if seconds > 0:
                self.clock.advance(SECOND_US // 50)
            while GLib.MainContext.default().iteration(False):
                pass

    def publish(self, name, **report):
        self.bus.publish(Hawser.Message.new_text("meter/" + name, json.dumps(report)))

    def get_count(self, name):
        return json.loads(self.twins.dup_json("meter/" + name))["attributes"].get("count")

    def test_state_is_kept_in_the_twin_and_messages_are_sent(self):
        for _ in range(7):
            self.publish("a")
        self.publish("b")
        self.run_context()
        self.assertEqual((self.get_count("a"), self.get_count("b")), (7, 1))
        self.assertEqual(self.seen, [("told/meter/a", "3"), ("told/meter/a", "6")])

    def test_a_question_is_answered(self):
        self.publish("a")
        builder = Hawser.MessageBuilder.new("ask")
        builder.set_payload(GLib.Bytes.new(b"{}"))
        builder.set_reply_to("answer")
        self.twins.send("meter/a", "ask", builder.build())
        self.run_context()
        self.assertEqual(self.seen, [("answer", "meter/a")])

    def test_any_exception_restarts_the_twin_and_then_stops_it(self):
        for poison, text in (("poison", "ValueError: it is poison"), ("refuse", "refused")):
            with self.subTest(poison):
                self.seen.clear()
                self.publish(poison, **{poison: True})
                self.publish("good")
                self.run_context(seconds=3)
                failures = [json.loads(told) for topic, told in self.seen if topic == f"$twin/failed/meter/{poison}"]
                self.assertEqual([failure["failures"] for failure in failures], [1, 2, 3, 4])
                self.assertEqual([failure["stopped"] for failure in failures], [False, False, False, True])
                self.assertEqual(failures[0]["error"], text)
                self.assertIn((f"deadletter/twin/meter/{poison}", json.dumps({poison: True})), self.seen)
                self.assertTrue(self.host.restart("meter/" + poison))
                self.publish(poison)
                self.assertEqual(self.get_count(poison), 1)
        self.assertEqual(self.get_count("good"), 2)

    def test_behaviour_without_a_function_fails_and_does_not_crash(self):
        class Empty(GObject.Object, Hawser.TwinBehavior):
            pass

        with self.assertRaises(GLib.Error) as caught:
            Empty().handle("a", Hawser.variant({}), Hawser.Message.new_text("a", "b"), Hawser.Batch.new())
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.INVALID))

    def test_answer_of_another_shape_is_a_failure(self):
        class Odd(GObject.Object, Hawser.TwinBehavior):
            def do_handle(self, id, state, message, out):
                return GLib.Variant("s", "on")

        self.host.set_behavior("meter", Odd())
        self.publish("odd")
        self.run_context()
        self.assertEqual(json.loads(self.seen[0][1])["error"], "the behaviour returned s and not a{sv}")


    def test_events_timers_and_reminders_of_a_behaviour(self):
        class Account(GObject.Object, Hawser.TwinBehavior):
            def do_handle(self, id, state, message, out):
                if message.topic.startswith("$twin/"):
                    return Hawser.variant({"attributes": {message.topic.split("/")[1]: message.text}})
                return Hawser.variant({"events": [{"by": 2}, {"by": 3}], "timers": {"soon": 1, "never": None},
                                       "reminders": {"later": {"after": 2, "payload": "rent"}}})

            def do_apply_event(self, id, state, event):
                return Hawser.variant({"attributes": {"sum": state.unpack()["attributes"].get("sum", 0) + event.unpack()["by"]}})

        self.host.set_behavior("meter", Account())
        self.publish("a")
        self.run_context()
        self.assertEqual(json.loads(self.twins.dup_json("meter/a"))["attributes"], {"sum": 5})
        self.assertEqual(self.host.list_reminders("meter/a"), ["later"])
        self.run_context(seconds=3)
        self.assertEqual(json.loads(self.twins.dup_json("meter/a"))["attributes"], {"sum": 5, "timer": "", "reminder": "rent"})
        self.assertEqual(self.host.list_reminders("meter/a"), [])
        self.assertTrue(self.host.set_reminder("meter/a", "again", 5 * SECOND_US, 0, GLib.Bytes.new(b"tax")))
        self.assertTrue(self.host.cancel_reminder("meter/a", "again"))

    def test_event_that_raises_changes_nothing(self):
        class Odd(GObject.Object, Hawser.TwinBehavior):
            def do_handle(self, id, state, message, out):
                return Hawser.variant({"events": ["x"]})

            def do_apply_event(self, id, state, event):
                raise ValueError("it cannot happen")

        self.host.set_behavior("meter", Odd())
        self.publish("odd")
        self.run_context()
        self.assertEqual(json.loads(self.seen[0][1])["error"], "ValueError: it cannot happen")


class VariantTest(unittest.TestCase):
    def test_what_json_can_say_comes_back(self):
        value = {"a": [1, 2.5, "x", True, None, {"b": {}}], "c": -1}
        self.assertEqual(Hawser.variant(value).unpack(), value)
        self.assertEqual(Hawser.variant(True).get_type_string(), "b")
        self.assertRaises(TypeError, Hawser.variant, {"a": object()})


if __name__ == "__main__":
    unittest.main()
