// SPDX-License-Identifier: LGPL-2.1-or-later
// The tree as the bus tells it. A node has what is counted of all below it, a site its own values; the page asks both alike.

import { finite } from './format.js';

const KEPT_S = 180;               // of what was seen of each inner node, for the chart
const DRIFT_S = 20;

const value = (reported, name) => reported?.[name]?.value;

export class Node {
  constructor(id) {
    this.id = id;
    this.parent = null;
    this.state = 'offline';
    this.reported = {};
    this.aggregate = null;
    this.children = new Set();
    this.seen = [];               // { at, value } of power
    this.since = 0;               // of the state, wall clock; 0: it was so when the page opened
    this.touched = 0;
  }

  get isSite() {
    return this.children.size === 0 && !this.aggregate;
  }

  // What people call it, of a site and of a node alike; NaN where there is none.
  get(name) {
    if (this.isSite)
      return value(this.reported, name) ?? NaN;
    const counted = this.aggregate?.[name];
    return counted?.sum ?? counted?.mean ?? NaN;
  }

  range(name) {
    const counted = this.aggregate?.[name];
    return finite(counted?.min) && finite(counted?.max) ? [counted.min, counted.max] : null;
  }

  get counts() {
    const count = this.aggregate?.count ?? {};
    return { online: count.online ?? 0, all: (count.online ?? 0) + (count.stale ?? 0) + (count.offline ?? 0) };
  }
}

export class State {
  constructor() {
    this.nodes = new Map();
    this.onChange = () => {};      // (node, state before, state now): a site came or went
    this.hour = NaN;
    this.hourAt = 0;
  }

  need(id) {
    if (!this.nodes.has(id))
      this.nodes.set(id, new Node(id));
    return this.nodes.get(id);
  }

  take(twin, now) {
    if (twin.removed) {
      this.place(this.need(twin.id), null);
      this.nodes.delete(twin.id);
      return;
    }
    const isNew = !this.nodes.has(twin.id);
    const node = this.need(twin.id);
    const before = node.state;
    this.place(node, twin.parent ?? null);
    node.state = twin.state ?? node.state;
    node.reported = twin.reported ?? node.reported;
    node.aggregate = twin.aggregate ?? node.aggregate;
    node.touched = now;
    if (finite(value(twin.reported, 'hour'))) {
      this.hour = value(twin.reported, 'hour');
      this.hourAt = now;
    }
    const power = node.get('power-kw');
    if (finite(power) && node.state !== 'offline') {
      node.seen.push({ at: now, value: power });
      if (node.seen.length > 40 && node.seen[0].at < now - (KEPT_S + DRIFT_S) * 1000)
        node.seen = node.seen.filter(point => point.at >= now - KEPT_S * 1000);
    }
    if (node.state !== before && !isNew) {
      node.since = now;
      if (node.isSite)
        this.onChange(node, before, node.state);
    }
  }

  place(node, parent) {
    if (node.parent === parent)
      return;
    if (node.parent !== null)
      this.nodes.get(node.parent)?.children.delete(node);
    node.parent = parent;
    if (parent !== null)
      this.need(parent).children.add(node);
  }

  childrenOf(node) {
    return [...node.children].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  }

  get root() {
    return this.nodes.get('fleet') ?? null;
  }

  sitesOf(node) {
    return node.isSite ? [node] : [...node.children].flatMap(child => this.sitesOf(child));
  }

  // From the fleet down to it.
  pathTo(node) {
    const path = [];
    for (let at = node; at && path.length < 32; at = this.nodes.get(at.parent))
      path.unshift(at);
    return path;
  }
}
