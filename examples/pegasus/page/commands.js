// SPDX-License-Identifier: LGPL-2.1-or-later
// The two commands. Held for most of a second so that a slip sends nothing; sent by way of ground and of chase under one
// id; followed until the craft says in its telemetry what became of that id.

import { wallMs } from './clock.js';
import { milliseconds } from './format.js';

const HOLD_MS = 800;
const ARMED_MS = 4000;
const ANSWER_MS = 10000;         // the commands expire on the bus after the same time
const STATIONS = ['ground', 'chase'];

const refusals = { release: 'it releases only while it ascends', parachute: 'it opens only while it falls' };

function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return 'page-' + Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');
}

class Command {
  constructor(root) {
    this.name = root.dataset.command;
    this.button = root.querySelector('button');
    this.status = root.querySelector('.status');
    this.steps = Object.fromEntries([...root.querySelectorAll('[data-step]')].map(step => [step.dataset.step, step]));
    this.pending = null;         // { id, at }
    this.held = 0;
    this.armed = 0;

    this.button.addEventListener('pointerdown', e => {
      if (e.button === 0)
        this.hold();
    });
    for (const type of ['pointerup', 'pointerleave', 'pointercancel', 'blur'])
      this.button.addEventListener(type, () => this.letGo());
    this.button.addEventListener('keydown', e => {
      if ((e.key === 'Enter' || e.key === ' ') && !e.repeat)
        this.hold();
      if (e.key === 'Enter' || e.key === ' ')
        e.preventDefault();
    });
    this.button.addEventListener('keyup', () => this.letGo());
    // a screen reader or a switch cannot hold: it gives a click of its own, which comes without pointer and without key
    this.button.addEventListener('click', e => {
      if (e.detail === 0)
        this.arm();
    });
    this.button.addEventListener('contextmenu', e => e.preventDefault());
  }

  hold() {
    this.letGo();
    this.button.classList.add('holding');
    this.held = setTimeout(() => {
      this.letGo();
      this.send();
    }, HOLD_MS);
  }

  letGo() {
    clearTimeout(this.held);
    this.button.classList.remove('holding');
  }

  arm() {
    if (this.button.classList.contains('armed')) {
      this.disarm();
      this.send();
      return;
    }
    this.button.classList.add('armed');
    this.say('Press once more to send.');
    this.armed = setTimeout(() => this.disarm(), ARMED_MS);
  }

  disarm() {
    clearTimeout(this.armed);
    this.button.classList.remove('armed');
  }

  say(text) {
    if (this.status.textContent !== text)
      this.status.textContent = text;
  }

  step(name, is) {
    this.steps[name].dataset.is = is;
  }

  async send() {
    const pending = this.pending = { id: makeId(), at: wallMs() };
    for (const name of Object.keys(this.steps))
      this.step(name, 'wait');
    this.say('Sent.');
    const sent = await Promise.all(STATIONS.map(station => this.post(station, pending)));
    if (this.pending !== pending)
      return;
    if (!sent.includes(true)) {
      this.fail('Not sent: the bus did not take it.');
      return;
    }
    setTimeout(() => {
      if (this.pending === pending)
        this.fail('No answer from the craft.');
    }, ANSWER_MS);
  }

  fail(text) {
    this.pending = null;
    this.step('craft', 'fail');
    this.say(text);
  }

  // Returns whether the bus took it for this station.
  async post(station, { id }) {
    let taken = false;
    try {
      const answer = await fetch(`/v1/topics/command/${this.name}/${station}?qos=1`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'ce-id': id },
        body: JSON.stringify({ command: this.name, id, time: new Date().toISOString() }),
      });
      taken = answer.ok;
    } catch {
      // no connection: said below
    }
    if (this.pending?.id === id || this.lastId === id)
      this.step(station, taken ? 'done' : 'fail');
    return taken;
  }

  // The craft repeats in each frame what became of the last command it heard.
  acknowledged(command, now) {
    if (!this.pending || command.id !== this.pending.id)
      return;
    const took = milliseconds(now - this.pending.at);
    this.lastId = this.pending.id;
    this.pending = null;
    const done = command.outcome === 'done';
    this.step('craft', done ? 'done' : 'fail');
    this.say(done ? `Done by the craft after ${took}, by way of ${command.via}.` : `Refused by the craft: ${refusals[this.name]}.`);
  }
}

export class Commands {
  constructor(root) {
    this.commands = [...root.querySelectorAll('.command')].map(element => new Command(element));
  }

  take(event, now) {
    const acknowledged = event.data?.command;
    if (event.subject.startsWith('craft/') && acknowledged && event.hawserretained !== true)
      for (const command of this.commands)
        command.acknowledged(acknowledged, now);

    // somebody else's command
    const [kind, name] = event.subject.split('/');
    if (kind === 'command' && event.hawserretained !== true)
      for (const command of this.commands)
        if (command.name === name && !command.pending && event.id !== command.lastId)
          command.say('Sent by someone else just now.');
  }

  setConnected(isConnected) {
    for (const { button } of this.commands)
      button.disabled = !isConnected;
  }
}
