// SPDX-License-Identifier: LGPL-2.1-or-later

// The introspected API as GJS sees it, without a line of override: run with overrides on and off. Writes TAP.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Hawser from 'gi://Hawser?version=1';
import HawserContract from 'gi://HawserContract?version=1';
import System from 'system';

const DEADLINE_MS = 120000;

function check(condition, text) {
    if (!condition)
        throw new Error(text ?? 'not so');
}

function same(actual, expected) {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a !== b)
        throw new Error(`${a} is not ${b}`);
}

// Runs the main context, event by event, until the condition holds.
function runUntil(condition) {
    const context = GLib.MainContext.default();
    let isLate = false;
    const source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, DEADLINE_MS, () => {
        isLate = true;
        return GLib.SOURCE_CONTINUE;
    });
    while (!condition() && !isLate)
        context.iteration(true);
    GLib.source_remove(source);
    check(!isLate, 'nothing happened in time');
}

function fails(code, func) {
    let caught = null;
    try {
        func();
    } catch (error) {
        caught = error;
    }
    check(caught !== null, 'nothing was thrown');
    check(caught instanceof GLib.Error, `${caught}`);
    check(caught.matches(Hawser.Error, code), `${caught}`);
    return caught;
}

const text = message => message.dup_text();
const make = (topic, payload) => Hawser.Message.new_text(topic, payload);

const Receiver = GObject.registerClass({
    Implements: [Hawser.Subscription],
}, class Receiver extends GObject.Object {
    constructor(filter) {
        super();
        Object.assign(this, {ownFilter: filter, messages: [], nLost: 0, hasEnded: false});
    }

    vfunc_dup_filter() {
        return this.ownFilter;
    }

    vfunc_deliver(batch) {
        for (let i = 0; i < batch.get_size(); i++)
            this.messages.push(batch.get_message(i));
    }

    vfunc_lost(nMessages) {
        this.nLost += nMessages;
    }

    vfunc_ended() {
        this.hasEnded = true;
    }
});

const Shouting = GObject.registerClass({
    Implements: [Hawser.Topic],
}, class Shouting extends GObject.Object {
    vfunc_dup_name() {
        return 'shout';
    }

    vfunc_publish(message) {
        return text(message) ? make('shout', text(message).toUpperCase()) : null;
    }
});

const Users = GObject.registerClass({
    Implements: [Hawser.Identity],
}, class Users extends GObject.Object {
    constructor(error = null) {
        super();
        this.error = error;
    }

    vfunc_understands(kind) {
        return kind === Hawser.CredentialKind.PASSWORD;
    }

    vfunc_authenticate(kind, name, secret) {
        if (this.error)
            throw this.error;
        if (!name)
            throw new Hawser.Error({code: Hawser.Error.NOT_AUTHORIZED, message: 'refused by the test'});
        const password = secret ? new TextDecoder().decode(secret.toArray()) : '';
        if (password !== [...name].reverse().join(''))
            throw new Hawser.Error({code: Hawser.Error.NOT_AUTHORIZED, message: 'refused by the test'});
        return Hawser.Principal.new(name, {role: 'pilot'});
    }
});

const Collector = GObject.registerClass({
    Implements: [Hawser.Sink],
}, class Collector extends GObject.Object {
    constructor(nFailures = 0) {
        super();
        Object.assign(this, {nFailures, texts: [], attempts: [], isStopped: false});
    }

    vfunc_write(write) {
        const batch = write.get_batch();
        this.attempts.push(write.get_attempt());
        if (this.nFailures > 0) {
            this.nFailures--;
            write.fail_temporary(0, 'not now', 0);
            return;
        }
        for (let i = 0; i < batch.get_size(); i++)
            this.texts.push(text(batch.get_message(i)));
        write.done(batch.get_size());
    }

    vfunc_stop() {
        this.isStopped = true;
    }
});

const tests = {
    'message/payload-is-binary-safe'() {
        const data = Uint8Array.from({length: 770}, (_, i) => i % 256);
        const message = Hawser.Message.new('a/b', new GLib.Bytes(data));
        same([...message.dup_payload().toArray()], [...data]);
        same(text(message), null);
    },

    'message/builder-sets-what-readers-read'() {
        const builder = Hawser.MessageBuilder.new('a/b');
        builder.set_text('{}');
        builder.set_qos(Hawser.Qos.AT_LEAST_ONCE);
        builder.set_retain(true);
        builder.set_content_type('application/json');
        builder.add_property('unit', 'm');
        const message = builder.build();
        same([message.get_topic(), text(message), message.get_qos(), message.get_retain(), message.dup_content_type(),
            message.dup_property('unit'), message.dup_properties()],
        ['a/b', '{}', Hawser.Qos.AT_LEAST_ONCE, true, 'application/json', 'm', {unit: 'm'}]);
    },

    'message/kept-after-dispatch-stays-whole'() {
        const bus = new Hawser.Bus();
        const kept = [];
        // GJS lends a callback its arguments; a reference makes them ours.
        const subscription = bus.subscribe('keep/#', message => kept.push(message.ref()));
        for (let i = 0; i < 1000; i++)
            bus.publish(make(`keep/${i}`, `${i} `.repeat(50)));
        runUntil(() => kept.length === 1000);
        bus.unsubscribe(subscription);
        bus.close();
        System.gc();
        kept.forEach((message, i) => same([message.get_topic(), text(message)], [`keep/${i}`, `${i} `.repeat(50)]));
    },

    'bus/models-iterate-and-tell-changes'() {
        const bus = new Hawser.Bus();
        const changes = [];
        for (const model of [bus.topics, bus.subscriptions, bus.connections, bus.listeners])
            same([...model], []);
        bus.topics.connect('items-changed', (_model, ...change) => changes.push(change));
        bus.add_topic(Hawser.LocalTopic.new('a/b'));
        const subscription = bus.subscribe('a/#', () => {});
        same([...bus.topics].map(topic => topic.dup_name()), ['a/b']);
        same([...bus.subscriptions].map(item => item.get_filter()), ['a/#']);
        bus.unsubscribe(subscription);
        bus.remove_topic('a/b');
        same(changes, [[0, 0, 1], [0, 1, 0]]);
        bus.close();
    },

    'bus/topic-property-notifies'() {
        const topic = Hawser.LocalTopic.new('a');
        const seen = [];
        topic.connect('notify::description', () => seen.push(topic.description));
        topic.description = 'altitude';
        same(seen, ['altitude']);
    },

    'bus/async-pair-ends-with-its-finish'() {
        const bus = new Hawser.Bus();
        const outcome = [];
        bus.publish_async(make('a', '1'), null, (source, result) => outcome.push(source.publish_finish(result)));
        same(outcome, []);
        runUntil(() => outcome.length);
        same(outcome, [true]);
        bus.close();
    },

    'bus/async-failure-is-thrown-by-finish'() {
        const bus = new Hawser.Bus();
        const outcome = [];
        bus.close();
        bus.publish_async(make('a', '1'), null, (source, result) => outcome.push(fails(Hawser.Error.CLOSED, () => source.publish_finish(result))));
        runUntil(() => outcome.length);
    },

    'subscription/receiver-gets-batches-and-the-end'() {
        const bus = new Hawser.Bus();
        const receiver = new Receiver('a/+');
        bus.add_subscription(receiver);
        for (let i = 0; i < 5; i++)
            bus.publish(make(`a/${i}`, `${i}`));
        bus.publish(make('b', 'no'));
        runUntil(() => receiver.messages.length === 5);
        same(receiver.messages.map(text), ['0', '1', '2', '3', '4']);
        bus.unsubscribe(receiver);
        runUntil(() => receiver.hasEnded);
        bus.close();
    },

    'subscription/slow-receiver-is-told-what-it-lost'() {
        const bus = new Hawser.Bus();
        const receiver = new Receiver('#');
        bus.add_subscription(receiver);
        for (let i = 0; i < 30000; i++)
            bus.publish(make('a', `${i}`));
        runUntil(() => receiver.nLost + receiver.messages.length === 30000);
        check(receiver.nLost > 0);
        bus.close();
    },

    'topic/changes-and-keeps-back-messages'() {
        const bus = new Hawser.Bus();
        const receiver = new Receiver('#');
        bus.add_subscription(receiver);
        bus.add_topic(new Shouting());
        for (const word of ['land', '', 'now'])
            bus.publish(make('shout', word));
        runUntil(() => receiver.messages.length === 2);
        same(receiver.messages.map(text), ['LAND', 'NOW']);
        bus.close();
    },

    'sink/gets-batches-and-what-failed-again'() {
        const bus = new Hawser.Bus();
        const sink = new Collector(2);
        const runner = Hawser.SinkRunner.new(bus, 'collector', sink, 'jobs/#');
        runner.batch_count = 10;
        runner.retry_initial = 1000;
        const seen = [];
        runner.connect('notify::n-written', () => seen.push(runner.n_written));
        runner.start();
        for (let i = 0; i < 25; i++)
            bus.publish(make('jobs/a', `${i}`));
        runUntil(() => seen.at(-1) === 25);
        same(sink.texts, Array.from({length: 25}, (_, i) => `${i}`));
        check(sink.attempts.includes(2));
        runner.stop();
        check(sink.isStopped);
        bus.close();
    },

    'identity/answers-at-once-and-asynchronously'() {
        const users = new Users();
        const principal = users.authenticate(Hawser.CredentialKind.PASSWORD, 'ada', new GLib.Bytes(new TextEncoder().encode('ada')));
        same([principal.get_name(), principal.get_claim('role')], ['ada', 'pilot']);
        const outcome = [];
        users.authenticate_async(Hawser.CredentialKind.PASSWORD, 'bob', new GLib.Bytes(new TextEncoder().encode('bob')), null,
            (source, result) => outcome.push(source.authenticate_finish(result)));
        runUntil(() => outcome.length);
        same(outcome[0].get_name(), 'bob');
        fails(Hawser.Error.NOT_AUTHORIZED, () => users.authenticate(Hawser.CredentialKind.PASSWORD, 'eve', null));
    },

    'identity/keeps-the-contract-of-the-role'() {
        const facts = HawserContract.identity_list_facts();
        check(facts.length > 10);
        for (const fact of facts)
            HawserContract.identity_check(fact, new Users(), 'grace', 'ecarg', 'role=pilot');
    },

    'identity/lets-foreign-clients-in-and-keeps-them-out'() {
        const bus = new Hawser.Bus();
        const listener = Hawser.Listener.new(bus, 'mqtt', 'mqtt', 'tcp:127.0.0.1:0');
        const [seen, notified] = [[], []];
        bus.subscribe('#', message => seen.push(text(message)));
        listener.add_identity(new Users());
        listener.connect('notify::n-connections', () => notified.push(true));
        listener.start();
        for (const [password, isRight] of [['xyz', false], ['ada', true]]) {
            const process = Gio.Subprocess.new(['mosquitto_pub', '-p', `${listener.get_port()}`, '-u', 'ada', '-P', password, '-t', 'a',
                '-q', '1', '-m', password], Gio.SubprocessFlags.STDERR_SILENCE | Gio.SubprocessFlags.STDOUT_SILENCE);
            const outcome = [];
            process.wait_async(null, (source, result) => outcome.push(source.wait_finish(result)));
            runUntil(() => outcome.length);
            same(process.get_exit_status() === 0, isRight);
        }
        runUntil(() => seen.length && notified.length);
        same(seen, ['ada']);
        listener.stop();
        bus.close();
    },

    'error/every-code-is-caught-by-its-kind'() {
        for (const name of ['INVALID', 'MALFORMED', 'NOT_AUTHORIZED', 'NOT_FOUND', 'EXISTS', 'DISABLED', 'TOO_LARGE', 'QUOTA', 'TIMEOUT',
            'UNAVAILABLE', 'CLOSED', 'CORRUPT']) {
            const users = new Users(new Hawser.Error({code: Hawser.Error[name], message: name}));
            same(fails(Hawser.Error[name], () => users.authenticate(Hawser.CredentialKind.PASSWORD, 'x', null)).message, name);
        }
    },

    'error/library-errors-are-caught-by-kind'() {
        const bus = new Hawser.Bus();
        const receiver = new Receiver('a');
        bus.add_subscription(receiver);
        fails(Hawser.Error.INVALID, () => bus.subscribe('a/#/b', () => {}));
        fails(Hawser.Error.EXISTS, () => bus.add_subscription(receiver));
        fails(Hawser.Error.NOT_FOUND, () => Hawser.Listener.new(bus, 'x', 'no-such-protocol', 'tcp:127.0.0.1:0'));
        bus.close();
        fails(Hawser.Error.CLOSED, () => bus.publish(make('a', '1')));
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
