// SPDX-License-Identifier: LGPL-2.1-or-later
// The built-in page: totals and tables every second from /v1/admin, messages live from /v1/events.
'use strict';

const PERIOD_MS = 1000;
const ROWS = 200;
const LOG_LINES = 200;
const byId = id => document.getElementById(id);
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const size = bytes => `${number.format(bytes / 1048576)} MiB`;
let before = null, topicsBefore = new Map(), trends = new Map(), source = null, isPaused = false, pending = [];

function text(parent, tag, value, className) {
  const element = document.createElement(tag);
  element.textContent = value;
  if (className)
    element.className = className;
  parent.append(element);
  return element;
}

function fill(id, rows) {
  if (byId(id).querySelector('button:active'))
    return; // a button that is held down must be there when it is let go
  const body = document.createElement('tbody');
  for (const cells of rows) {
    const row = document.createElement('tr');
    cells.forEach(cell => cell instanceof Node ? text(row, 'td', '').append(cell) : text(row, 'td', typeof cell === 'number' ? number.format(cell) : cell ?? '', typeof cell === 'number' ? 'n' : ''));
    body.append(row);
  }
  // A button keeps the focus over the new rows.
  const focused = document.activeElement?.dataset?.key;
  byId(id).tBodies[0].replaceWith(body);
  if (focused)
    [...body.querySelectorAll('button')].find(button => button.dataset.key === focused)?.focus();
}

function actions(...list) {
  const box = document.createElement('span');
  for (const [label, name, method, path] of list) {
    const button = text(box, 'button', label);
    button.type = 'button';
    button.dataset.key = `${label} ${path}`;
    button.setAttribute('aria-label', `${label} ${name}`);
    button.addEventListener('click', async () => {
      const answer = await fetch(path, { method }).catch(error => ({ ok: false, statusText: error.message }));
      const detail = answer.ok ? '' : (await answer.json?.().catch(() => null))?.detail ?? answer.statusText;
      byId('done').textContent = answer.ok ? `${label} ${name}: done` : `${label} ${name}: ${detail}`;
    });
  }
  return box;
}

// MQTT 4.7: does the filter have the topic?
function matches(filter, topic) {
  const f = filter.replace(/^\$share\/[^/]*\//, '').split('/'), t = topic.split('/');
  if (topic.startsWith('$') && (f[0] === '#' || f[0] === '+'))
    return false;
  for (let i = 0; i < f.length; i++) {
    if (f[i] === '#')
      return true;
    if (i >= t.length || (f[i] !== '+' && f[i] !== t[i]))
      return false;
  }
  return f.length === t.length;
}

function bars(values, label) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), most = Math.max(1e-9, ...values);
  svg.setAttribute('viewBox', `0 0 ${values.length * 6} 20`);
  svg.setAttribute('class', 'bars');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  values.forEach((value, i) => {
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect'), height = value > 0 ? Math.max(1, value / most * 19) : 0;
    for (const [name, v] of Object.entries({ x: i * 6, y: 20 - height, width: 5, height }))
      bar.setAttribute(name, v);
    svg.append(bar);
  });
  return svg;
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
  byId('host').textContent = `${now.name ?? now.host} · ${now.version}`;
  document.title = `${now.name ?? now.host} · Hawser`;
  before = now;
}

// Adds `rate` and `subscribers` to each topic; trends are of the last 30 samples.
function measure(list, subscriptions, at) {
  const next = new Map(), recent = new Map();
  for (const topic of list.items) {
    const old = topicsBefore.get(topic.name);
    topic.rate = old ? Math.max(0, topic.n_published - old.n) / ((at - old.at) / 1000) : 0;
    topic.subscribers = subscriptions.items.filter(s => matches(s.filter, topic.name)).length;
    next.set(topic.name, { n: topic.n_published, at });
    recent.set(topic.name, [...(trends.get(topic.name) ?? []), topic.rate].slice(-30));
  }
  topicsBefore = next;
  trends = recent;
}

function showTopics(list) {
  const part = byId('topics-filter').value.toLowerCase();
  fill('topics', list.items.filter(topic => topic.name.toLowerCase().includes(part)).map(topic =>
    [topic.name, topic.n_published, topic.rate, bars(trends.get(topic.name), `${number.format(topic.rate)} a second now`), topic.subscribers, topic.retained_value ? 'kept' : '']));
  note('topics-note', list);
}

const words = us => us === null ? 'longer' : us < 1000000 ? `up to ${us / 1000} ms` : `up to ${us / 1000000} s`;

function showSinks(list) {
  byId('sinks-section').hidden = list.items.length === 0;
  fill('sinks', list.items.map(sink => {
    const path = `/v1/admin/sinks/${encodeURIComponent(sink.name)}`;
    const taken = sink.write_durations.filter(bucket => bucket.n > 0).map(bucket => `${bucket.n} ${words(bucket.up_to_us)}`).join(', ') || 'none yet';
    const state = document.createElement('span');
    state.textContent = sink.state;
    state.className = sink.state === 'failing' ? 'bad' : '';
    const offered = actions(sink.state === 'paused' ? ['Resume', sink.name, 'POST', `${path}/resume`] : ['Pause', sink.name, 'POST', `${path}/pause`],
      ['Test', sink.name, 'POST', `${path}/test`]);
    return [sink.name, sink.type, state, offered, sink.n_queued, `${number.format(sink.oldest_ms / 1000)} s`, sink.n_written, sink.n_dead_letters,
      bars(sink.write_durations.map(bucket => bucket.n), taken), sink.last_error ?? ''];
  }));
  note('sinks-note', list);
}

function showProblems(status, subscriptions, sinks, bridges, old) {
  const list = [];
  for (const sink of sinks.items) {
    if (sink.state === 'failing')
      list.push(`Sink ${sink.name} fails: ${sink.last_error ?? 'no reason known'}`);
    if (sink.state === 'paused')
      list.push(`Sink ${sink.name} is paused`);
  }
  for (const bridge of bridges.items)
    if (bridge.state !== 'connected')
      list.push(`Bridge ${bridge.name} is ${bridge.state}${bridge.last_error ? `: ${bridge.last_error}` : ''}`);
  for (const s of subscriptions.items)
    if (s.n_queued >= 1000)
      list.push(`${s.receiver} is ${number.format(s.n_queued)} messages behind (${s.filter})`);
  if (old && status.dropped > old.dropped)
    list.push(`${number.format(status.dropped - old.dropped)} messages were dropped in the last second`);
  byId('problems-section').hidden = list.length === 0;
  byId('problems-note').textContent = list.length;
  // Said again only when something changes: a screen reader speaks it.
  if (byId('problems').textContent !== list.join(''))
    byId('problems').replaceChildren(...list.map(line => Object.assign(document.createElement('li'), { textContent: line })));
}

async function refresh() {
  const [status, topics, subscriptions, connections, listeners, sinks, bridges] = await Promise.all([
    get('/v1/admin/status'), get(`/v1/admin/topics?limit=${ROWS}`), get(`/v1/admin/subscriptions?limit=${ROWS}`),
    get(`/v1/admin/connections?limit=${ROWS}`), get('/v1/admin/listeners'), get(`/v1/admin/sinks?limit=${ROWS}`), get('/v1/admin/bridges')]);
  const at = performance.now();
  showProblems(status, subscriptions, sinks, bridges, before);
  showTotals({ ...status, at });
  measure(topics, subscriptions, at);
  showTopics(topics);
  showSinks(sinks);
  drawFlow(listeners.items, topics.items, subscriptions.items, sinks.items);
  fill('subscriptions', subscriptions.items.map(s => [s.filter, s.receiver, s.durable ? 'durable' : 'ephemeral', s.n_queued, s.n_delivered, s.n_dropped]));
  note('subscriptions-note', subscriptions);
  fill('connections', connections.items.map(c => [c.listener, c.protocol, c.principal ?? c.client_id ?? 'anonymous', c.address, c.encrypted ? 'yes' : 'no', c.n_received, c.n_delivered,
    actions(['Close', c.principal ?? c.client_id ?? c.address, 'DELETE', `/v1/admin/connections/${c.id}`])]));
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

byId('publish').addEventListener('submit', async event => {
  event.preventDefault();
  const { topic, payload, retain } = event.target.elements;
  const answer = await fetch(`/v1/topics/${topic.value.split('/').map(encodeURIComponent).join('/')}${retain.checked ? '?retain=1' : ''}`,
    { method: 'POST', body: payload.value, headers: { 'Content-Type': 'text/plain' } }).catch(error => ({ ok: false, statusText: error.message }));
  byId('published').textContent = answer.ok ? 'taken' : (await answer.json?.().catch(() => null))?.detail ?? answer.statusText;
});
byId('filter').addEventListener('change', follow);
byId('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  byId('pause').textContent = isPaused ? 'Go on' : 'Pause';
});
follow();
tick();
