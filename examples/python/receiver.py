#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""receiver.py: a subscription of one's own type. bus.subscribe() with a function is shorter; this is for a type that
takes messages by the batch, wants to know what it lost, or keeps state. It needs no network and ends by itself.
"""
import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, GObject, Hawser

loop = GLib.MainLoop()


class Counter(GObject.Object, Hawser.Subscription):
    n_received = 0

    def do_dup_filter(self):
        return "sensor/+/temperature"

    def do_deliver(self, batch):
        """All that came since the last time, in order."""
        for i in range(batch.get_size()):
            message = batch.get_message(i)
            print("received", message.get_topic(), message.dup_text())
            self.n_received += 1
        if self.n_received == 3:
            loop.quit()

    def do_lost(self, n_messages):
        """Optional: we were too slow."""
        print("lost", n_messages)

    def do_ended(self):
        """Optional: nothing will come any more."""
        print("ended after", self.n_received)
        loop.quit()


bus = Hawser.Bus()
counter = Counter()
bus.add_subscription(counter)
for room, degrees in ("kitchen", 20), ("hall", 19), ("cellar", 18):
    bus.publish(Hawser.Message.new_text(f"sensor/{room}/temperature", str(degrees)))
loop.run()    # do_deliver() ends it

bus.unsubscribe(counter)
loop.run()    # do_ended() ends it
bus.close()
