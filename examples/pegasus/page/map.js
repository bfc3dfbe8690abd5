// SPDX-License-Identifier: LGPL-2.1-or-later
// A plain map without tiles: graticule, scale, north, the track as each receiver heard it, both stations, the landing.
// Under it, over the same longitudes, the flight as seen from the south (side.js).

import { feet, degrees, niceStep, clock, number, place } from './format.js';
import { HEARD } from './state.js';
import { Surface, theme, font, line, label } from '../common/surface.js';
import { drawSide } from './side.js';

const KM = 111.19492664;         // per degree of latitude
const LEAST_KM = 6;
const EASE = 0.18;               // of the way to the new frame, per drawing
const MAP_SHARE = 0.56;          // of the height; the rest is the view from the south
const BREAK = 40;                // frames that may be missing before a track is drawn as broken
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class FlightMap {
  constructor(canvas, state, onChange) {
    this.state = state;
    this.surface = new Surface(canvas, onChange);
    this.view = null;
    this.flight = 0;
  }

  get mapHeight() {
    return Math.round(this.surface.height * MAP_SHARE);
  }

  everything() {
    const { state } = this;
    const places = state.points.slice();
    for (const spot of [state.head?.gps, state.home, state.chase, state.head?.phase === 'landed' ? null : state.landing])
      if (spot)
        places.push(spot);
    return places;
  }

  // Centre and km per pixel that show everything, on a coarse raster so that the map rests while things move within it.
  goal() {
    const places = this.everything();
    if (!places.length)
      return null;
    let north = -90, south = 90, east = -180, west = 180;
    for (const { lat, lon } of places) {
      north = Math.max(north, lat);
      south = Math.min(south, lat);
      east = Math.max(east, lon);
      west = Math.min(west, lon);
    }
    const lat = (north + south) / 2;
    const squeeze = Math.cos(lat * Math.PI / 180);
    const room = { w: Math.max(60, this.surface.width - (this.surface.width < 500 ? 90 : 170)), h: Math.max(40, this.mapHeight - 90) };
    const spanKm = Math.max((east - west) * KM * squeeze / room.w, (north - south) * KM / room.h, LEAST_KM / room.w);
    const scale = 2 ** (Math.ceil(Math.log2(spanKm) * 4) / 4);
    const raster = scale * 24 / KM;
    return { lat: Math.round(lat / raster) * raster, lon: Math.round((east + west) / 2 / raster) * raster, scale, squeeze };
  }

  aim() {
    const goal = this.goal();
    if (!goal)
      return false;
    if (!this.view || still.matches || this.flight !== this.state.flight) {
      this.view = goal;
      this.flight = this.state.flight;
      return false;
    }
    const view = this.view;
    const far = Math.abs(Math.log2(goal.scale / view.scale)) + Math.abs(goal.lat - view.lat) * KM / goal.scale / 100 + Math.abs(goal.lon - view.lon) * KM / goal.scale / 100;
    if (far < 0.004) {
      this.view = goal;
      return false;
    }
    for (const key of ['lat', 'lon', 'scale', 'squeeze'])
      view[key] += (goal[key] - view[key]) * EASE;
    return true;
  }

  xy({ lat, lon }) {
    const { view, surface } = this;
    return [surface.width / 2 + (lon - view.lon) * KM * view.squeeze / view.scale, this.mapHeight / 2 + 4 - (lat - view.lat) * KM / view.scale];
  }

  // Returns true while it still moves.
  draw(now) {
    const { state, surface } = this;
    const c = surface.begin();
    const t = theme();
    const moves = this.aim();

    if (!this.view) {
      c.font = font(14);
      c.textAlign = 'center';
      c.fillStyle = t.soft;
      c.fillText('No position yet', surface.width / 2, surface.height / 2);
      return false;
    }

    this.taken = [];
    c.save();
    c.beginPath();
    c.rect(0, 0, surface.width, this.mapHeight);
    c.clip();
    this.graticule(c, t);
    this.scaleBar(c, t);
    this.north(c, t);
    line(c, t.soft, 2, state.route.map(p => this.xy(p)), [1.5, 4]);
    this.track(c, t.ground, 7, HEARD.ground, 0.42);
    this.track(c, t.chase, 2, HEARD.chase, 1);
    this.marks(c, t, now);
    c.restore();
    drawSide(c, t, this);
    return moves;
  }

  graticule(c, t) {
    const { view, surface, mapHeight } = this;
    const latSpan = mapHeight * view.scale / KM, lonSpan = surface.width * view.scale / KM / view.squeeze;
    const step = niceStep(lonSpan, surface.width / 90, [1, 2, 5, 10]);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const rows = [], columns = [];
    for (let lat = Math.ceil((view.lat - latSpan / 2) / step) * step; lat < view.lat + latSpan / 2; lat += step)
      rows.push([degrees(lat, 'N', 'S', digits), Math.round(this.xy({ lat, lon: 0 })[1]) + 0.5]);
    for (let lon = Math.ceil((view.lon - lonSpan / 2) / step) * step; lon < view.lon + lonSpan / 2; lon += step)
      columns.push([degrees(lon, 'E', 'W', digits), Math.round(this.xy({ lat: 0, lon })[0]) + 0.5]);

    for (const [, y] of rows)
      line(c, t.grid, 1, [[0, y], [surface.width, y]]);
    for (const [, x] of columns)
      line(c, t.grid, 1, [[x, 0], [x, surface.height]]);
    c.font = font(11);
    c.textAlign = 'left';
    c.textBaseline = 'bottom';
    for (const [text, y] of rows)
      if (y > 44 && y < mapHeight - 46)
        label(c, text, 8, y - 2, t.faint, t.land);
    c.textAlign = 'center';
    c.textBaseline = 'top';
    for (const [text, x] of columns)
      if (x > 34 && x < surface.width - 58)
        label(c, text, x, 6, t.faint, t.land);
  }

  scaleBar(c, t) {
    const { view, surface } = this;
    const km = niceStep(surface.width * 0.22 * view.scale, 1, [1, 2, 5, 10]);
    const mi = niceStep(surface.width * 0.22 * view.scale / 1.609344, 1, [1, 2, 5, 10]);
    const x = 12, y = this.mapHeight - 24;
    c.font = font(11);
    c.textAlign = 'left';
    for (const [length, text, side] of [[km / view.scale, `${number(km, km < 1 ? 1 : 0)} km`, -1], [mi * 1.609344 / view.scale, `${number(mi, mi < 1 ? 1 : 0)} mi`, 1]]) {
      line(c, t.soft, 1.5, [[x, y + side * 5], [x, y], [x + length, y], [x + length, y + side * 5]]);
      c.textBaseline = side < 0 ? 'bottom' : 'top';
      label(c, text, x + 5, y + side * 3, t.soft, t.land);
    }
    this.taken.push([0, y - 20, surface.width * 0.3 + 20, 44]);
  }

  north(c, t) {
    const x = this.surface.width - 22, y = 20;
    c.beginPath();
    c.moveTo(x, y - 10);
    c.lineTo(x + 5.5, y + 8);
    c.lineTo(x, y + 4);
    c.lineTo(x - 5.5, y + 8);
    c.closePath();
    c.fillStyle = t.soft;
    c.fill();
    c.font = font(11, 600);
    c.textAlign = 'center';
    c.textBaseline = 'top';
    c.fillText('N', x, y + 11);
    this.taken.push([x - 14, y - 14, 30, 40]);
  }

  // Only where this receiver heard the craft; `place` says where a point is drawn.
  track(c, colour, width, bit, alpha, place = point => this.xy(point)) {
    const parts = [];
    let part = null, last = -Infinity, index = 0;
    for (const point of this.state.points) {
      index++;
      if (!(point.by & bit))
        continue;
      if (index - last > BREAK)
        parts.push(part = []);
      part.push(place(point));
      last = index;
    }
    c.globalAlpha = alpha;
    c.lineCap = 'round';
    for (const points of parts)
      line(c, colour, width, points);
    c.lineCap = 'butt';
    c.globalAlpha = 1;
  }

  marks(c, t, now) {
    const { state } = this;
    const head = state.head;
    const craft = head && this.xy(head.gps);
    const home = state.home && this.xy(state.home);
    const chase = state.chase && this.xy(state.chase);
    const landing = state.landing && head && head.phase !== 'landed' && this.xy(state.landing);

    // who hears the craft right now
    if (craft && home && state.hears('ground', now).state === 'live')
      line(c, t.ground, 1, [home, craft], [2, 5]);
    if (craft && chase && state.hears('chase', now).state === 'live')
      line(c, t.chase, 1, [chase, craft], [2, 5]);

    for (const spot of [craft, home, chase, landing])
      if (spot)
        this.taken.push([spot[0] - 9, spot[1] - 9, 18, 18]);
    const every = Math.max(1, Math.floor(state.points.length / 60));
    for (let i = 0; i < state.points.length; i += every) {
      const [x, y] = this.xy(state.points[i]);
      this.taken.push([x - 4, y - 4, 8, 8]);
    }

    if (landing) {
      c.lineWidth = 1.5;
      c.strokeStyle = t.ink;
      c.setLineDash([3, 3]);
      c.beginPath();
      c.arc(landing[0], landing[1], 10, 0, 7);
      c.stroke();
      c.setLineDash([]);
      line(c, t.ink, 1.5, [[landing[0] - 4, landing[1] - 4], [landing[0] + 4, landing[1] + 4]]);
      line(c, t.ink, 1.5, [[landing[0] - 4, landing[1] + 4], [landing[0] + 4, landing[1] - 4]]);
    }
    if (home) {
      c.fillStyle = t.ground;
      c.strokeStyle = t.land;
      c.lineWidth = 2;
      c.strokeRect(home[0] - 6, home[1] - 6, 12, 12);
      c.fillRect(home[0] - 6, home[1] - 6, 12, 12);
    }
    if (chase) {
      c.beginPath();
      c.moveTo(chase[0], chase[1] - 8);
      c.lineTo(chase[0] + 8, chase[1] + 6);
      c.lineTo(chase[0] - 8, chase[1] + 6);
      c.closePath();
      c.fillStyle = t.chase;
      c.strokeStyle = t.land;
      c.lineWidth = 2;
      c.stroke();
      c.fill();
    }
    if (craft) {
      c.beginPath();
      c.arc(craft[0], craft[1], 7, 0, 7);
      c.fillStyle = t.land;
      c.fill();
      c.lineWidth = 3;
      c.strokeStyle = t.ink;
      c.stroke();
      c.beginPath();
      c.arc(craft[0], craft[1], 2.5, 0, 7);
      c.fillStyle = t.ink;
      c.fill();
    }

    if (state.chosen) {
      const [x, y] = this.xy(state.chosen);
      c.beginPath();
      c.arc(x, y, 5, 0, 7);
      c.fillStyle = t.accent;
      c.strokeStyle = t.land;
      c.lineWidth = 2;
      c.fill();
      c.stroke();
    }

    if (craft)
      this.name(c, t, craft, head.phase === 'landed' ? 'Craft, landed' : 'Craft', head.phase === 'ready' || head.phase === 'landed' ? '' : `${feet(head.altitude)} ft`, t.ink);
    if (landing)
      this.name(c, t, landing, 'Predicted landing', head.phase === 'ready' ? '' : `T+${clock(head.elapsed + state.landing.in).slice(0, 5)}`, t.ink);
    if (chase)
      this.name(c, t, chase, 'Chase', state.chase.arrived && head?.phase === 'landed' ? 'at the craft' : '', t.chase);
    if (home)
      this.name(c, t, home, 'Ground station', '', t.ground);
  }

  // Beside its mark where nothing else is; the first place of all if everything is taken.
  name(c, t, [x, y], text, more, colour) {
    const { surface } = this;
    c.font = font(12, 600);
    const width = c.measureText(text).width + (more ? 6 + c.measureText(more).width : 0);
    const boxes = [[x + 14, y - 8], [x - 14 - width, y - 8], [x - width / 2, y - 30], [x - width / 2, y + 14], [x + 10, y - 28], [x + 10, y + 12], [x - 10 - width, y - 28],
      [x - 10 - width, y + 12], [x - width / 2, y - 46], [x - width / 2, y + 30]].map(([bx, by]) => [bx, by, width, 16]);
    const free = boxes.find(([bx, by, w, h]) => bx > 4 && by > 4 && bx + w < surface.width - 4 && by + h < this.mapHeight - 4
      && !this.taken.some(([ox, oy, ow, oh]) => bx < ox + ow && bx + w > ox && by < oy + oh && by + h > oy))
      ?? [Math.max(4, Math.min(boxes[0][0], surface.width - width - 4)), boxes[0][1], width, 16];
    this.taken.push(free);
    c.textAlign = 'left';
    c.textBaseline = 'middle';
    label(c, text, free[0], free[1] + 8, colour, t.land);
    if (more) {
      const after = c.measureText(text).width + 6;
      c.font = font(12);
      label(c, more, free[0] + after, free[1] + 8, t.soft, t.land);
    }
  }

  describe() {
    const { head, chase, landing } = this.state;
    if (!head)
      return 'Map of the track: no position yet';
    return `Map of the track. Craft ${head.phase} at ${place(head.gps.lat, head.gps.lon, 2)}, ${feet(head.altitude)} feet.`
      + (chase ? ` Chase vehicle at ${place(chase.lat, chase.lon, 2)}.` : '')
      + (landing && head.phase !== 'landed' ? ` Landing expected at ${place(landing.lat, landing.lon, 2)}.` : '');
  }
}
