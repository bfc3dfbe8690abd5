#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later

// behavior.js: twins that act. What a room reports and what is desired of it go through thermostat.js, which desires its heater
// on or off; a region hands what it is told to dispatch to its batteries, by battery.js. It needs no network and ends by itself.

import GLib from 'gi://GLib';
import Hawser from 'gi://Hawser?version=1';

import {Battery} from './battery.js';
import {Thermostat} from './thermostat.js';

const loop = GLib.MainLoop.new(null, false);
const bus = new Hawser.Bus();
const twins = Hawser.Twins.get(bus);
const host = Hawser.TwinHost.get(bus);

function addFamily(name, behavior, properties) {
    twins.add_family(Object.assign(Hawser.TwinFamily.new(name), properties));
    host.set_behavior(name, behavior);
}

function onDesired(id, change, revision, json) {
    for (const [name, value] of Object.entries(JSON.parse(json).desired)) {
        if (name === 'heater' || name === 'power-kw')
            print(`${id}: ${name} ${typeof value === 'number' ? value.toFixed(1) : value}`);
        if (id === 'battery/lake/2')
            loop.quit();
    }
}

addFamily('room', new Thermostat(), {topics: ['home/{room}'], id: 'room/{room}'});
addFamily('battery', new Battery(), {topics: ['grid/{region}/{number}'], id: 'battery/{region}/{number}', parent: 'region/{region}'});
addFamily('region', new Battery(), {id: 'region/{region}'});
twins.observe('#', Hawser.TwinChange.DESIRED, onDesired);
twins.patch('room/kitchen', JSON.stringify({desired: {temperature: 21}}), -1, Hawser.TWIN_ANY_REVISION, null);
for (const [topic, report] of [['home/kitchen', {temperature: 18.5}], ['home/kitchen', {temperature: 22}], ['grid/lake/1', {soc: 75}],
    ['grid/lake/2', {soc: 25}]])
    bus.publish(Hawser.Message.new_text(topic, JSON.stringify(report)));
twins.send('region/lake', 'dispatch', Hawser.Message.new_text('dispatch', JSON.stringify({kw: -400})));
loop.run();    // onDesired() ends it
bus.close();
