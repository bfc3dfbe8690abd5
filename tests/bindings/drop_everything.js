// SPDX-License-Identifier: LGPL-2.1-or-later

// Drops every reference it has, round after round, while messages flow and with no word of good-bye, and collects garbage
// at once. test_gjs_collector.py reads what GJS has to say about that. Prints the number of messages that arrived.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';
import System from 'system';

const N_ROUNDS = 40;
const context = GLib.MainContext.default();
let nArrived = 0;

const Receiver = GObject.registerClass({
    Implements: [Hawser.Subscription],
}, class Receiver extends GObject.Object {
    vfunc_dup_filter() {
        return '#';
    }

    vfunc_deliver(batch) {
        nArrived += batch.get_size();
    }

    vfunc_ended() {
        nArrived += 0;
    }
});

const Sink = GObject.registerClass({
    Implements: [Hawser.Sink],
}, class Sink extends GObject.Object {
    vfunc_write(write) {
        write.done(write.get_batch().get_size());
    }

    vfunc_stop() {
        nArrived += 0;
    }
});

function round() {
    const bus = new Hawser.Bus();
    const runner = Hawser.SinkRunner.new(bus, 'sink', new Sink(), '#');
    const listener = Hawser.Listener.new(bus, 'mqtt', 'mqtt', 'tcp:127.0.0.1:0');
    runner.connect('notify', () => nArrived += 0);
    runner.start();
    listener.anonymous = 'allow';
    listener.connect('notify', () => nArrived += 0);
    listener.start();
    bus.topics.connect('items-changed', () => nArrived += 0);
    bus.add_subscription(new Receiver());
    bus.subscribe('a/#', () => nArrived++);
    bus.publish_async(Hawser.Message.new_text('a/async', '1'), null, () => nArrived += 0);
    for (let i = 0; i < 200; i++)
        bus.publish(Hawser.Message.new_text(`a/${i}`, 'x'));
    for (let i = 0; i < 3; i++)
        context.iteration(false);
    for (let i = 0; i < 200; i++)
        bus.publish(Hawser.Message.new_text(`a/${i}`, 'y'));
}

for (let i = 0; i < N_ROUNDS; i++) {
    round();
    System.gc();
    while (context.iteration(false))
        continue;
    System.gc();
}
print(nArrived);
