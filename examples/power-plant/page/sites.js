// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the page together: the stream feeds the state, and what changed is drawn at most ten times a second.

import { age, clock, finite, nameOf, number, percent, power, signed, timeOfDay } from './format.js';
import { Chart } from './chart.js';
import { Dispatch } from './dispatch.js';
import { SiteMap } from './map.js';
import { State } from './state.js';
import { Tree } from './tree.js';
import { openStream, readHistory } from './stream.js';

const FRAME_MS = 100;
const CALM_FRAME_MS = 1000;
const READ_MS = 500;               // for what people read rather than watch
const MAX_LOG = 40;
const HISTORY_S = 180;

const byId = id => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const state = new State();
let selected = 'fleet';
let readAt = -Infinity;
let drawnAt = -Infinity;
let isNew = true;                  // the first picture waits for all that is there
const touch = () => { isNew = true; };

const tree = new Tree(byId('tree'), state, select);
const map = new SiteMap(byId('map'), state, touch, select);
const chart = new Chart(byId('chart'), byId('chart-value'), touch);
const dispatch = new Dispatch(document.querySelector('.dispatch'), state, dispatched);
const orders = [];

function put(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

// ---- What happens ----

function log(kind, sign, node, text) {
  const item = document.createElement('li');
  item.dataset.kind = kind;
  item.innerHTML = '<time></time><i aria-hidden="true"></i><span><button type="button"></button> <em></em></span>';
  item.querySelector('time').textContent = timeOfDay(Date.now());
  item.querySelector('i').textContent = sign;
  const button = item.querySelector('button');
  button.textContent = state.pathTo(node).slice(1).map(n => nameOf(n.id)).join(', ') || nameOf(node.id);
  button.addEventListener('click', () => select(node.id));
  item.querySelector('em').replaceWith(text);
  byId('log').prepend(item);
  while (byId('log').children.length > MAX_LOG)
    byId('log').lastElementChild.remove();
}

const words = { online: ['✓', 'is back'], stale: ['…', 'is quiet'], offline: ['✕', 'is gone'] };

state.onChange = (node, before, now) => {
  if (before === 'stale' && now === 'online')
    log('online', '✓', node, 'speaks again');
  else
    log(now, words[now][0], node, words[now][1]);
};

function dispatched(node, kw, at) {
  orders.push({ id: node.id, at, text: kw === 0 ? 'back' : `${signed(kw)} kW` });
  log('dispatch', '→', node, kw === 0 ? 'is on its own again' : `is to give ${signed(kw)} kW`);
  touch();
}

// ---- What is selected ----

async function select(id) {
  const node = state.nodes.get(id);
  if (!node)
    return;
  selected = id;
  map.selected = id;
  tree.show(id);
  dispatch.select(node);
  readAt = -Infinity;
  touch();
  if (node.isSite && !node.hasHistory) {
    // the bus remembers what this page did not see
    node.hasHistory = true;
    const known = await readHistory(id, 'power-kw', HISTORY_S).catch(() => []);
    const first = node.seen[0]?.at ?? Infinity;
    node.seen.unshift(...known.filter(point => point.at < first));
    touch();
  }
}

const detail = (name, text, sign) => `<div><dt>${name}</dt><dd${sign ? ` data-sign="${sign}"` : ''}>${text}</dd></div>`;
const kw = value => `${power(value)} <small>kW</small>`;
const signOf = value => !finite(value) || Math.abs(value) < 0.05 ? 'even' : value > 0 ? 'gives' : 'takes';

function showDetail(node, now) {
  const path = state.pathTo(node).slice(0, -1);
  const steps = path.map(n => n.id).join('>');
  if (byId('path').dataset.steps !== steps) {
    byId('path').dataset.steps = steps;
    byId('path').replaceChildren(...path.flatMap((n, i) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = nameOf(n.id);
      button.addEventListener('click', () => select(n.id));
      return i ? [' › ', button] : [button];
    }));
  }
  put(byId('detail-title'), nameOf(node.id));
  const { online, all } = node.counts;
  const status = byId('detail-state');
  const isOnline = node.isSite ? node.state : online === all ? 'online' : online > 0 ? 'stale' : 'offline';
  if (status.dataset.state !== isOnline)
    status.dataset.state = isOnline;
  const kinds = { home: 'A home', shop: 'A shop', depot: 'A bus depot' };
  put(status, node.isSite ? `${kinds[node.reported.kind?.value] ?? 'A site'}, ${node.state}${node.since && node.state !== 'online' ? ` for ${age(Math.floor((now - node.since) / 1000) * 1000).replace('.0', '')}` : ''}` : `${online} of ${all} sites online`);
  const does = node.get('dispatched-kw');
  const range = node.range('soc');
  const html = detail('To the grid', kw(node.get('power-kw')), signOf(node.get('power-kw'))) + detail('Sun', kw(node.get('solar-kw'))) + detail('Use', kw(node.get('load-kw')))
    + detail('Battery', `${signed(node.get('battery-kw'))} <small>kW</small>`) + detail('Charge', `${percent(node.get('soc'))} <small>%</small>`)
    + (Math.abs(does) > 0.05 ? detail('Dispatched', `${signed(does)} <small>kW</small>`)
      : node.isSite ? detail('Holds', `${number(node.get('capacity-kwh'))} <small>kWh</small>`) : range ? detail('Lowest, highest', `${percent(range[0])} – ${percent(range[1])} <small>%</small>`) : '');
  if (byId('detail-values').innerHTML !== html)
    byId('detail-values').innerHTML = html;
}

// ---- All together ----

function showTotals(root) {
  const net = root.get('power-kw'), battery = root.get('battery-kw'), does = root.get('dispatched-kw'), soc = root.get('soc');
  const { online, all } = root.counts;
  put(byId('net'), finite(net) ? power(Math.abs(net)) : '–');
  byId('net').dataset.sign = signOf(net);
  put(document.querySelector('.net .name'), net < -0.05 ? 'From the grid' : 'To the grid');
  put(byId('net-also'), Math.abs(does) > 0.05 ? `${signed(does)} kW of it dispatched` : 'nothing dispatched');
  put(byId('solar'), power(root.get('solar-kw')));
  put(byId('load'), power(root.get('load-kw')));
  put(byId('battery'), finite(battery) ? power(Math.abs(battery)) : '–');
  put(byId('battery-also'), battery > 0.05 ? 'giving' : battery < -0.05 ? 'charging' : 'resting');
  put(byId('solar-also'), root.get('solar-kw') < 0.05 ? 'night' : '');
  put(byId('load-also'), finite(root.get('solar-kw')) ? `${number(Math.min(999, root.get('solar-kw') / root.get('load-kw') * 100))} % from the sun` : '');
  put(byId('soc'), percent(soc));
  byId('soc-bar').style.width = finite(soc) ? `${soc * 100}%` : '0';
  put(byId('online'), number(online));
  put(byId('of-all'), `of ${number(all)}`);
  put(byId('online-also'), online === all ? 'all are online' : `${all - online} ${all - online === 1 ? 'is' : 'are'} away`);
  put(byId('summary'), `${number(root.children.size)} regions, ${number(all)} batteries, ${number(root.get('capacity-kw') / 1000, 1)} MW`);
  put(byId('hour'), finite(state.hour) ? `${clock(state.hour)} in the valley` : '');
}

function read(now) {
  const root = state.root;
  if (!root)
    return;
  if (!state.nodes.has(selected))
    selected = 'fleet';
  const node = state.nodes.get(selected);
  showTotals(root);
  tree.draw();
  if (!tree.selected) {
    // where there is room, down to the feeders
    if (innerWidth > 1180)
      root.children.forEach(node => tree.open.add(node.id));
    select(selected);
  }
  showDetail(node, now);
  dispatch.show(now);
  const text = `Map of ${root.counts.all} sites, ${root.counts.online} of them online, ${signed(root.get('power-kw'))} kilowatts to the grid`;
  if (Math.floor(now / 5000) !== Math.floor((now - READ_MS) / 5000))
    byId('map').setAttribute('aria-label', text);
}

function draw(at) {
  requestAnimationFrame(draw);
  if (at - drawnAt < (calm.matches ? CALM_FRAME_MS : FRAME_MS) - 4)
    return;
  const isTime = at - readAt >= READ_MS;
  // the dashes on the map move whatever happens
  if (!isNew && !isTime && calm.matches)
    return;
  drawnAt = at;
  isNew = false;
  const now = Date.now();
  if (isTime) {
    readAt = at;
    read(now);
  }
  map.draw(calm.matches ? 0 : at);
  const node = state.nodes.get(selected);
  if (node) {
    chart.points = node.seen;
    chart.marks = orders.filter(order => state.pathTo(node).some(above => above.id === order.id));
    chart.draw(now);
  }
}

const busWords = { live: 'connected', wait: 'reconnecting', lost: 'no connection' };

openStream({
  onTwin: twin => {
    state.take(twin, Date.now());
    touch();
  },
  onState: is => {
    byId('bus').dataset.state = is;
    put(byId('bus'), busWords[is]);
    dispatch.connected = is === 'live';
    dispatch.enable();
  },
});
requestAnimationFrame(draw);
