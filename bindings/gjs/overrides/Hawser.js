// SPDX-License-Identifier: LGPL-2.1-or-later

// Sugar for GJS. Nothing here is needed: all of it is reachable by the introspected names. GJS finds this file below any
// directory of its search path, for imports.gi and gi:// alike.

const {Gio, GLib} = imports.gi;

function getter(prototype, name, get) {
    Object.defineProperty(prototype, name, {configurable: true, enumerable: false, get});
}

// Without a callback, x_async() returns a promise of what x_finish() returns.
const PAIRS = {Assembly: ['drain'], Bus: ['publish'], SinkRunner: ['drain', 'test']};

// A variant of what JSON can say, as changes of a twin are: {desired: {heater: 'on'}}. Numbers are of type d.
function variant(value) {
    if (value === null)
        return new GLib.Variant('mv', null);
    if (Array.isArray(value))
        return new GLib.Variant('av', value.map(variant));
    switch (typeof value) {
    case 'object':
        return new GLib.Variant('a{sv}', Object.fromEntries(Object.entries(value).map(([name, item]) => [name, variant(item)])));
    case 'boolean':
        return new GLib.Variant('b', value);
    case 'number':
        return new GLib.Variant('d', value);
    case 'string':
        return new GLib.Variant('s', value);
    default:
        throw new TypeError(`no variant of ${typeof value}`);
    }
}

function _init() {
    const Hawser = this;
    Hawser.variant = variant;
    const message = Hawser.Message.prototype;

    getter(message, 'payload', function () {
        return this.dup_payload().toArray();
    });
    getter(message, 'text', function () {
        return this.dup_text();
    });
    getter(message, 'topic', function () {
        return this.get_topic();
    });
    getter(message, 'properties', function () {
        return this.dup_properties();
    });
    // Throws SyntaxError for a payload that is not JSON.
    message.json = function () {
        return JSON.parse(this.dup_text() ?? '');
    };

    getter(Hawser.Batch.prototype, 'length', function () {
        return this.get_size();
    });
    Hawser.Batch.prototype[Symbol.iterator] = function* () {
        for (let i = 0; i < this.get_size(); i++)
            yield this.get_message(i);
    };

    // GJS only lends a callback its arguments; a message of ours may be kept.
    const {subscribe} = Hawser.Bus.prototype;
    Hawser.Bus.prototype.subscribe = function (filter, func) {
        return subscribe.call(this, filter, lent => func(lent.ref()));
    };

    for (const [type, names] of Object.entries(PAIRS)) {
        for (const name of names)
            Gio._promisify(Hawser[type].prototype, `${name}_async`, `${name}_finish`);
    }
}
