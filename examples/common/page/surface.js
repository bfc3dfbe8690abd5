// SPDX-License-Identifier: LGPL-2.1-or-later
// What drawings of both pages share: a canvas that is sharp on every screen, colours of the style sheet, small strokes.

const scheme = matchMedia('(prefers-color-scheme: dark)');
let colours = null;

// theme().ink is what the style sheet calls --ink; theme().font is the family of the page.
export function theme() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = new Proxy({ font: style.fontFamily }, {
      get: (known, name) => known[name] ??= style.getPropertyValue('--' + name).trim(),
    });
  }
  return colours;
}

export class Surface {
  constructor(canvas, onChange, lineCap = 'butt') {
    this.canvas = canvas;
    this.lineCap = lineCap;
    this.context = canvas.getContext('2d');
    this.width = this.height = 0;
    new ResizeObserver(() => {
      this.measure();
      onChange();
    }).observe(canvas);
    scheme.addEventListener('change', () => {
      colours = null;
      onChange();
    });
    this.measure();
  }

  measure() {
    const box = this.canvas.getBoundingClientRect();
    this.width = box.width;
    this.height = box.height;
  }

  // Clears and returns a context whose unit is a CSS pixel.
  begin() {
    const ratio = Math.min(devicePixelRatio || 1, 4);
    const width = Math.round(this.width * ratio), height = Math.round(this.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    this.context.lineJoin = 'round';
    this.context.lineCap = this.lineCap;
    this.context.setLineDash([]);
    return this.context;
  }
}

export const font = (px, weight = 400) => `${weight} ${px}px ${theme().font}`;

export function line(c, colour, width, points, dash = []) {
  if (points.length < 2)
    return;
  c.beginPath();
  points.forEach(([x, y], i) => i ? c.lineTo(x, y) : c.moveTo(x, y));
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.setLineDash(dash);
  c.stroke();
  c.setLineDash([]);
}

// Text with a halo of the ground under it, readable over any line.
export function label(c, text, x, y, colour, halo) {
  c.lineWidth = 3.5;
  c.strokeStyle = halo;
  c.strokeText(text, x, y);
  c.fillStyle = colour;
  c.fillText(text, x, y);
}
