// SPDX-License-Identifier: LGPL-2.1-or-later
// Power of one node against time, the last three minutes. Above the line it gives, below it takes.

import { niceStep, number, signed, timeOfDay } from './format.js';
import { Surface, theme, font } from '../common/surface.js';

const SPAN_MS = 180000;
const BREAK_MS = 5000;             // without a value: it was away, and the line ends

export class Chart {
  constructor(canvas, output, onChange) {
    this.surface = new Surface(canvas, onChange, 'round');
    this.output = output;
    this.points = [];
    this.marks = [];               // { at, text } of what was dispatched
    this.cursor = null;
    canvas.addEventListener('pointermove', event => { this.cursor = event.clientX - canvas.getBoundingClientRect().x; onChange(); });
    canvas.addEventListener('pointerleave', () => { this.cursor = null; onChange(); });
  }

  range(points) {
    let low = Math.min(0, ...points.map(p => p.value)), high = Math.max(0, ...points.map(p => p.value));
    if (high - low < 0.5)
      high = low + 0.5;
    const pad = (high - low) * 0.08;
    return [low < 0 ? low - pad : low, high > 0 ? high + pad : high];
  }

  // Broken where nothing was heard.
  pieces(points) {
    const pieces = [];
    for (const point of points) {
      const last = pieces.at(-1)?.at(-1);
      if (!last || point.at - last.at > BREAK_MS)
        pieces.push([]);
      pieces.at(-1).push(point);
    }
    return pieces;
  }

  drawGrid(c, low, high, left, y, now) {
    const colours = theme();
    const { width, height } = this.surface;
    const step = niceStep(high - low, 4);
    c.font = font(11);
    c.lineWidth = 1;
    c.textAlign = 'right';
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      const isZero = Math.abs(value) < step / 100;
      c.strokeStyle = isZero ? colours.faint : colours.grid;
      c.beginPath();
      c.moveTo(left, Math.round(y(value)) + 0.5);
      c.lineTo(width, Math.round(y(value)) + 0.5);
      c.stroke();
      c.fillStyle = colours.soft;
      c.fillText(number(value, step < 1 ? 1 : 0), left - 6, y(value) + 4);
    }
    c.textAlign = 'center';
    for (const seconds of [120, 60])
      c.fillText(`−${seconds / 60} min`, left + (1 - seconds * 1000 / SPAN_MS) * (width - left), height - 2);
    c.textAlign = 'right';
    c.fillText('now', width, height - 2);
  }

  drawMarks(c, x, bottom, left) {
    const colours = theme();
    for (const mark of this.marks) {
      const at = x(mark.at);
      if (at < left)
        continue;
      c.strokeStyle = colours.accent;
      c.setLineDash([3, 3]);
      c.lineWidth = 1;
      c.beginPath();
      c.moveTo(at, 14);
      c.lineTo(at, bottom);
      c.stroke();
      c.setLineDash([]);
      c.font = font(11, 600);
      c.fillStyle = colours.accent;
      c.textAlign = at > this.surface.width - 60 ? 'right' : 'left';
      c.fillText(mark.text, at + (c.textAlign === 'left' ? 3 : -3), 11);
    }
  }

  drawLine(c, piece, x, y, low, high) {
    const colours = theme();
    const zero = y(0);
    for (const [colour, top, bottom] of [[colours.gives, y(high), zero], [colours.takes, zero, y(low)]]) {
      c.save();
      c.beginPath();
      c.rect(0, top, this.surface.width, Math.max(0, bottom - top));
      c.clip();
      c.beginPath();
      c.moveTo(x(piece[0].at), zero);
      for (const point of piece)
        c.lineTo(x(point.at), y(point.value));
      c.lineTo(x(piece.at(-1).at), zero);
      c.globalAlpha = 0.14;
      c.fillStyle = colour;
      c.fill();
      c.globalAlpha = 1;
      c.beginPath();
      piece.forEach((point, i) => i ? c.lineTo(x(point.at), y(point.value)) : c.moveTo(x(point.at), y(point.value)));
      c.strokeStyle = colour;
      c.lineWidth = 1.8;
      c.stroke();
      c.restore();
    }
  }

  say(points, x, now) {
    const point = this.cursor === null ? points.at(-1) : points.reduce((best, p) => Math.abs(x(p.at) - this.cursor) < Math.abs(x(best.at) - this.cursor) ? p : best, points[0]);
    const text = point ? `${this.cursor === null ? '' : timeOfDay(point.at) + '  '}${signed(point.value)} kW` : '';
    if (this.output.textContent !== text)
      this.output.textContent = text;
    return this.cursor === null ? null : point;
  }

  draw(now) {
    const c = this.surface.begin();
    const { width, height } = this.surface;
    const points = this.points.filter(point => point.at > now - SPAN_MS);
    const left = 40, bottom = height - 16;
    const [low, high] = this.range(points);
    const x = at => left + (1 - (now - at) / SPAN_MS) * (width - left);
    const y = value => 16 + (high - value) / (high - low) * (bottom - 16);
    this.drawGrid(c, low, high, left, y, now);
    for (const piece of this.pieces(points))
      this.drawLine(c, piece, x, y, low, high);
    this.drawMarks(c, x, bottom, left);
    const point = this.say(points, x, now);
    if (point) {
      c.beginPath();
      c.arc(x(point.at), y(point.value), 3.5, 0, 2 * Math.PI);
      c.fillStyle = theme().ink;
      c.fill();
    }
  }
}
