#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""behavior.py: twins that act. What a room reports and what is desired of it go through thermostat.py, which desires its
heater on or off; a region hands what it is told to dispatch to its batteries, by battery.py. It needs no network and ends
by itself.
"""
import json

import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, Hawser

from battery import Battery
from thermostat import Thermostat

loop = GLib.MainLoop()
bus = Hawser.Bus()
twins = Hawser.Twins.get(bus)
host = Hawser.TwinHost.get(bus)


def add_family(name, behavior, **properties):
    family = Hawser.TwinFamily.new(name)
    for key, value in properties.items():
        family.set_property(key, value)
    twins.add_family(family)
    host.set_behavior(name, behavior)


def on_desired(id, change, revision, text):
    for name, value in json.loads(text)["desired"].items():
        if name in ("heater", "power-kw"):
            print(f"{id}: {name} {value}")
        if id == "battery/lake/2":
            loop.quit()


add_family("room", Thermostat(), topics=["home/{room}"], id="room/{room}")
add_family("battery", Battery(), topics=["grid/{region}/{number}"], id="battery/{region}/{number}", parent="region/{region}")
add_family("region", Battery(), id="region/{region}")
twins.observe("#", Hawser.TwinChange.DESIRED, on_desired)
twins.patch("room/kitchen", json.dumps({"desired": {"temperature": 21}}), -1, Hawser.TWIN_ANY_REVISION, None)
for topic, report in (("home/kitchen", {"temperature": 18.5}), ("home/kitchen", {"temperature": 22.0}),
                      ("grid/lake/1", {"soc": 75}), ("grid/lake/2", {"soc": 25})):
    bus.publish(Hawser.Message.new_text(topic, json.dumps(report)))
twins.send("region/lake", "dispatch", Hawser.Message.new_text("dispatch", json.dumps({"kw": -400})))
loop.run()    # on_desired() ends it
bus.close()
