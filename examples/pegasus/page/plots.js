// SPDX-License-Identifier: LGPL-2.1-or-later
// Four small plots over one time axis. A pointer or the arrow keys read all of them at one moment.

import { number, feet, clock, niceStep, FT } from './format.js';
import { Surface, theme, font, line, label } from '../common/surface.js';

const BURST_M = 25908;           // 85,000 ft
const MINUTES = [1, 2, 5, 10, 15, 20, 30, 60, 120];
const LEAST_S = 600;
const BETWEEN_S = 120;           // a longer silence breaks the line

const plotKinds = {
  altitude: {
    title: 'Altitude', lines: [{ key: 'altitude' }], range: [0, 27500], unit: 'm', filled: true,
    ticks: [0, 5000, 10000, 15000, 20000, 25000], text: value => value ? `${number(value / 1000)} km` : '0',
    right: { ticks: [25000, 50000, 75000].map(ft => ft * FT), text: value => `${number(value / FT / 1000)}k ft` },
    mark: { value: BURST_M, text: 'burst 85,000 ft' },
    say: p => `${feet(p.altitude)} ft · ${number(p.altitude)} m`,
  },
  temperature: {
    title: 'Temperature', lines: [{ key: 'temperature' }], range: [-62, 22], unit: '°C',
    ticks: [-60, -40, -20, 0, 20], text: value => `${number(value)} °C`,
    say: p => `${number(p.temperature, 1)} °C`,
  },
  pressure: {
    title: 'Pressure', lines: [{ key: 'pressure' }], range: [0, 1040], unit: 'hPa', filled: true,
    ticks: [0, 250, 500, 750, 1000], text: value => value ? number(value) : '0 hPa',
    say: p => `${number(p.pressure, p.pressure < 100 ? 1 : 0)} hPa`,
  },
  speed: {
    title: 'Speed', lines: [{ key: 'speed', name: 'over ground', dash: [4, 3] }, { key: 'vertical', name: 'vertical' }], range: [-20, 40], grows: true, unit: 'm/s',
    text: value => value ? number(value) : '0 m/s',
    say: p => `${number(p.vertical, 1)} up · ${number(p.speed, 1)} ground m/s`,
  },
};

class Plot {
  constructor(figure, kind, plots) {
    this.kind = kind;
    this.output = figure.querySelector('output');
    this.canvas = figure.querySelector('canvas');
    this.surface = new Surface(this.canvas, plots.onChange);
    this.canvas.setAttribute('role', 'slider');
    this.canvas.setAttribute('aria-label', `${kind.title} against time; arrow keys read values`);
    this.canvas.setAttribute('aria-valuemin', '0');
    this.canvas.addEventListener('pointermove', e => plots.point(this.timeAt(e.offsetX)));
    this.canvas.addEventListener('pointerdown', e => plots.point(this.timeAt(e.offsetX)));
    this.canvas.addEventListener('pointerleave', () => plots.point(null));
    this.canvas.addEventListener('blur', () => plots.point(null));
    this.canvas.addEventListener('keydown', e => plots.onKey(e));
  }

  timeAt(x) {
    return this.area ? (x - this.area.left) / this.area.width * this.area.seconds : null;
  }

  layout(points, seconds) {
    const { kind, surface } = this;
    let [low, high] = kind.range;
    let ticks = kind.ticks;
    if (kind.grows) {
      for (const point of points)
        for (const { key } of kind.lines) {
          low = Math.min(low, point[key]);
          high = Math.max(high, point[key]);
        }
      const step = niceStep(high - low, 4);
      ticks = [];
      for (let value = Math.ceil(low / step) * step; value <= high; value += step)
        ticks.push(value);
      low -= (high - low) * 0.04;
      high += (high - low) * 0.04;
    }
    const c = surface.context;
    c.font = font(11);
    const left = Math.ceil(Math.max(...ticks.map(value => c.measureText(kind.text(value)).width))) + 10;
    const right = kind.right ? 42 : 6;
    this.area = { left, top: 6, width: Math.max(20, surface.width - left - right), height: Math.max(20, surface.height - 28), seconds, low, high, ticks };
  }

  x(t) {
    return this.area.left + t / this.area.seconds * this.area.width;
  }

  y(value) {
    return this.area.top + (this.area.high - value) / (this.area.high - this.area.low) * this.area.height;
  }

  draw(points, seconds, phaseAt, chosen) {
    const c = this.surface.begin();
    const t = theme();
    this.layout(points, seconds);
    this.axes(c, t, seconds);
    this.phases(c, t, phaseAt);
    this.keys(c, t);
    for (const spec of this.kind.lines)
      this.series(c, t, points, spec);
    this.end(c, t, points, chosen);
  }

  axes(c, t, seconds) {
    const { kind, area } = this;
    const right = area.left + area.width, bottom = area.top + area.height;
    c.font = font(11);
    c.textBaseline = 'middle';
    for (const value of area.ticks) {
      const y = Math.round(this.y(value)) + 0.5;
      line(c, value === 0 ? t.edge : t.grid, 1, [[area.left, y], [right, y]]);
      c.textAlign = 'right';
      c.fillStyle = t.faint;
      c.fillText(kind.text(value), area.left - 6, y);
    }
    if (kind.right) {
      c.textAlign = 'left';
      for (const value of kind.right.ticks)
        c.fillText(kind.right.text(value), right + 5, this.y(value));
    }
    c.textBaseline = 'top';
    c.textAlign = 'center';
    const minutes = MINUTES.find(step => step * 60 / seconds * area.width > 44) ?? 240;
    for (let m = 0; m * 60 <= seconds; m += minutes) {
      const x = this.x(m * 60);
      line(c, t.edge, 1, [[x, bottom], [x, bottom + 4]]);
      c.fillStyle = t.faint;
      c.fillText(m ? `${m}` : '0 min', Math.max(x, area.left + 14), bottom + 7);
    }
    if (kind.mark) {
      const y = Math.round(this.y(kind.mark.value)) + 0.5;
      line(c, t.soft, 1, [[area.left, y], [right, y]], [4, 4]);
      c.textAlign = 'left';
      c.textBaseline = 'top';
      c.fillStyle = t.soft;
      c.fillText(kind.mark.text, area.left + 5, y + 4);
    }
  }

  // Names of the lines, where there are several: in the corner that a flight leaves free.
  keys(c, t) {
    const x = this.area.left + 8;
    let y = this.area.top + this.area.height - 9;
    c.font = font(11);
    c.textAlign = 'left';
    c.textBaseline = 'middle';
    for (const { name, dash = [] } of this.kind.lines) {
      if (!name)
        continue;
      const colour = dash.length ? t.soft : t.accent;
      line(c, colour, 2, [[x, y], [x + 18, y]], dash);
      label(c, name, x + 23, y, colour, t.card);
      y -= 15;
    }
  }

  phases(c, t, phaseAt) {
    const { area } = this;
    for (const phase of ['descent', 'parachute', 'landed'])
      if (phase in phaseAt) {
        const x = Math.round(this.x(phaseAt[phase])) + 0.5;
        line(c, t.faint, 1, [[x, area.top], [x, area.top + area.height]], [1, 3]);
      }
  }

  series(c, t, points, { key, dash = [] }) {
    const parts = [];
    let part = null, last = -Infinity;
    for (const point of points) {
      if (!Number.isFinite(point[key]))
        continue;
      if (point.t - last > BETWEEN_S)
        parts.push(part = []);
      part.push([this.x(point.t), this.y(point[key])]);
      last = point.t;
    }
    const floor = this.y(Math.max(0, this.area.low));
    for (const path of parts) {
      if (this.kind.filled && path.length > 1) {
        c.beginPath();
        c.moveTo(path[0][0], floor);
        for (const [x, y] of path)
          c.lineTo(x, y);
        c.lineTo(path.at(-1)[0], floor);
        c.fillStyle = t.fill;
        c.fill();
      }
      line(c, dash.length ? t.soft : t.accent, 2, path, dash);
    }
  }

  end(c, t, points, chosen) {
    const point = chosen ?? points.at(-1);
    if (!point)
      return;
    const x = this.x(point.t);
    if (chosen)
      line(c, t.soft, 1, [[x, this.area.top], [x, this.area.top + this.area.height]]);
    for (const { key, dash } of this.kind.lines) {
      const y = this.y(point[key]);
      c.beginPath();
      c.arc(x, y, 3.5, 0, 7);
      c.fillStyle = dash ? t.soft : t.accent;
      c.strokeStyle = t.card;
      c.lineWidth = 1.5;
      c.fill();
      c.stroke();
    }
  }
}

export class Plots {
  constructor(root, state, onChange) {
    this.state = state;
    this.onChange = onChange;
    this.time = null;
    this.plots = [...root.querySelectorAll('figure')].map(figure => new Plot(figure, plotKinds[figure.querySelector('canvas').dataset.plot], this));
  }

  point(time) {
    this.time = time;
    this.state.chosen = this.chosen();
    this.onChange();
  }

  onKey(event) {
    const last = this.state.points.at(-1)?.t ?? 0;
    const step = (event.shiftKey ? 10 : 1) * Math.max(10, last / 100);
    const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, Home: -Infinity, End: Infinity };
    if (event.key === 'Escape')
      this.point(null);
    else if (event.key in moves) {
      this.point(Math.min(last, Math.max(0, (this.time ?? last) + moves[event.key])));
      event.preventDefault();
    }
  }

  chosen() {
    const { points } = this.state;
    if (this.time === null || !points.length)
      return null;
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle].t < this.time)
        low = middle + 1;
      else
        high = middle;
    }
    return low > 0 && this.time - points[low - 1].t < points[low].t - this.time ? points[low - 1] : points[low];
  }

  draw() {
    const { points, head, landing, phaseAt } = this.state;
    const last = points.at(-1)?.t ?? 0;
    const expected = head && landing && head.phase !== 'landed' && head.phase !== 'ready' ? last + landing.in : last;
    const seconds = Math.max(LEAST_S, Math.ceil(expected / 600) * 600);
    const chosen = this.state.chosen;
    for (const plot of this.plots) {
      plot.draw(points, seconds, phaseAt, chosen);
      const shown = chosen ?? points.at(-1);
      const text = shown ? (chosen ? `T+${clock(chosen.t)}  ` : '') + plot.kind.say(shown) : '–';
      if (plot.output.textContent !== text)
        plot.output.textContent = text;
      if (document.activeElement === plot.canvas && shown) {
        plot.canvas.setAttribute('aria-valuemax', String(Math.round(last)));
        plot.canvas.setAttribute('aria-valuenow', String(Math.round(shown.t)));
        plot.canvas.setAttribute('aria-valuetext', `T+${clock(shown.t)} ${plot.kind.say(shown)}`);
      }
    }
  }
}
