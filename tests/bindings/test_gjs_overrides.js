// SPDX-License-Identifier: LGPL-2.1-or-later

// The sugar for GJS: bindings/gjs/overrides/Hawser.js. Writes TAP.

import GLib from 'gi://GLib';
import Hawser from 'gi://Hawser?version=1';
import System from 'system';

function same(actual, expected) {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a !== b)
        throw new Error(`${a} is not ${b}`);
}

const make = (topic, text) => Hawser.Message.new_text(topic, text);

const tests = {
    'message/reads-like-javascript'() {
        const message = Hawser.Message.new('a/b', new GLib.Bytes(new TextEncoder().encode('{"x":[1,"ä"]}')));
        same([message.topic, message.text, message.json(), message.properties], ['a/b', '{"x":[1,"ä"]}', {x: [1, 'ä']}, {}]);
        same([...Hawser.Message.new('a', new GLib.Bytes(Uint8Array.of(255, 0))).payload], [255, 0]);
    },

    'batch/iterates'() {
        const batch = Hawser.Batch.new();
        for (const text of 'abc')
            batch.add(make('t', text));
        same([batch.length, [...batch].map(message => message.text)], [3, ['a', 'b', 'c']]);
    },

    'bus/message-of-a-callback-may-be-kept'() {
        const bus = new Hawser.Bus();
        const kept = [];
        const subscription = bus.subscribe('#', message => kept.push(message));
        for (let i = 0; i < 1000; i++)
            bus.publish(make('a', `${i} `.repeat(50)));
        while (kept.length < 1000)
            GLib.MainContext.default().iteration(true);
        bus.unsubscribe(subscription);
        bus.close();
        System.gc();
        same(kept.map(message => message.text), Array.from({length: 1000}, (_, i) => `${i} `.repeat(50)));
    },

    async 'bus/pair-is-awaited'() {
        const bus = new Hawser.Bus();
        same(await bus.publish_async(make('a', '1'), null), true);
        bus.close();
        let caught = null;
        await bus.publish_async(make('a', '2'), null).catch(error => (caught = error));
        same(caught?.matches(Hawser.Error, Hawser.Error.CLOSED), true);
    },

    async 'sink-runner/pair-is-awaited'() {
        const bus = new Hawser.Bus();
        const sink = new (imports.gi.GObject.registerClass({Implements: [Hawser.Sink]}, class Sink extends imports.gi.GObject.Object {
            texts = [];

            vfunc_write(write) {
                this.texts.push(...[...write.get_batch()].map(message => message.text));
                write.done(write.get_batch().length);
            }
        }))();
        const runner = Hawser.SinkRunner.new(bus, 'sink', sink, '#');
        runner.start();
        bus.publish(make('a', '1'));
        same([await runner.drain_async(null), sink.texts], [true, ['1']]);
        bus.close();
    },
};

const loop = GLib.MainLoop.new(null, false);
let nFailed = 0;

async function runAll() {
    let i = 0;
    print(`1..${Object.keys(tests).length}`);
    for (const [name, test] of Object.entries(tests)) {
        i++;
        try {
            await test();
            print(`ok ${i} /gjs/overrides/${name}`);
        } catch (error) {
            nFailed++;
            print(`not ok ${i} /gjs/overrides/${name}`);
            print(`# ${error} ${error.stack ?? ''}`.replaceAll('\n', '\n# '));
        }
    }
    loop.quit();
}

GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
    runAll();
    return GLib.SOURCE_REMOVE;
});
loop.run();
System.exit(nFailed > 0 ? 1 : 0);
