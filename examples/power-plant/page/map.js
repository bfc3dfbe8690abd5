// SPDX-License-Identifier: LGPL-2.1-or-later
// The valley from above, drawn from what the sites say of themselves: substations in the middle of theirs, feeders from there
// through their sites. A site is as large as its battery, has the colour of what it does and a ring of its charge.

import { nameOf, signed, finite } from './format.js';
import { Surface, theme, font } from '../common/surface.js';

const FLOW_PX_PER_S = 14;
const HIT_PX = 14;
const EVEN_KW = 0.05;

const LAKE = [[46.40, 7.93], [46.375, 7.90], [46.355, 7.80], [46.335, 7.72], [46.31, 7.66], [46.285, 7.70], [46.30, 7.80], [46.335, 7.90], [46.37, 7.97], [46.40, 7.96]];
const RIVER = [[46.66, 8.42], [46.60, 8.36], [46.545, 8.33], [46.50, 8.24], [46.455, 8.20], [46.42, 8.08], [46.40, 8.00], [46.39, 7.95]];

const middle = places => places.reduce((sum, p) => ({ x: sum.x + p.x / places.length, y: sum.y + p.y / places.length }), { x: 0, y: 0 });

export class SiteMap {
  constructor(canvas, state, onChange, onSelect) {
    this.surface = new Surface(canvas, onChange, 'round');
    this.state = state;
    this.selected = null;
    this.hovered = null;
    this.places = new Map();
    this.spots = [];
    canvas.addEventListener('pointermove', event => this.hover(event, onChange));
    canvas.addEventListener('pointerleave', () => { this.hovered = null; onChange(); });
    canvas.addEventListener('click', event => { const id = this.at(event); if (id) onSelect(id); });
  }

  at(event) {
    const box = this.surface.canvas.getBoundingClientRect();
    const x = event.clientX - box.x, y = event.clientY - box.y;
    let best = null, least = HIT_PX;
    for (const spot of this.spots) {
      const distance = Math.hypot(spot.x - x, spot.y - y) - spot.r;
      if (distance < least) {
        best = spot.id;
        least = distance;
      }
    }
    return best;
  }

  hover(event, onChange) {
    const id = this.at(event);
    if (id !== this.hovered) {
      this.hovered = id;
      onChange();
    }
  }

  // Kilometres from the first site, east and north: small enough to be flat.
  layOut() {
    const regions = [];
    this.places.clear();
    for (const region of this.state.root ? this.state.childrenOf(this.state.root) : []) {
      const sites = this.state.sitesOf(region).map(site => ({ site, lat: site.get('lat'), lon: site.get('lon') })).filter(p => finite(p.lat) && finite(p.lon));
      if (sites.length === 0)
        continue;
      for (const { site, lat, lon } of sites)
        this.places.set(site.id, { x: lon * 111.2 * Math.cos(46.4 * Math.PI / 180), y: -lat * 111.2 });
      const at = middle(sites.map(({ site }) => this.places.get(site.id)));
      this.places.set(region.id, at);
      const feeders = this.state.childrenOf(region).filter(node => !node.isSite).map(feeder => ({
        node: feeder,
        sites: this.state.sitesOf(feeder).filter(site => this.places.has(site.id))
          .map(site => ({ site, p: this.places.get(site.id) }))
          .sort((a, b) => Math.hypot(a.p.x - at.x, a.p.y - at.y) - Math.hypot(b.p.x - at.x, b.p.y - at.y)),
      }));
      regions.push({ node: region, at, feeders });
    }
    return regions;
  }

  fit() {
    const all = [...this.places.values()];
    const { width, height } = this.surface;
    const pad = width < 500 ? 22 : 34;
    const left = Math.min(...all.map(p => p.x)), right = Math.max(...all.map(p => p.x));
    const top = Math.min(...all.map(p => p.y)), bottom = Math.max(...all.map(p => p.y));
    const scale = Math.min((width - 2 * pad) / (right - left || 1), (height - 2 * pad) / (bottom - top || 1));
    const dx = (width - (right - left) * scale) / 2 - left * scale, dy = (height - (bottom - top) * scale) / 2 - top * scale;
    return p => ({ x: p.x * scale + dx, y: p.y * scale + dy, scale });
  }

  // The line of a feeder: half way between the sites of both sides, as the sites stand beside the road.
  road(feeder, at, project) {
    const points = [project(at)];
    for (let i = 0; i < feeder.sites.length; i++) {
      const here = feeder.sites[i].p, next = feeder.sites[Math.min(i + 1, feeder.sites.length - 1)].p;
      points.push(project({ x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 }));
    }
    return points;
  }

  drawRoad(c, points, power, isDim, seconds) {
    const colours = theme();
    const colour = !finite(power) || Math.abs(power) < EVEN_KW ? colours.faint : power > 0 ? colours.gives : colours.takes;
    const trace = () => {
      c.beginPath();
      points.forEach((p, i) => {
        if (i === 0)
          c.moveTo(p.x, p.y);
        else if (i < points.length - 1)
          c.quadraticCurveTo(p.x, p.y, (p.x + points[i + 1].x) / 2, (p.y + points[i + 1].y) / 2);
        else
          c.lineTo(p.x, p.y);
      });
    };
    const width = finite(power) ? Math.min(7, 1.5 + Math.sqrt(Math.abs(power)) / 4) : 1.5;
    c.globalAlpha = isDim ? 0.18 : 0.38;
    c.strokeStyle = colour;
    c.lineWidth = width;
    trace();
    c.stroke();
    if (!isDim && finite(power) && Math.abs(power) >= EVEN_KW) {
      // dashes wander the way the power goes
      c.globalAlpha = 0.9;
      c.lineWidth = Math.max(1.4, width * 0.5);
      c.setLineDash([3, 11]);
      c.lineDashOffset = (power > 0 ? 1 : -1) * seconds * FLOW_PX_PER_S % 14;
      trace();
      c.stroke();
      c.setLineDash([]);
    }
    c.globalAlpha = 1;
  }

  drawSite(c, site, p, isDim) {
    const colours = theme();
    const power = site.get('power-kw');
    const capacity = site.get('capacity-kw');
    const r = Math.max(3, Math.min(10, 2 + Math.sqrt(finite(capacity) ? capacity : 5) * 0.5)) * (this.surface.width < 500 ? 0.55 : 1);
    const isGone = site.state === 'offline';
    const colour = isGone ? colours.faint : Math.abs(power) < EVEN_KW ? colours.faint : power > 0 ? colours.gives : colours.takes;
    c.globalAlpha = isDim ? 0.25 : 1;
    c.beginPath();
    c.arc(p.x, p.y, r, 0, 2 * Math.PI);
    if (isGone || site.state === 'stale') {
      c.fillStyle = colours.land;
      c.fill();
      c.setLineDash([2.5, 2.5]);
      c.lineWidth = 1.4;
      c.strokeStyle = isGone ? colours.bad : colours.warn;
      c.stroke();
      c.setLineDash([]);
    } else {
      c.fillStyle = colour;
      c.globalAlpha *= finite(power) && finite(capacity) ? 0.45 + 0.55 * Math.min(1, Math.abs(power) / capacity * 1.6) : 1;
      c.fill();
      c.globalAlpha = isDim ? 0.25 : 1;
      const soc = site.get('soc');
      if (finite(soc) && r > 4.5) {
        c.beginPath();
        c.arc(p.x, p.y, r + 2.4, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * soc);
        c.lineWidth = 1.8;
        c.strokeStyle = colours.good;
        c.stroke();
      }
    }
    c.globalAlpha = 1;
    this.spots.push({ id: site.id, x: p.x, y: p.y, r });
    return r;
  }

  mark(c, spot, colour) {
    c.beginPath();
    c.arc(spot.x, spot.y, spot.r + 5, 0, 2 * Math.PI);
    c.lineWidth = 2;
    c.strokeStyle = colour;
    c.stroke();
  }

  isBelow(node, id) {
    return id === null || id === 'fleet' || this.state.pathTo(node).some(above => above.id === id);
  }

  drawSubstation(c, region, p, isDim) {
    const colours = theme();
    const size = this.surface.width < 500 ? 5 : 7;
    c.globalAlpha = isDim ? 0.4 : 1;
    c.fillStyle = colours.ink;
    c.fillRect(p.x - size, p.y - size, 2 * size, 2 * size);
    c.globalAlpha = 1;
    this.spots.push({ id: region.node.id, x: p.x, y: p.y, r: size });
  }

  drawLabel(c, region, p, isDim) {
    const colours = theme();
    const power = region.node.get('power-kw');
    const small = this.surface.width < 500;
    const name = nameOf(region.node.id), words = `${signed(power)} kW`;
    c.font = font(small ? 10.5 : 12.5, 650);
    const before = c.measureText(name).width + 6;
    const width = before + c.measureText(words).width + 14, height = small ? 17 : 21;
    const x = p.x - width / 2, y = p.y - (small ? 8 : 11) - height;
    c.globalAlpha = isDim ? 0.6 : 0.92;
    c.fillStyle = colours.card;
    c.beginPath();
    c.roundRect(x, y, width, height, 6);
    c.fill();
    c.globalAlpha = 1;
    c.textAlign = 'left';
    c.textBaseline = 'middle';
    c.fillStyle = isDim ? colours.faint : colours.ink;
    c.fillText(name, x + 7, y + height / 2 + 0.5);
    c.fillStyle = isDim ? colours.faint : power > 0 ? colours.gives : colours.takes;
    c.fillText(words, x + 7 + before, y + height / 2 + 0.5);
    c.textBaseline = 'alphabetic';
  }

  drawHint(c) {
    const node = this.hovered && this.state.nodes.get(this.hovered);
    const spot = this.spots.find(s => s.id === this.hovered);
    if (!node || !spot)
      return;
    const colours = theme();
    const above = this.state.pathTo(node).slice(1).map(n => nameOf(n.id)).join(', ');
    const power = node.state === 'offline' ? 'offline' : `${signed(node.get('power-kw'))} kW`;
    c.font = font(12, 500);
    const text = `${above}: ${power}`;
    const width = c.measureText(text).width + 16;
    const x = Math.max(4, Math.min(this.surface.width - width - 4, spot.x - width / 2)), y = spot.y - spot.r - 34 < 4 ? spot.y + spot.r + 10 : spot.y - spot.r - 34;
    c.fillStyle = colours.card;
    c.strokeStyle = colours.edge;
    c.lineWidth = 1;
    c.beginPath();
    c.roundRect(x, y, width, 24, 7);
    c.fill();
    c.stroke();
    c.textAlign = 'left';
    c.fillStyle = colours.ink;
    c.fillText(text, x + 8, y + 16);
  }

  // The lake and the river that the valley has: only to look at.
  drawWater(c, project) {
    const at = ([lat, lon]) => project({ x: lon * 111.2 * Math.cos(46.4 * Math.PI / 180), y: -lat * 111.2 });
    const through = points => {
      c.beginPath();
      points.forEach((p, i) => {
        const next = points[i + 1];
        if (i === 0)
          c.moveTo(p.x, p.y);
        else if (next)
          c.quadraticCurveTo(p.x, p.y, (p.x + next.x) / 2, (p.y + next.y) / 2);
        else
          c.lineTo(p.x, p.y);
      });
    };
    c.fillStyle = c.strokeStyle = theme().water;
    through(LAKE.map(at));
    c.closePath();
    c.fill();
    c.lineWidth = 5;
    through(RIVER.map(at));
    c.stroke();
  }

  // Wires between the substations, by way of the middle: the grid that all of them are part of.
  drawGrid(c, regions, project) {
    const colours = theme();
    const centre = project(middle(regions.map(region => region.at)));
    c.strokeStyle = colours.edge;
    c.lineWidth = 7;
    for (const region of regions) {
      const p = project(region.at);
      c.beginPath();
      c.moveTo(centre.x, centre.y);
      c.lineTo(p.x, p.y);
      c.stroke();
    }
    c.fillStyle = colours.edge;
    c.beginPath();
    c.arc(centre.x, centre.y, 10, 0, 2 * Math.PI);
    c.fill();
    this.spots.push({ id: 'fleet', x: centre.x, y: centre.y, r: 10 });
  }

  draw(now) {
    const c = this.surface.begin();
    const colours = theme();
    const regions = this.layOut();
    this.spots = [];
    if (regions.length === 0) {
      c.font = font(14);
      c.textAlign = 'center';
      c.fillStyle = colours.soft;
      c.fillText('Nobody has said yet where they are', this.surface.width / 2, this.surface.height / 2);
      return;
    }
    const project = this.fit();
    this.drawWater(c, project);
    this.drawGrid(c, regions, project);
    for (const region of regions)
      for (const feeder of region.feeders)
        this.drawRoad(c, this.road(feeder, region.at, project), feeder.node.get('power-kw'), !this.isBelow(feeder.node, this.selected), now / 1000);
    for (const region of regions)
      this.drawSubstation(c, region, project(region.at), !this.isBelow(region.node, this.selected));
    for (const region of regions)
      for (const feeder of region.feeders)
        for (const { site, p } of feeder.sites)
          this.drawSite(c, site, project(p), !this.isBelow(site, this.selected));
    const chosen = this.spots.find(spot => spot.id === this.selected);
    if (chosen && this.selected !== 'fleet')
      this.mark(c, chosen, colours.ink);
    for (const region of regions)
      this.drawLabel(c, region, project(region.at), !this.isBelow(region.node, this.selected) && this.state.nodes.get(this.selected)?.parent === 'fleet');
    this.drawHint(c);
  }
}
