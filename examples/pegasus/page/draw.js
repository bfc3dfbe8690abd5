// SPDX-License-Identifier: LGPL-2.1-or-later
// What the map and the plots share: a canvas that is sharp on every screen, colours of the style sheet, small strokes.

const scheme = matchMedia('(prefers-color-scheme: dark)');
const names = ['card', 'edge', 'ink', 'soft', 'faint', 'grid', 'land', 'ground', 'chase', 'accent', 'fill', 'halo', 'bad'];
let colours = null;

export function theme() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(names.map(name => [name, style.getPropertyValue('--' + name).trim()]));
    colours.font = style.fontFamily;
  }
  return colours;
}

export class Surface {
  constructor(canvas, onChange) {
    this.canvas = canvas;
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
    this.context.lineCap = 'butt';
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
