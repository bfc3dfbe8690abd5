#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""embed-listener.py [ADDRESS]: the whole broker inside a program, on a main context of its own, no thread started.
It answers one request: mosquitto_rr -p 1883 -t ask -e answer -m 'are you there?'
"""
import sys

import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, Hawser

context = GLib.MainContext.new()
loop = GLib.MainLoop.new(context, False)
context.push_thread_default()    # what is made from here on lives there
bus = Hawser.Bus()


def on_ask(message):
    print("asked:", message.dup_text(), flush=True)
    bus.publish(Hawser.Message.new_text(message.dup_reply_to() or "answer", "yes"))


def on_connections_changed(listener, _property):
    if listener.get_n_connections() == 0:
        loop.quit()


subscription = bus.subscribe("ask", on_ask)
listener = Hawser.Listener.new(bus, "mqtt", "mqtt", sys.argv[1] if sys.argv[1:] else "tcp:127.0.0.1:1883")
listener.set_property("anonymous", "allow")
listener.connect("notify::n-connections", on_connections_changed)
listener.start()
print("listening on port", listener.get_port(), flush=True)
loop.run()    # until the last peer has left
bus.close()
context.pop_thread_default()
