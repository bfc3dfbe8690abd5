// SPDX-License-Identifier: LGPL-2.1-or-later
// Wall clock in milliseconds with the fraction: Date.now() counts whole ones, performance.now() drifts away from the wall.

let origin = performance.timeOrigin;

export function wallMs() {
  const now = origin + performance.now();
  const off = Date.now() - now;
  if (Math.abs(off) <= 2)
    return now;
  origin += off;
  return now + off;
}
