// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers and times as people read them. Pure.

const decimals = new Map();

export const finite = value => typeof value === 'number' && Number.isFinite(value);

export function number(value, digits = 0) {
  if (!decimals.has(digits))
    decimals.set(digits, new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  // no minus zero, and a minus sign as wide as a plus
  return decimals.get(digits).format(Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).replace('-', '−');
}

// Kilowatts with as many digits as say something.
export const power = kw => finite(kw) ? number(kw, Math.abs(kw) < 99.5 ? 1 : 0) : '–';
export const signed = kw => finite(kw) ? (kw >= 0.05 ? '+' : '') + power(kw) : '–';
export const percent = share => finite(share) ? number(share * 100) : '–';

export function age(ms) {
  const s = ms / 1000;
  if (s < 10) return `${number(Math.max(0, s), 1)} s`;
  if (s < 120) return `${number(s)} s`;
  return s < 7200 ? `${number(s / 60)} min` : `${number(s / 3600)} h`;
}

export function clock(hour) {
  const minutes = Math.floor(hour * 60) % 1440;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

export const timeOfDay = ms => new Date(ms).toTimeString().slice(0, 8);

// 'site/north/f2/s07' is "s07" to people who see it below "north, feeder 2".
export function nameOf(id) {
  const [kind, ...rest] = id.split('/');
  if (rest.length === 0)
    return kind === 'fleet' ? 'All sites' : id;
  const last = rest.at(-1);
  if (kind === 'region')
    return last[0].toUpperCase() + last.slice(1);
  if (kind === 'feeder')
    return 'Feeder ' + last.replace(/^f/, '');
  return last.toUpperCase();
}

// Round steps that divide a range into about `count` parts.
export function niceStep(range, count) {
  const rough = range / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find(m => m * unit >= rough * 0.999) ?? 10) * unit;
}
