// SPDX-License-Identifier: LGPL-2.1-or-later
// Twins of the built-in page: the tree, as far as it is opened, and one twin: what it reports, what is desired, how it was.
'use strict';

(() => {
  const PERIOD_MS = 2000;
  const CHILDREN = 100;            // of one node
  const HISTORY = 120;             // values of a sparkline
  const SVG = 'http://www.w3.org/2000/svg';
  const open = new Set();
  let selected = null, roots = [];

  const path = (id, rest = '') => `/v1/twins/${encodeURIComponent(id)}${rest}`;
  const digits = new Intl.NumberFormat('en', { maximumSignificantDigits: 5 });
  const short = value => typeof value === 'number' ? digits.format(value) : typeof value === 'string' ? value : JSON.stringify(value);

  function ago(time) {
    const seconds = (Date.now() - Date.parse(time)) / 1000;
    return Number.isFinite(seconds) ? seconds < 120 ? `${number.format(Math.max(0, seconds))} s ago` : `${number.format(Math.floor(seconds / 60))} min ago` : '';
  }

  // "3 of 4 online · power-kw 12.5 sum"
  function sum(aggregate) {
    const { count, ...properties } = aggregate;
    const words = [];
    if (count?.online !== undefined) {
      const all = (count.online ?? 0) + (count.stale ?? 0) + (count.offline ?? 0);
      words.push('offline' in count ? `${count.online} of ${all} online` : `${count.online} online`);
    }
    for (const [name, functions] of Object.entries(properties).slice(0, 3)) {
      const [kind, value] = Object.entries(functions)[0] ?? [];
      if (typeof value === 'number')
        words.push(`${name} ${number.format(value)} ${kind}`);
    }
    return words.join(' · ');
  }

  async function addNode(list, twin) {
    const item = document.createElement('li');
    const isNode = twin.children > 0;
    const isOpen = open.has(twin.id);
    const button = text(item, 'button', '', 'twin');
    button.type = 'button';
    button.setAttribute('aria-pressed', String(selected === twin.id));
    if (isNode)
      button.setAttribute('aria-expanded', String(isOpen));
    text(button, 'i', isNode ? isOpen ? '▾' : '▸' : '');
    text(button, 'b', twin.id);
    text(button, 'span', isNode ? '' : twin.state, `chip ${twin.state}`);
    if (isNode)
      text(button, 'small', sum((await get(path(twin.id, '/aggregate'))).aggregate));
    button.addEventListener('click', () => {
      if (isNode && !open.delete(twin.id))
        open.add(twin.id);
      selected = twin.id;
      refreshTwins();
    });
    list.append(item);
    if (isNode && isOpen)
      await addList(item, await get(path(twin.id, `/children?limit=${CHILDREN}&sort=id&fields=state,children`)));
  }

  async function addList(parent, page) {
    const list = document.createElement('ul');
    for (const twin of page.items)
      await addNode(list, twin);
    if (page.next)
      text(list, 'li', `and more than ${CHILDREN} others`, 'more');
    parent.append(list);
  }

  function sparkline(values) {
    const svg = document.createElementNS(SVG, 'svg');
    const line = document.createElementNS(SVG, 'polyline');
    const low = Math.min(...values), high = Math.max(...values);
    svg.setAttribute('viewBox', '0 0 120 20');
    svg.setAttribute('class', 'spark');
    svg.setAttribute('aria-hidden', 'true');
    line.setAttribute('points', values.map((v, i) => `${(i / Math.max(1, values.length - 1) * 118 + 1).toFixed(1)},${(18 - (v - low) / (high - low || 1) * 16).toFixed(1)}`).join(' '));
    svg.append(line);
    return svg;
  }

  async function showOne() {
    const answer = await fetch(path(selected), { cache: 'no-store' });
    const box = document.createElement('div');
    box.id = 'twin';
    if (answer.ok) {
      const twin = await answer.json();
      const history = (await get(path(selected, `/history?from=-10min`))).history;
      text(box, 'h3', twin.title ?? twin.id);
      text(box, 'p', `${twin.state}, revision ${twin.revision}${twin.parent ? `, below ${twin.parent}` : ''}`, 'about');
      const table = document.createElement('table');
      table.innerHTML = '<thead><tr><th>Property<th>Reported<th>Before<th>Desired<th>When<th>By<tbody>';
      for (const name of new Set([...Object.keys(twin.reported), ...Object.keys(twin.desired)])) {
        const row = table.tBodies[0].insertRow(), reported = twin.reported[name];
        const values = (history[name] ?? []).slice(-HISTORY).map(point => point.value).filter(value => typeof value === 'number');
        for (const cell of [name, reported ? short(reported.value) : '', '', name in twin.desired ? short(twin.desired[name]) : '', reported ? ago(reported.time) : '', reported?.source ?? ''])
          text(row, 'td', cell);
        if (values.length > 1)
          row.cells[2].append(sparkline(values));
      }
      for (const [name, value] of Object.entries(twin.attributes)) {
        const row = table.tBodies[0].insertRow();
        text(row, 'td', name);
        text(row, 'td', short(value));
        text(row, 'td', 'attribute', 'about');
      }
      const scroll = document.createElement('div');
      scroll.className = 'scroll';
      scroll.append(table);
      box.append(scroll);
    }
    byId('twin').replaceWith(box);
  }

  async function refreshTwins() {
    roots = (await get(`/v1/twins?filter=${encodeURIComponent('not(exists(parent))')}&limit=${CHILDREN}&sort=id&fields=state,children&count=1`));
    byId('twins-section').hidden = roots.items.length === 0;
    if (roots.items.length === 0)
      return;
    if (open.size === 0 && selected === null && roots.items.length === 1)
      open.add(roots.items[0].id);
    const fresh = document.createElement('div');
    fresh.id = 'twins';
    await addList(fresh, roots);
    const focused = document.activeElement?.closest('.twin')?.querySelector('b').textContent;
    byId('twins').replaceWith(fresh);
    if (focused)
      [...fresh.querySelectorAll('.twin')].find(button => button.querySelector('b').textContent === focused)?.focus();
    if (selected)
      await showOne();
  }

  async function tick() {
    if (!document.hidden)
      await refreshTwins().catch(() => {});   // the totals above say that nobody answers
    setTimeout(tick, PERIOD_MS);
  }
  tick();
})();
