// SPDX-License-Identifier: LGPL-2.1-or-later
// A canvas that is sharp on every screen, and the colours of the style sheet.

const scheme = matchMedia('(prefers-color-scheme: dark)');
const names = ['card', 'edge', 'ink', 'soft', 'faint', 'grid', 'land', 'water', 'gives', 'takes', 'good', 'warn', 'bad', 'accent', 'fill'];
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
    const c = this.context;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.lineJoin = 'round';
    c.lineCap = 'round';
    c.setLineDash([]);
    return c;
  }
}

export const font = (px, weight = 400) => `${weight} ${px}px ${theme().font}`;
