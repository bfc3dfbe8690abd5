#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sugar for Python: bindings/python/gi/overrides/Hawser.py."""
import asyncio
import threading
import unittest
import warnings

import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, Hawser


def text_message(topic, text):
    return Hawser.Message.new_text(topic, text)


class OverridesTest(unittest.TestCase):
    def setUp(self):
        self.bus = Hawser.Bus()

    def tearDown(self):
        self.bus.close()

    def test_message_reads_like_python(self):
        message = Hawser.Message.new("a/b", GLib.Bytes.new(b'{"x": [1, "\xc3\xa4"]}'))
        self.assertEqual((message.topic, message.payload), ("a/b", b'{"x": [1, "\xc3\xa4"]}'))
        self.assertEqual((message.text, message.json()), ('{"x": [1, "ä"]}', {"x": [1, "ä"]}))
        self.assertEqual(dict(message.properties), {})

    def test_payload_that_is_no_text_or_json_says_so(self):
        message = Hawser.Message.new("a", GLib.Bytes.new(b"\xff\0"))
        self.assertEqual((message.payload, message.text), (b"\xff\0", None))
        self.assertRaises(ValueError, message.json)
        self.assertEqual(Hawser.Message.new("a", None).payload, b"")

    def test_batch_is_a_sequence(self):
        batch = Hawser.Batch.new()
        for text in "abc":
            batch.add(text_message("t", text))
        self.assertEqual([m.text for m in batch], ["a", "b", "c"])
        self.assertEqual((len(batch), batch[0].text, batch[-1].text, [m.text for m in batch[1:]]), (3, "a", "c", ["b", "c"]))
        self.assertRaises(IndexError, lambda: batch[3])

    def test_topics_iterate_and_are_found_by_name(self):
        self.bus.add_topic(Hawser.LocalTopic.new("a/b"))
        self.bus.add_topic(Hawser.LocalTopic.new("c"))
        self.assertEqual(sorted(topic.dup_name() for topic in self.bus.topics), ["a/b", "c"])
        self.assertEqual((len(self.bus.topics), self.bus.topics["a/b"].dup_name()), (2, "a/b"))
        self.assertIn("c", self.bus.topics)
        self.assertNotIn("d", self.bus.topics)
        with self.assertRaises(KeyError):
            self.bus.topics["d"]
        self.assertEqual((len(self.bus.connections), len(self.bus.listeners)), (0, 0))

    def test_with_ends_the_subscription(self):
        seen = []
        with self.bus.subscribe("a/#", seen.append) as subscription:
            self.assertIsInstance(subscription, Hawser.Subscription)
            self.assertEqual([s.get_filter() for s in self.bus.subscriptions], ["a/#"])
            self.bus.publish(text_message("a/b", "1"))
            while not seen:
                GLib.MainContext.default().iteration(True)
        self.assertEqual(len(self.bus.subscriptions), 0)

    def test_lost_result_is_warned_about(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.bus.publish_async(text_message("a", "1"), None, None)
        self.assertEqual([str(w.message).split("(")[0] for w in caught], ["publish_async"])

    def test_pair_is_awaited_with_glib_on_its_own_thread(self):
        loop = GLib.MainLoop()
        thread = threading.Thread(target=loop.run)

        async def publish():
            outcomes = [await Hawser.aio(self.bus, "publish", text_message("a", str(i))) for i in range(20)]
            GLib.idle_add(self.bus.close)
            while True:
                try:
                    await asyncio.wait_for(Hawser.aio(self.bus, "publish", text_message("a", "late")), 30)
                except GLib.Error as error:
                    return outcomes, error

        thread.start()
        try:
            outcomes, error = asyncio.run(publish())
        finally:
            loop.quit()
            thread.join()
        self.assertEqual(outcomes, [True] * 20)
        self.assertTrue(error.matches(Hawser.error_quark(), Hawser.Error.CLOSED))


if __name__ == "__main__":
    unittest.main()
