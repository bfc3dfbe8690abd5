#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// embed-listener.js [ADDRESS]: the whole broker inside a program, on a main context of its own, no thread started.
// It answers one request: mosquitto_rr -p 1883 -t ask -e answer -m 'are you there?'

import GLib from 'gi://GLib';
import Hawser from 'gi://Hawser?version=1';

const context = GLib.MainContext.new();
const loop = GLib.MainLoop.new(context, false);
context.push_thread_default();    // what is made from here on lives there
const bus = new Hawser.Bus();

const subscription = bus.subscribe('ask', message => {
    print('asked:', message.dup_text());
    bus.publish(Hawser.Message.new_text(message.dup_reply_to() ?? 'answer', 'yes'));
});

const listener = Hawser.Listener.new(bus, 'mqtt', 'mqtt', ARGV[0] ?? 'tcp:127.0.0.1:1883');
listener.anonymous = 'allow';
listener.connect('notify::n-connections', () => {
    if (listener.get_n_connections() === 0)
        loop.quit();
});
listener.start();
print('listening on port', listener.get_port());
loop.run();    // until the last peer has left
bus.unsubscribe(subscription);
bus.close();
context.pop_thread_default();
