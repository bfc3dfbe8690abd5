// SPDX-License-Identifier: LGPL-2.1-or-later
// The flight as seen from the south: height over the longitudes of the map above.

import { feet, number, FT } from './format.js';
import { HEARD } from './state.js';
import { font, line, label } from '../common/surface.js';

const TOP_M = 29000;
const BURST_M = 25908;           // 85,000 ft

export function drawSide(c, t, map) {
  const { state, surface, mapHeight } = map;
  const top = mapHeight + 8, floor = surface.height - 16;
  const y = altitude => floor - altitude / TOP_M * (floor - top);
  const xy = point => [map.xy(point)[0], y(point.altitude)];

  c.save();
  c.beginPath();
  c.rect(0, mapHeight, surface.width, surface.height - mapHeight);
  c.clip();
  line(c, t.edge, 1, [[0, mapHeight + 0.5], [surface.width, mapHeight + 0.5]]);
  scale(c, t, surface.width, y);
  line(c, t.soft, 1.5, [[0, floor], [surface.width, floor]]);
  c.font = font(11);
  c.textAlign = 'right';
  c.textBaseline = 'top';
  label(c, 'from the south', surface.width - 8, top - 1, t.faint, t.land);

  map.track(c, t.ground, 7, HEARD.ground, 0.42, xy);
  map.track(c, t.chase, 2, HEARD.chase, 1, xy);
  const onGround = spot => [map.xy(spot)[0], floor];
  if (state.home)
    square(c, t, onGround(state.home));
  if (state.landing && state.head && state.head.phase !== 'landed')
    cross(c, t, onGround(state.landing));
  if (state.chase)
    triangle(c, t, onGround(state.chase));
  if (state.chosen)
    dot(c, t, xy(state.chosen));
  if (state.head)
    craft(c, t, map, xy({ ...state.head.gps, altitude: state.head.altitude }));
  c.restore();
}

function scale(c, t, width, y) {
  c.font = font(11);
  c.textAlign = 'left';
  c.textBaseline = 'bottom';
  for (const kft of [20, 40, 60]) {
    const at = Math.round(y(kft * 1000 * FT)) + 0.5;
    line(c, t.grid, 1, [[0, at], [width, at]]);
    label(c, `${kft},000 ft`, 8, at - 1, t.faint, t.land);
  }
  const burst = Math.round(y(BURST_M)) + 0.5;
  line(c, t.soft, 1, [[0, burst], [width, burst]], [4, 4]);
  label(c, `burst ${number(85000)} ft`, 8, burst - 1, t.soft, t.land);
}

function square(c, t, [x, y]) {
  c.fillStyle = t.ground;
  c.fillRect(x - 5, y - 5, 10, 10);
}

function cross(c, t, [x, y]) {
  line(c, t.ink, 1.5, [[x - 4, y - 4], [x + 4, y + 4]]);
  line(c, t.ink, 1.5, [[x - 4, y + 4], [x + 4, y - 4]]);
}

function triangle(c, t, [x, y]) {
  c.beginPath();
  c.moveTo(x, y - 7);
  c.lineTo(x + 7, y + 5);
  c.lineTo(x - 7, y + 5);
  c.closePath();
  c.fillStyle = t.chase;
  c.strokeStyle = t.land;
  c.lineWidth = 2;
  c.stroke();
  c.fill();
}

function dot(c, t, [x, y]) {
  c.beginPath();
  c.arc(x, y, 5, 0, 7);
  c.fillStyle = t.accent;
  c.strokeStyle = t.land;
  c.lineWidth = 2;
  c.fill();
  c.stroke();
}

// The box, and what it hangs on: a balloon that swells as it rises, or a parachute, or nothing.
function craft(c, t, map, [x, y]) {
  const { head } = map.state;
  const hangs = head.phase === 'ready' || head.phase === 'ascent' ? 'balloon' : head.phase === 'parachute' ? 'parachute' : '';
  c.lineWidth = 1.75;
  c.strokeStyle = t.ink;
  c.fillStyle = t.land;
  if (hangs === 'balloon') {
    const r = 5 + 5 * Math.max(0, Math.min(1, head.altitude / BURST_M));
    line(c, t.ink, 1.25, [[x, y - 4], [x, y - 9]]);
    c.lineWidth = 1.75;
    c.beginPath();
    c.ellipse(x, y - 9 - r, r * 0.94, r, 0, 0, 7);
    c.fill();
    c.stroke();
  } else if (hangs === 'parachute') {
    line(c, t.ink, 1, [[x - 9, y - 14], [x, y - 4], [x + 9, y - 14]]);
    c.lineWidth = 1.75;
    c.beginPath();
    c.arc(x, y - 14, 9, Math.PI, 0);
    c.closePath();
    c.fill();
    c.stroke();
  }
  c.fillStyle = t.ink;
  c.fillRect(x - 4, y - 4, 8, 8);

  if (head.phase !== 'ready' && head.phase !== 'landed') {
    const text = `${feet(head.altitude)} ft`;
    c.font = font(12, 600);
    const isRight = x + 20 + c.measureText(text).width < map.surface.width - 4;
    c.textAlign = isRight ? 'left' : 'right';
    c.textBaseline = 'middle';
    label(c, text, x + (isRight ? 15 : -15), y - 2, t.ink, t.land);
  }
}
