#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// publish.js [--once] [ADDRESS]: a program that publishes. It holds the bus itself, so no daemon is needed: whoever speaks
// MQTT connects to it.
//
//     publish.js                                       (here)
//     mosquitto_sub -p 1883 -t example/time            (in another terminal)
//
// ADDRESS is tcp:127.0.0.1:1883 unless given; port 0 takes a free one. With --once it publishes one message and leaves
// when somebody has connected, read and gone.

import GLib from 'gi://GLib';
import Hawser from 'gi://Hawser?version=1';
import System from 'system';

const isOnce = ARGV[0] === '--once';
const address = ARGV[isOnce ? 1 : 0] ?? 'tcp:127.0.0.1:1883';
const loop = GLib.MainLoop.new(null, false);
const bus = new Hawser.Bus();

function publishTime() {
    const text = GLib.DateTime.new_now_utc().format_iso8601();
    // A message never changes, so there is a builder for all that is not topic and payload.
    const builder = Hawser.MessageBuilder.new('example/time');
    builder.set_text(text);
    builder.set_retain(true);    // who comes later gets the last one
    try {
        bus.publish(builder.build());
        print('published', text);
    } catch (error) {
        printerr('not published:', error.message);
    }
    return GLib.SOURCE_CONTINUE;
}

// Where others connect. This one lets in everybody, which is only right on loopback.
let listener;
try {
    listener = Hawser.Listener.new(bus, 'example', 'mqtt', address);
    listener.anonymous = 'allow';
    listener.start();
} catch (error) {
    printerr('publish.js:', error.message);
    System.exit(1);
}
print('listening on', listener.dup_bound_address());

publishTime();
if (isOnce) {
    listener.connect('notify::n-connections', () => {
        if (listener.get_n_opened() > 0 && listener.get_n_connections() === 0)
            loop.quit();
    });
} else {
    GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, 1, publishTime);
}
loop.run();

listener.stop();
bus.close();
