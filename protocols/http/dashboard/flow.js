// SPDX-License-Identifier: LGPL-2.1-or-later
// The picture of the built-in page: listeners, the busiest topics, receivers; as wide as what passes, dashed where it lives as long as its channel.
'use strict';

function drawFlow(listeners, topics, subscriptions, sinks) {
  const SVG = 'http://www.w3.org/2000/svg', MOST = 8, ROW = 30, WIDTH = 760;
  const make = (parent, tag, attributes, words) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes))
      element.setAttribute(name, value);
    if (words !== undefined)
      element.textContent = words;
    parent.append(element);
    return element;
  };
  const short = (words, n) => words.length > n ? `${words.slice(0, n - 1)}…` : words;
  const busy = [...topics].sort((a, b) => b.rate - a.rate || b.n_published - a.n_published).slice(0, MOST);
  const failing = new Set(sinks.filter(sink => sink.state === 'failing').map(sink => `sink ${sink.name}`));
  const receivers = [];
  for (const s of subscriptions) {
    const name = s.passive || s.durable ? s.receiver === 'absent' ? s.id : s.receiver : `${s.receiver.split(' ')[0]} clients`;
    const known = receivers.find(r => r.name === name);
    if (known)
      known.filters.push(s.filter);
    else
      receivers.push({ name, filters: [s.filter], isDashed: !s.durable, isBad: failing.has(s.receiver) });
  }
  const right = receivers.sort((a, b) => a.isDashed - b.isDashed).slice(0, MOST);
  const left = listeners.slice(0, MOST);
  const rows = Math.max(left.length, busy.length, right.length, 1);
  const height = rows * ROW + 10, y = (i, n) => 5 + (rows - n) * ROW / 2 + i * ROW + ROW / 2;
  const wide = rate => rate > 0 ? Math.min(10, 1.5 + Math.log2(1 + rate)) : 1;
  const svg = byId('flow'), fresh = document.createDocumentFragment();
  const edge = (x1, y1, x2, y2, rate, name) => make(fresh, 'path',
    { d: `M${x1},${y1} C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`, class: name, 'stroke-width': wide(rate).toFixed(1) });
  const node = (x, width, i, n, words, name) => {
    make(fresh, 'rect', { x, y: y(i, n) - 11, width, height: 22, rx: 6, class: `node ${name}` });
    make(make(fresh, 'text', { x: x + 8, y: y(i, n) + 5, class: name }, short(words, Math.floor(width / 7.6))), 'title', {}, words);
  };
  const total = topics.reduce((sum, topic) => sum + topic.rate, 0);
  left.forEach((listener, i) => edge(150, y(i, left.length), 205, height / 2, listener.n_connections > 0 ? total / left.length : 0, 'edge'));
  busy.forEach((topic, i) => {
    edge(205, height / 2, 260, y(i, busy.length), topic.rate, 'edge');
    right.forEach((receiver, j) => {
      if (receiver.filters.some(filter => matches(filter, topic.name)))
        edge(490, y(i, busy.length), 580, y(j, right.length), topic.rate, `edge${receiver.isDashed ? ' dashed' : ''}${receiver.isBad ? ' trouble' : ''}`);
    });
  });
  left.forEach((listener, i) => node(0, 150, i, left.length, `${listener.name} · ${listener.n_connections}`, 'listener'));
  busy.forEach((topic, i) => node(260, 230, i, busy.length, `${topic.name}${topic.rate > 0 ? ` · ${number.format(topic.rate)}/s` : ''}`, 'topic'));
  right.forEach((receiver, i) => node(580, 180, i, right.length, receiver.filters.length > 1 ? `${receiver.name} · ${receiver.filters.length}` : receiver.name, receiver.isBad ? 'trouble' : 'receiver'));
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${height}`);
  svg.replaceChildren(fresh);
}
