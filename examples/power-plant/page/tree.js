// SPDX-License-Identifier: LGPL-2.1-or-later
// The tree at the left: rows are made once for each node and changed in place.

import { nameOf, signed, finite } from './format.js';

export class Tree {
  constructor(list, state, onSelect) {
    this.list = list;
    this.state = state;
    this.onSelect = onSelect;
    this.rows = new Map();
    this.open = new Set(['fleet']);
    this.selected = null;
    list.addEventListener('click', event => this.clicked(event));
    list.addEventListener('keydown', event => this.pressed(event));
  }

  clicked(event) {
    const button = event.target.closest('.node');
    if (!button)
      return;
    const id = button.parentElement.dataset.id;
    if (event.target.closest('.twist') || this.selected === id)
      this.toggle(id);
    else if (!this.open.has(id))
      this.toggle(id);
    this.onSelect(id);
  }

  // Arrows as in every tree: right opens, left closes or goes up, up and down go along what is seen.
  pressed(event) {
    const item = event.target.closest('li');
    if (!item)
      return;
    const seen = [...this.list.querySelectorAll('.node')].filter(button => button.offsetParent !== null);
    const at = seen.indexOf(item.firstElementChild);
    const isOpen = this.open.has(item.dataset.id);
    const go = button => button?.focus();
    switch (event.key) {
    case 'ArrowDown': go(seen[at + 1]); break;
    case 'ArrowUp': go(seen[at - 1]); break;
    case 'ArrowRight': if (!isOpen) this.toggle(item.dataset.id); else go(seen[at + 1]); break;
    case 'ArrowLeft': if (isOpen && item.hasAttribute('aria-expanded')) this.toggle(item.dataset.id); else go(item.parentElement.closest('li')?.firstElementChild); break;
    default: return;
    }
    event.preventDefault();
  }

  toggle(id) {
    if (!this.open.delete(id))
      this.open.add(id);
    this.draw();
  }

  // Opens what is above it, so that it is seen.
  show(id) {
    this.selected = id;
    for (const node of this.state.pathTo(this.state.nodes.get(id)).slice(0, -1))
      this.open.add(node.id);
    this.draw();
    this.rows.get(id)?.item.firstElementChild.scrollIntoView({ block: 'nearest' });
  }

  makeRow(node) {
    const item = document.createElement('li');
    item.dataset.id = node.id;
    item.setAttribute('role', 'treeitem');
    item.innerHTML = '<button type="button" class="node" tabindex="-1"><span class="twist" aria-hidden="true"></span><span class="dot" aria-hidden="true"></span><span class="label"></span><span class="count"></span><span class="kw"></span></button><ul role="group"></ul>';
    const [twist, dot, name, count, kw] = item.firstElementChild.children;
    name.textContent = nameOf(node.id);
    return { item, button: item.firstElementChild, list: item.lastElementChild, twist, dot, count, kw };
  }

  drawNode(node, list, index) {
    if (!this.rows.has(node.id))
      this.rows.set(node.id, this.makeRow(node));
    const row = this.rows.get(node.id);
    if (list.children[index] !== row.item)
      list.insertBefore(row.item, list.children[index] ?? null);
    const isOpen = this.open.has(node.id);
    const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
    const set = (element, name, text) => { if (element.getAttribute(name) !== text) element.setAttribute(name, text); };
    const { online, all } = node.counts;
    const power = node.get('power-kw');
    const isThere = node.isSite ? node.state !== 'offline' : online > 0;
    put(row.twist, node.isSite ? '' : '›');
    put(row.count, node.isSite ? '' : `${online}/${all}`);
    row.count.classList.toggle('short', online < all);
    row.count.title = node.isSite ? '' : `${online} of ${all} sites online`;
    put(row.kw, isThere ? signed(power) : node.isSite ? 'gone' : '–');
    set(row.kw, 'data-sign', !isThere || !finite(power) || Math.abs(power) < 0.05 ? 'even' : power > 0 ? 'gives' : 'takes');
    set(row.button, 'data-state', node.isSite ? node.state : isThere ? 'online' : 'offline');
    set(row.item, 'aria-selected', String(node.id === this.selected));
    set(row.button, 'tabindex', node.id === this.selected ? '0' : '-1');
    if (node.isSite)
      return;
    set(row.item, 'aria-expanded', String(isOpen));
    if (isOpen)
      this.state.childrenOf(node).forEach((child, i) => this.drawNode(child, row.list, i));
  }

  draw() {
    const root = this.state.root;
    if (root)
      this.drawNode(root, this.list, 0);
    for (const [id, row] of this.rows)
      if (!this.state.nodes.has(id)) {
        row.item.remove();
        this.rows.delete(id);
      }
  }
}
