// SPDX-License-Identifier: LGPL-2.1-or-later
// The built-in page: totals and tables every second from /v1/admin, messages live from /v1/events.
'use strict';

const PERIOD_MS = 1000;
const ROWS = 200;
const LOG_LINES = 200;
const byId = id => document.getElementById(id);
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const size = bytes => `${number.format(bytes / 1048576)} MiB`;
let before = null, topicsBefore = new Map(), source = null, isPaused = false, pending = [];

function text(parent, tag, value, className) {
  const element = document.createElement(tag);
  element.textContent = value;
  if (className)
    element.className = className;
  parent.append(element);
  return element;
}

function fill(id, rows) {
  const body = document.createElement('tbody');
  for (const cells of rows) {
    const row = document.createElement('tr');
    cells.forEach(cell => text(row, 'td', typeof cell === 'number' ? number.format(cell) : cell ?? '', typeof cell === 'number' ? 'n' : ''));
    body.append(row);
  }
  byId(id).tBodies[0].replaceWith(body);
}

function uptime(seconds) {
  const d = Math.floor(seconds / 86400), h = Math.floor(seconds / 3600) % 24, m = Math.floor(seconds / 60) % 60;
  return d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : m ? `${m} min ${seconds % 60} s` : `${seconds} s`;
}

function note(id, list) {
  byId(id).textContent = list.next ? `first ${list.items.length}` : `${list.items.length}`;
}

async function get(path) {
  const answer = await fetch(path, { cache: 'no-store' });
  if (!answer.ok)
    throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function showTotals(now) {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const rate = name => seconds > 0 ? Math.max(0, now[name] - before[name]) / seconds : 0;
  const tiles = [
    ['messages in / s', number.format(rate('published'))],
    ['messages out / s', number.format(rate('delivered'))],
    ['topics', number.format(now.topics)],
    ['subscriptions', `${number.format(now.subscriptions)}`],
    ['durable', number.format(now.durable)],
    ['connections', number.format(now.connections)],
    ['queued', number.format(now.queued)],
    ['dropped', number.format(now.dropped)],
    ['refused', number.format(now.refused)],
    ['memory', size(now.resident_bytes)],
    ['uptime', uptime(now.uptime_s)],
  ];
  byId('tiles').replaceChildren(...tiles.map(([label, value]) => {
    const tile = document.createElement('div');
    text(tile, 'b', value);
    text(tile, 'span', label);
    return tile;
  }));
  byId('host').textContent = `${now.host} · ${now.version}`;
  before = now;
}

function showTopics(list, at) {
  const next = new Map();
  fill('topics', list.items.map(topic => {
    const old = topicsBefore.get(topic.name);
    const rate = old ? (topic.n_published - old.n) / ((at - old.at) / 1000) : 0;
    next.set(topic.name, { n: topic.n_published, at });
    return [topic.name, topic.n_published, rate, topic.retained_value ? 'kept' : ''];
  }));
  topicsBefore = next;
  note('topics-note', list);
}

async function refresh() {
  const [status, topics, subscriptions, connections, listeners] = await Promise.all([
    get('/v1/admin/status'), get(`/v1/admin/topics?limit=${ROWS}`), get(`/v1/admin/subscriptions?limit=${ROWS}`),
    get(`/v1/admin/connections?limit=${ROWS}`), get('/v1/admin/listeners')]);
  const at = performance.now();
  showTotals({ ...status, at });
  showTopics(topics, at);
  fill('subscriptions', subscriptions.items.map(s => [s.filter, s.receiver, s.durable ? 'durable' : 'ephemeral', s.n_queued, s.n_delivered, s.n_dropped]));
  note('subscriptions-note', subscriptions);
  fill('connections', connections.items.map(c => [c.listener, c.protocol, c.principal ?? c.client_id ?? 'anonymous', c.address, c.n_received, c.n_delivered]));
  note('connections-note', connections);
  fill('listeners', listeners.items.map(l => [l.name, l.protocol, l.address, l.tls ? 'yes' : 'no', l.anonymous ? 'yes' : 'no', l.n_connections]));
}

function setState(words, isBad) {
  byId('state').textContent = words;
  byId('state').className = isBad ? 'bad' : '';
}

async function tick() {
  if (!document.hidden) {
    try {
      await refresh();
      setState('live', false);
    } catch (error) {
      before = null;
      setState(`no answer (${error.message})`, true);
    }
  }
  setTimeout(tick, PERIOD_MS);
}

// Lines are drawn once a frame: a fast topic costs no more than the screen shows.
function draw() {
  const log = byId('log'), atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  for (const [topic, words] of pending) {
    const line = document.createElement('li');
    if (topic)
      text(line, 'b', topic);
    else
      line.className = 'gap';
    line.append(` ${words}`);
    log.append(line);
  }
  pending = [];
  while (log.childElementCount > LOG_LINES)
    log.firstElementChild.remove();
  if (atEnd)
    log.scrollTop = log.scrollHeight;
}

function show(topic, words) {
  if (isPaused)
    return;
  if (pending.length === 0)
    requestAnimationFrame(draw);
  pending.push([topic, words]);
  if (pending.length > LOG_LINES)
    pending.shift();
}

function follow() {
  if (source)
    source.close();
  byId('log').replaceChildren();
  source = new EventSource(`/v1/events?filter=${encodeURIComponent(byId('filter').value || '#')}`);
  source.onmessage = message => {
    const event = JSON.parse(message.data);
    const data = 'data' in event ? (typeof event.data === 'string' ? event.data : JSON.stringify(event.data)) : event.data_base64 ? `${event.data_base64} (base64)` : '(empty)';
    show(event.subject, data.length > 400 ? `${data.slice(0, 400)}…` : data);
  };
  source.addEventListener('gap', gap => show('', `messages lost: ${JSON.parse(gap.data).lost ?? 'unknown'}`));
}

byId('filter').addEventListener('change', follow);
byId('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  byId('pause').textContent = isPaused ? 'Go on' : 'Pause';
});
follow();
tick();
