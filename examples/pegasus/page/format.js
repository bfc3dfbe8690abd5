// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers and times as people read them. Pure.

export const FT = 0.3048;
const decimals = new Map();

export function number(value, digits = 0) {
  if (!decimals.has(digits))
    decimals.set(digits, new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  // no minus zero, and a minus sign as wide as a plus
  return decimals.get(digits).format(Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).replace('-', '−');
}

export const feet = metres => number(metres / FT);

export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  return [s / 3600, s / 60 % 60, s % 60].map(part => String(Math.floor(part)).padStart(2, '0')).join(':');
}

// 0.4 s, 12 s, 3 min, 2 h
export function age(ms) {
  const s = ms / 1000;
  if (s < 10) return `${number(Math.max(0, s), 1)} s`;
  if (s < 120) return `${number(s)} s`;
  if (s < 7200) return `${number(s / 60)} min`;
  return s < 172800 ? `${number(s / 3600)} h` : `${number(s / 86400)} days`;
}

export function milliseconds(ms) {
  if (ms < 9.95) return `${number(ms, 1)} ms`;
  return ms < 9950 ? `${number(ms)} ms` : age(ms);
}

export function degrees(value, positive, negative, digits) {
  return `${number(Math.abs(value), digits)}° ${value < 0 ? negative : positive}`;
}

export const place = (lat, lon, digits = 4) => `${degrees(lat, 'N', 'S', digits)}, ${degrees(lon, 'E', 'W', digits)}`;

export function compass(heading) {
  return ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'][Math.round(heading / 45) % 8];
}

// Round steps that divide a range into about `count` parts: 1, 2 or 5 times a power of ten, or what `mantissas` says.
export function niceStep(range, count, mantissas = [1, 2, 5, 10]) {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return (mantissas.find(m => m * power >= rough * 0.999) ?? 10) * power;
}
