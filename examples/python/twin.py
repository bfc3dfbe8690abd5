#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twin.py: a family of twins on a bus of one's own. Messages of roofs become twins, a street counts what is below it, and
the children of a twin are a list model, as a GTK list wants it. It needs no network and ends by itself.
"""
import json

import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, Hawser

loop = GLib.MainLoop()
bus = Hawser.Bus()
twins = Hawser.Twins.get(bus)

roof = Hawser.TwinFamily.new("roof")
roof.set_property("topics", ["roof/{street}/{number}/telemetry"])
roof.set_property("id", "roof/{street}/{number}")
roof.set_property("parent", "street/{street}")
roof.set_property("aggregate", ["sum:power-kw", "count:online"])
roof.set_property("aggregate-interval", 10000)
twins.add_family(roof)

street = Hawser.TwinFamily.new("street")
street.set_property("id", "street/{street}")
twins.add_family(street)


def on_aggregate(id, change, revision, text):
    """The change as JSON, the same that $twin/aggregate/street/lake has on the bus."""
    if json.loads(text)["aggregate"]["power-kw"]["sum"] == 7.5:
        print(f"{id}: 7.5 kW")
        loop.quit()


twins.observe("street/#", Hawser.TwinChange.AGGREGATE, on_aggregate)
for number, power in ("1", 2.5), ("2", 4.0), ("3", 1.0):
    bus.publish(Hawser.Message.new_text(f"roof/lake/{number}/telemetry", json.dumps({"power-kw": power})))
loop.run()    # on_aggregate() ends it

lake = twins.dup_twin("street/lake")
for child in lake.get_children():
    print(child.dup_id(), child.get_state().value_nick, f'{child.dup_property("power-kw").unpack():.1f}')
second = twins.dup_twin("roof/lake/2")
second.patch(json.dumps({"desired": {"limit-kw": 3}}))
limit = second.dup_property("/desired/limit-kw").unpack()
print(f"roof/lake/2 is to give {limit:.0f} kW at most")
bus.close()
