#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// sink.js: a destination that nobody connects from; here it prints. A sink only writes one batch and says how it went.
// The runner around it batches, retries, and keeps messages until the sink said that they are safe. It needs no network
// and ends by itself.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';

const Printer = GObject.registerClass({
    Implements: [Hawser.Sink],
}, class Printer extends GObject.Object {
    // Answer each write exactly once: now as here, or later from a callback.
    vfunc_write(write) {
        const batch = write.get_batch();
        if (write.get_attempt() === 1) {
            print('not ready yet');
            write.fail_temporary(0, 'the printer warms up', 0);    // the runner comes again
            return;
        }
        for (let i = 0; i < batch.get_size(); i++)
            print('wrote', batch.get_message(i).dup_text());
        write.done(batch.get_size());    // all of it is safe
    }
});

const loop = GLib.MainLoop.new(null, false);
const bus = new Hawser.Bus();
const runner = Hawser.SinkRunner.new(bus, 'printer', new Printer(), 'jobs/#');

// A write as soon as three messages wait, or when one has waited for 100 ms (times are in microseconds).
runner.batch_count = 3;
runner.batch_age = 100000;
runner.retry_initial = 50000;

runner.connect('notify::n-written', () => {
    if (runner.n_written === 3)
        loop.quit();
});
runner.start();
for (const text of ['one', 'two', 'three'])
    bus.publish(Hawser.Message.new_text('jobs/office', text));
loop.run();

print('all of them are safe');
runner.stop();
bus.close();
