#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// subscribe.js [--once] [ADDRESS [FILTER]]: a program that subscribes. It holds the bus itself and prints what others
// publish to it over MQTT.
//
//     subscribe.js                                           (here)
//     mosquitto_pub -p 1883 -t example/hello -m 'hello'      (in another terminal)
//
// ADDRESS is tcp:127.0.0.1:1883 and FILTER is # (everything) unless given. With --once it leaves after one message.

import GLib from 'gi://GLib';
import Hawser from 'gi://Hawser?version=1';
import System from 'system';

const isOnce = ARGV[0] === '--once';
const [address = 'tcp:127.0.0.1:1883', filter = '#'] = ARGV.slice(isOnce ? 1 : 0);
const loop = GLib.MainLoop.new(null, false);
const bus = new Hawser.Bus();

// Runs in the main loop of whoever subscribed, never inside somebody's publish call.
function onMessage(message) {
    const text = message.dup_text();    // null: the payload is no text
    print(message.get_topic(), text ?? '(binary)');
    if (isOnce)
        loop.quit();
}

let subscription, listener;
try {
    subscription = bus.subscribe(filter, onMessage);
    listener = Hawser.Listener.new(bus, 'example', 'mqtt', address);
    listener.anonymous = 'allow';
    listener.start();
} catch (error) {
    printerr('subscribe.js:', error.message);
    System.exit(1);
}
print('listening on', listener.dup_bound_address());

loop.run();

bus.unsubscribe(subscription);
listener.stop();
bus.close();
