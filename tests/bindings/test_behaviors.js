// SPDX-License-Identifier: LGPL-2.1-or-later

// test_behaviors.js SOURCE-ROOT: behaviours of twins in JavaScript: the table that the plugins in C are tested with, on the classes
// of examples/gjs, and what a behaviour can do on a bus: keep state, send, fail. Writes TAP.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';
import HawserContract from 'gi://HawserContract?version=1';
import System from 'system';

const [root] = ARGV;
const {Battery} = await import(`file://${root}/examples/gjs/battery.js`);
const {Thermostat} = await import(`file://${root}/examples/gjs/thermostat.js`);
const SECOND_US = 1000000;

function check(condition, text) {
    if (!condition)
        throw new Error(text ?? 'not so');
}

function same(actual, expected) {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a !== b)
        throw new Error(`${a} is not ${b}`);
}

// Counts what it is given, in its state and nowhere else; tells of every third.
const Meter = GObject.registerClass({Implements: [Hawser.TwinBehavior]}, class Meter extends GObject.Object {
    vfunc_handle(id, state, message, out) {
        if ('poison' in message.json())
            throw new Error('it is poison');
        const count = (state.recursiveUnpack().attributes.count ?? 0) + 1;
        if (count % 3 === 0)
            out.add(Hawser.Message.new_text(`told/${id}`, `${count}`));
        return Hawser.variant({attributes: {count}});
    }
});

function checkTable(name, behavior) {
    const path = `${root}/tests/data/twin-${name}.json`;
    const cases = HawserContract.twin_behavior_list_cases(path);
    check(cases.length >= 10, 'the table is short');
    cases.forEach(one => HawserContract.twin_behavior_check(path, one, behavior));
}

// A bus with one family of meters, on a clock that stands still.
function withMeters(func) {
    const clock = Hawser.Clock.new_manual(SECOND_US, 1790000000 * SECOND_US);
    const bus = Hawser.Bus.new_with_clock(clock);
    const twins = Hawser.Twins.get(bus);
    const host = Hawser.TwinHost.get(bus);
    twins.add_family(Object.assign(Hawser.TwinFamily.new('meter'), {topics: ['meter/{name}'], id: 'meter/{name}'}));
    host.set_behavior('meter', new Meter());
    const seen = [];
    for (const filter of ['told/#', 'deadletter/#', '$twin/failed/#'])
        bus.subscribe(filter, message => seen.push([message.topic, message.text]));
    const publish = (name, report = {}) => bus.publish(Hawser.Message.new_text(`meter/${name}`, JSON.stringify(report)));
    const getCount = name => JSON.parse(twins.dup_json(`meter/${name}`)).attributes.count;
    const run = (seconds = 0) => {
        for (let i = 0; i <= seconds * 50; i++) {
            if (seconds > 0)
                clock.advance(SECOND_US / 50);
            while (GLib.MainContext.default().iteration(false))
                ;
        }
    };
    func({host, twins, seen, publish, getCount, run});
    bus.close();
}

const tests = {
    'behavior/thermostat-answers-as-its-table-says'() {
        checkTable('thermostat', new Thermostat());
    },

    'behavior/battery-answers-as-its-table-says'() {
        checkTable('battery', new Battery());
    },

    'behavior/the-table-finds-a-wrong-answer'() {
        let text = '';
        try {
            checkTable('thermostat', new Battery());
        } catch (error) {
            text = error.message;
        }
        check(text.includes('changes'), text);
    },

    'behavior/state-is-kept-in-the-twin-and-messages-are-sent'() {
        withMeters(({seen, publish, getCount, run}) => {
            for (let i = 0; i < 7; i++)
                publish('a');
            publish('b');
            run();
            same([getCount('a'), getCount('b')], [7, 1]);
            same(seen, [['told/meter/a', '3'], ['told/meter/a', '6']]);
        });
    },

    'behavior/any-error-restarts-the-twin-and-then-stops-it'() {
        withMeters(({host, seen, publish, getCount, run}) => {
            publish('bad', {poison: 1});
            publish('good');
            run(3);
            const failures = seen.filter(([topic]) => topic === '$twin/failed/meter/bad').map(([, text]) => JSON.parse(text));
            same(failures.map(({failures: n, stopped}) => [n, stopped]), [[1, false], [2, false], [3, false], [4, true]]);
            check(failures[0].error.includes('it is poison'), failures[0].error);
            check(seen.some(([topic, text]) => topic === 'deadletter/twin/meter/bad' && text === '{"poison":1}'));
            same(getCount('good'), 1);
            check(host.restart('meter/bad'));
            publish('bad');
            same(getCount('bad'), 1);
        });
    },

    'behavior/events-timers-and-reminders-of-a-behaviour'() {
        const Account = GObject.registerClass({Implements: [Hawser.TwinBehavior]}, class Account extends GObject.Object {
            vfunc_handle(_id, _state, message, _out) {
                if (message.topic.startsWith('$twin/'))
                    return Hawser.variant({attributes: {[message.topic.split('/')[1]]: message.text}});
                return Hawser.variant({events: [{by: 2}, {by: 3}], timers: {soon: 1, never: null}, reminders: {later: {after: 2, payload: 'rent'}}});
            }

            vfunc_apply_event(_id, state, event) {
                return Hawser.variant({attributes: {sum: (state.recursiveUnpack().attributes.sum ?? 0) + event.recursiveUnpack().by}});
            }
        });

        withMeters(({host, twins, publish, run}) => {
            const getAttributes = () => JSON.parse(twins.dup_json('meter/a')).attributes;
            host.set_behavior('meter', new Account());
            publish('a');
            run();
            same(getAttributes(), {sum: 5});
            same(host.list_reminders('meter/a'), ['later']);
            run(3);
            same(getAttributes(), {sum: 5, timer: '', reminder: 'rent'});
            same(host.list_reminders('meter/a'), []);
        });
    },

    'variant/what-json-can-say-comes-back'() {
        const value = {a: [1, 2.5, 'x', true, null, {b: {}}], c: -1};
        same(Hawser.variant(value).recursiveUnpack(), value);
        let caught = null;
        try {
            Hawser.variant({a: undefined});
        } catch (error) {
            caught = error;
        }
        check(caught instanceof TypeError, `${caught}`);
    },
};

let nFailed = 0;
print(`1..${Object.keys(tests).length}`);
Object.entries(tests).forEach(([name, test], i) => {
    try {
        test();
        print(`ok ${i + 1} /gjs/${name}`);
    } catch (error) {
        nFailed++;
        print(`not ok ${i + 1} /gjs/${name}`);
        print(`# ${error} ${error.stack ?? ''}`.replaceAll('\n', '\n# '));
    }
});
System.exit(nFailed > 0 ? 1 : 0);
