// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the page together: the stream feeds the state, and what changed is drawn at most ten times a second.

import { number, feet, clock, age, milliseconds, place, compass } from './format.js';
import { FlightState, PHASES, finite, metresBetween } from './state.js';
import { wallMs } from './clock.js';
import { FlightMap } from './map.js';
import { Plots } from './plots.js';
import { Commands } from './commands.js';

const FRAME_MS = 100;
const CALM_FRAME_MS = 1000;
const SAVE_MS = 10000;
const SLOW_MS = 500;             // for what people read rather than watch

const GAP_MS = 10000;           // for which a loss is named
const byId = id => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const state = new FlightState();
let isDirty = true;
let drawnAt = -Infinity;
let readAt = -Infinity;
let gapTimer = 0;

const touch = () => { isDirty = true; };
const map = new FlightMap(byId('map'), state, touch);
const plots = new Plots(document.querySelector('.plots'), state, touch);
const commands = new Commands(document.querySelector('.commands'));

function put(id, text) {
  const element = byId(id);
  if (element.textContent !== text)
    element.textContent = text;
}

const show = (value, digits) => finite(value) ? number(value, digits) : '–';

function showCraft(frame) {
  put('altitude-ft', feet(frame.altitude));
  put('altitude-m', number(frame.altitude));
  put('trend', frame['vertical-speed'] > 0.5 ? '↑ rising' : frame['vertical-speed'] < -0.5 ? '↓ falling' : '');
  put('vertical', show(frame['vertical-speed'], 1));
  put('vertical-also', finite(frame['vertical-speed']) ? `${number(Math.round(frame['vertical-speed'] / 0.3048 * 60 / 10) * 10)} ft/min` : '');
  put('speed', show(frame.speed, 1));
  put('speed-also', finite(frame.speed) ? `${number(frame.speed * 1.943844)} kn${frame.speed > 0.5 ? ` to ${compass(frame.heading)}` : ''}` : '');
  put('temperature', show(frame.temperature, 1));
  put('temperature-also', finite(frame.temperature) ? `${number(frame.temperature * 1.8 + 32)} °F` : '');
  put('pressure', show(frame.pressure, frame.pressure < 100 ? 1 : 0));
  put('pressure-also', finite(frame.pressure) ? `${number(frame.pressure / 10.1325, 1)} % of sea level` : '');
  put('battery', show(frame.battery?.volts, 2));
  put('humidity', show(frame.humidity));
  put('position', place(frame.gps.lat, frame.gps.lon));
}

function showChase(chase) {
  const landed = state.head?.phase === 'landed';
  const goal = landed ? { lat: state.head.gps.lat, lon: state.head.gps.lon } : state.landing;
  put('chase-speed', number(chase.speed, 1));
  put('chase-speed-also', chase.speed > 0.5 ? `${number(chase.speed * 3.6 / 1.609344)} mph to ${compass(chase.heading)}` : 'standing');
  put('chase-to', landed ? 'To the craft' : 'To the landing');
  const metres = goal ? metresBetween(chase, goal) : NaN;
  put('chase-distance', finite(metres) ? number(metres / 1000, metres < 9950 ? 1 : 0) : '–');
  put('chase-distance-also', finite(metres) ? `${number(metres / 1609.344, metres < 15900 ? 1 : 0)} mi` : '');
  put('chase-position', place(chase.lat, chase.lon));
}

function showPhases(frame) {
  const now = PHASES.indexOf(frame.phase);
  for (const item of byId('phases').children) {
    const phase = item.dataset.phase;
    const index = PHASES.indexOf(phase);
    const is = index === now ? 'now' : index < now ? 'past' : 'next';
    if (item.dataset.is !== is)
      item.dataset.is = is;
    if (is === 'now')
      item.setAttribute('aria-current', 'step');
    else
      item.removeAttribute('aria-current');
    const at = state.phaseAt[phase];
    const text = phase !== 'ready' && finite(at) ? `T+${clock(at)}` : '';
    if (item.lastElementChild.textContent !== text)
      item.lastElementChild.textContent = text;
  }
  put('clock', clock(frame.phase === 'landed' ? state.phaseAt.landed ?? frame.elapsed : frame.elapsed));
}

const phaseWords = { ready: 'On the pad', ascent: 'Climbing', descent: 'Falling', parachute: 'Under the parachute', landed: 'Landed' };
const stateWords = { none: 'not yet', live: 'hears it', late: 'late', gone: 'lost' };

function showSummary(frame, now) {
  const both = ['ground', 'chase'].map(receiver => state.hears(receiver, now));
  if (both.every(heard => heard.state !== 'live' && heard.state !== 'late')) {
    put('summary', `Last heard ${age(Math.min(...both.filter(h => h.state !== 'none').map(h => h.age)))} ago: ${phaseWords[frame.phase].toLowerCase()}`);
    return;
  }
  const soon = state.landing && (frame.phase === 'ascent' || frame.phase === 'descent' || frame.phase === 'parachute');
  put('summary', phaseWords[frame.phase] + (soon ? `, landing expected at T+${clock(frame.elapsed + state.landing.in).slice(0, 5)}` : ''));
}

function showReceivers(now) {
  for (const receiver of ['ground', 'chase']) {
    const { state: is, age: ms } = state.hears(receiver, now);
    const item = byId(`hears-${receiver}`);
    const heard = state.receivers[receiver];
    if (item.dataset.state !== is)
      item.dataset.state = is;
    const text = is === 'none' ? stateWords.none : is === 'live' ? stateWords.live : `${stateWords[is]}, ${age(ms)} ago`;
    const detail = heard && finite(heard.rssi) ? `${number(heard.rssi)} dBm over ${number(heard.range / 1000, heard.range < 9950 ? 1 : 0)} km` : '';
    for (const [part, value] of [['.state', text], ['.detail', detail]]) {
      const element = item.querySelector(part);
      if (element.textContent !== value)
        element.textContent = value;
    }
  }
}

function showLatency() {
  const latency = state.latency();
  if (!latency)
    return;
  if (latency.p50 < -0.5) {
    put('latency', 'not known');
    put('latency-tail', '');
    put('latency-radio', 'The clock of this device is behind the craft’s.');
    return;
  }
  put('latency', milliseconds(Math.max(0, latency.p50)));
  put('latency-tail', `99 % within ${milliseconds(Math.max(0, latency.p99))}`);
  put('latency-radio', latency.radio >= 1 ? `${milliseconds(latency.radio)} of it on the radio` : `median of ${latency.n} messages`);
}

function draw(now) {
  requestAnimationFrame(draw);
  if (now - drawnAt < (calm.matches ? CALM_FRAME_MS : FRAME_MS) - 4)
    return;
  const isTime = now - readAt >= SLOW_MS;
  if (!isDirty && !isTime)
    return;
  drawnAt = now;
  isDirty = false;
  if (state.head) {
    showCraft(state.head);
    showPhases(state.head);
  }
  if (state.chase)
    showChase(state.chase);
  if (map.draw(wallMs()))
    isDirty = true;
  plots.draw();
  if (isTime) {
    readAt = now;
    showReceivers(wallMs());
    showLatency();
    if (state.head)
      showSummary(state.head, wallMs());
    const text = map.describe();
    if (Math.floor(now / 5000) !== Math.floor((now - SLOW_MS) / 5000) && map.surface.canvas.getAttribute('aria-label') !== text)
      map.surface.canvas.setAttribute('aria-label', text);
  }
}

const busWords = { live: 'connected', wait: 'reconnecting', lost: 'no connection' };

function onEvent(event, at) {
  if (state.take(event, at))
    touch();
  commands.take(event, at);
}

function onState(is, detail) {
  const pill = byId('bus');
  pill.dataset.state = is;
  pill.title = detail;
  if (is === 'live')
    state.connected(wallMs());
  put('bus', busWords[is]);
  commands.setConnected(is === 'live');
}

function onGap(lost) {
  put('bus', lost === null ? 'connected, some lost' : `connected, ${number(lost)} lost`);
  clearTimeout(gapTimer);
  gapTimer = setTimeout(() => put('bus', busWords[byId('bus').dataset.state]), GAP_MS);
}

commands.setConnected(false);
state.restore();
new Worker(new URL('listener.js', import.meta.url), { type: 'module' }).onmessage = ({ data }) => {
  if (data.event)
    onEvent(data.event, data.at);
  else if (data.state)
    onState(data.state, data.detail);
  else if (data.gap)
    onGap(data.gap.lost);
};
setInterval(() => state.save(), SAVE_MS);
addEventListener('pagehide', () => state.save());
requestAnimationFrame(draw);
