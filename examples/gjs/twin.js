#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// twin.js: a family of twins on a bus of one's own. Messages of roofs become twins, a street counts what is below it, and
// the children of a twin are a list model, as a GTK list wants it. It needs no network and ends by itself.

import GLib from 'gi://GLib';
import Hawser from 'gi://Hawser?version=1';

const loop = GLib.MainLoop.new(null, false);
const bus = new Hawser.Bus();
const twins = Hawser.Twins.get(bus);

const roof = Hawser.TwinFamily.new('roof');
roof.topics = ['roof/{street}/{number}/telemetry'];
roof.id = 'roof/{street}/{number}';
roof.parent = 'street/{street}';
roof.aggregate = ['sum:power-kw', 'count:online'];
roof.aggregate_interval = 10000;
twins.add_family(roof);

const street = Hawser.TwinFamily.new('street');
street.id = 'street/{street}';
twins.add_family(street);

// The change as JSON, the same that $twin/aggregate/street/lake has on the bus.
function onAggregate(id, change, revision, json) {
    if (JSON.parse(json).aggregate['power-kw'].sum === 7.5) {
        print(`${id}: 7.5 kW`);
        loop.quit();
    }
}

twins.observe('street/#', Hawser.TwinChange.AGGREGATE, onAggregate);
for (const [number, power] of [['1', 2.5], ['2', 4.0], ['3', 1.0]])
    bus.publish(Hawser.Message.new_text(`roof/lake/${number}/telemetry`, JSON.stringify({'power-kw': power})));
loop.run();    // onAggregate() ends it

const children = twins.dup_twin('street/lake').get_children();
for (let i = 0; i < children.get_n_items(); i++) {
    const child = children.get_item(i);
    print(child.dup_id(), Hawser.twin_state_to_nick(child.get_state()), child.dup_property('power-kw').deepUnpack().toFixed(1));
}
const second = twins.dup_twin('roof/lake/2');
second.patch(JSON.stringify({desired: {'limit-kw': 3}}));
const limit = second.dup_property('/desired/limit-kw').deepUnpack();
print(`roof/lake/2 is to give ${limit.toFixed(0)} kW at most`);
bus.close();
