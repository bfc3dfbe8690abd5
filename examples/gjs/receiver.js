#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// receiver.js: a subscription of one's own type. bus.subscribe() with a function is shorter; this is for a type that takes
// messages by the batch, wants to know what it lost, or keeps state. It needs no network and ends by itself.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';

const loop = GLib.MainLoop.new(null, false);

const Counter = GObject.registerClass({
    Implements: [Hawser.Subscription],
}, class Counter extends GObject.Object {
    nReceived = 0;

    vfunc_dup_filter() {
        return 'sensor/+/temperature';
    }

    // All that came since the last time, in order.
    vfunc_deliver(batch) {
        for (let i = 0; i < batch.get_size(); i++) {
            const message = batch.get_message(i);
            print('received', message.get_topic(), message.dup_text());
            this.nReceived++;
        }
        if (this.nReceived === 3)
            loop.quit();
    }

    // Optional: we were too slow.
    vfunc_lost(nMessages) {
        print('lost', nMessages);
    }

    // Optional: nothing will come any more.
    vfunc_ended() {
        print('ended after', this.nReceived);
        loop.quit();
    }
});

const bus = new Hawser.Bus();
const counter = new Counter();
bus.add_subscription(counter);
for (const [room, degrees] of [['kitchen', 20], ['hall', 19], ['cellar', 18]])
    bus.publish(Hawser.Message.new_text(`sensor/${room}/temperature`, `${degrees}`));
loop.run();    // vfunc_deliver() ends it

bus.unsubscribe(counter);
loop.run();    // vfunc_ended() ends it
bus.close();
