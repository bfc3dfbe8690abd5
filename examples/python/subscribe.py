#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""subscribe.py [--once] [ADDRESS [FILTER]]: a program that subscribes. It holds the bus itself and prints what others
publish to it over MQTT.

    subscribe.py                                           (here)
    mosquitto_pub -p 1883 -t example/hello -m 'hello'      (in another terminal)

ADDRESS is tcp:127.0.0.1:1883 and FILTER is # (everything) unless given. With --once it leaves after one message.
"""
import sys

import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, Hawser


def main():
    arguments = sys.argv[1:]
    is_once = "--once" in arguments[:1]
    arguments = arguments[is_once:]
    address = arguments[0] if arguments else "tcp:127.0.0.1:1883"
    topics = arguments[1] if arguments[1:] else "#"
    loop = GLib.MainLoop()
    bus = Hawser.Bus()

    # Runs in the main loop of whoever subscribed, never inside somebody's publish call.
    def on_message(message):
        text = message.dup_text()    # None: the payload is no text
        print(message.get_topic(), "(binary)" if text is None else text, flush=True)
        if is_once:
            loop.quit()

    try:
        subscription = bus.subscribe(topics, on_message)
        listener = Hawser.Listener.new(bus, "example", "mqtt", address)
        listener.set_property("anonymous", "allow")
        listener.start()
    except GLib.Error as error:
        sys.exit(f"subscribe.py: {error.message}")
    print("listening on", listener.dup_bound_address(), flush=True)

    loop.run()

    bus.unsubscribe(subscription)
    listener.stop()
    bus.close()


main()
