// SPDX-License-Identifier: LGPL-2.1-or-later
// What this page knows of the flight. Fed with CloudEvents, read by everything that draws; touches no document.
// All its times are milliseconds of the wall clock.

export const PHASES = ['ready', 'ascent', 'descent', 'parachute', 'landed'];
export const HEARD = { ground: 1, chase: 2 };
const MAX_POINTS = 3000;       // about one a pixel on a wide screen; thinned by half when full
const MAX_ROUTE = 2000;
const ROUTE_STEP_M = 40;
const N_LATENCIES = 600;
const SETTLE_MS = 1500;        // after connecting the stream catches up, which says nothing about latency
const LATE_MS = 2500;
const GONE_MS = 10000;
const STORE = 'pegasus-flight';

export const finite = value => typeof value === 'number' && Number.isFinite(value);

export function metresBetween(a, b) {
  const k = Math.PI / 180 * 6371008.8;
  return Math.hypot((a.lat - b.lat) * k, (a.lon - b.lon) * k * Math.cos((a.lat + b.lat) * Math.PI / 360));
}

export class FlightState {
  constructor() {
    this.receivers = { ground: null, chase: null };   // { frame, at, rssi, range }
    this.chase = null;           // { lat, lon, speed, heading, arrived, at }
    this.landing = null;         // { lat, lon, in }
    this.home = null;            // { lat, lon } of the ground station
    this.chosen = null;          // the point somebody reads in the plots
    this.latencies = [];         // { total, radio } in ms
    this.connectedAt = 0;
    this.startFlight(0);
  }

  startFlight(flight) {
    this.flight = flight;
    this.head = null;            // newest frame of either receiver
    this.points = [];            // { n, t, lat, lon, altitude, temperature, pressure, vertical, speed, by }
    this.spacing = 0;
    this.phaseAt = {};           // phase: elapsed seconds
    this.route = [];
    this.landing = null;
    this.chosen = null;
  }

  connected(now) {
    this.connectedAt = now;
  }

  // Returns true if anything changed.
  take(event, now) {
    const level = event.subject.split('/');
    if (level[0] === 'craft' && level[1] === 'telemetry' && level[2] in HEARD)
      return this.takeTelemetry(level[2], event, now);
    if (event.subject === 'chase/location')
      return this.takeLocation(event, now);
    return false;
  }

  takeTelemetry(receiver, event, now) {
    const frame = event.data;
    if (!frame || !finite(frame.altitude) || !finite(frame.elapsed) || !finite(frame.gps?.lat) || !finite(frame.gps?.lon) || !PHASES.includes(frame.phase))
      return false;
    if (frame.flight < this.flight)
      return false;              // retained from an earlier flight
    if (frame.flight > this.flight)
      this.startFlight(frame.flight);

    const isOld = event.hawserretained === true || now - this.connectedAt < SETTLE_MS;
    const at = isOld ? Math.min(now, Date.parse(frame.time)) : now;
    this.receivers[receiver] = { frame, at, rssi: frame.link?.rssi, range: frame.link?.range };
    if (receiver === 'ground' && finite(frame.link?.lat) && finite(frame.link?.lon))
      this.home = { lat: frame.link.lat, lon: frame.link.lon };
    if (!isOld && finite(frame['sent-us']))
      this.measure(now - frame['sent-us'] / 1000, (frame['received-us'] - frame['sent-us']) / 1000);

    if (!this.head || frame.sequence > this.head.sequence) {
      this.notePhase(frame);
      this.head = frame;
    }
    this.addPoint(frame, HEARD[receiver]);
    return true;
  }

  // Launch is second 0; of the others only a change that was seen has a known time.
  notePhase(frame) {
    if (frame.phase !== 'ready')
      this.phaseAt.ascent = 0;
    if (this.head && this.head.phase !== frame.phase && !(frame.phase in this.phaseAt))
      this.phaseAt[frame.phase] = frame.elapsed;
  }

  measure(total, radio) {
    this.latencies.push({ total, radio: finite(radio) ? radio : 0 });
    if (this.latencies.length > N_LATENCIES)
      this.latencies.splice(0, N_LATENCIES / 4);
  }

  // Both receivers hear the same frame: one point with two bits.
  addPoint(frame, bit) {
    const points = this.points;
    for (let i = points.length - 1; i >= 0 && i >= points.length - 40; i--) {
      if (points[i].n === frame.sequence) {
        points[i].by |= bit;
        return;
      }
    }
    const last = points.at(-1);
    if (frame.phase === 'ready' || last && (frame.sequence < last.n || frame.elapsed - last.t < this.spacing || last.phase === 'landed'))
      return;
    points.push({
      n: frame.sequence, t: frame.elapsed, lat: frame.gps.lat, lon: frame.gps.lon, phase: frame.phase, altitude: frame.altitude,
      temperature: frame.temperature, pressure: frame.pressure, vertical: frame['vertical-speed'], speed: frame.speed, by: bit,
    });
    if (points.length > MAX_POINTS) {
      this.points = points.filter((_, i) => i % 2 === 0);
      this.spacing = Math.max(1, this.spacing * 2, (frame.elapsed - this.points[0].t) / this.points.length * 0.99);
    }
  }

  // SenML (RFC 8428): records with names; base name and time in the first.
  takeLocation(event, now) {
    if (!Array.isArray(event.data) || !event.data[0])
      return false;
    const base = event.data[0].bn ?? '';
    const value = {};
    for (const record of event.data)
      if (record && typeof record.n === 'string')
        value[base + record.n] = record.v ?? record.vb;
    const lat = value['chase/latitude'], lon = value['chase/longitude'];
    if (!finite(lat) || !finite(lon))
      return false;

    const isOld = event.hawserretained === true;
    const at = isOld ? Math.min(now, event.data[0].bt * 1000) : now;
    this.chase = { lat, lon, at, speed: value['chase/speed'] ?? 0, heading: (value['chase/heading'] ?? 0) * 180 / Math.PI, arrived: value['chase/arrived'] === true };
    if (finite(value['chase/landing/latitude']) && finite(value['chase/landing/longitude']))
      this.landing = { lat: value['chase/landing/latitude'], lon: value['chase/landing/longitude'], in: value['chase/landing/in'] ?? 0 };
    const last = this.route.at(-1);
    if (this.head && this.head.phase !== 'ready' && (!last || metresBetween(last, this.chase) > ROUTE_STEP_M))
      this.route.push({ lat, lon });
    if (this.route.length > MAX_ROUTE)
      this.route = this.route.filter((_, i) => i % 2 === 0);
    return true;
  }

  // 'none' | 'live' | 'late' | 'gone', and for how long
  hears(receiver, now) {
    const heard = this.receivers[receiver];
    if (!heard)
      return { state: 'none', age: 0 };
    const age = now - heard.at;
    return { state: age < LATE_MS ? 'live' : age < GONE_MS ? 'late' : 'gone', age };
  }

  latency() {
    if (this.latencies.length < 5)
      return null;
    const total = this.latencies.map(l => l.total).sort((a, b) => a - b);
    const radio = this.latencies.map(l => l.radio).sort((a, b) => a - b);
    const at = (list, q) => list[Math.min(list.length - 1, Math.floor(list.length * q))];
    return { p50: at(total, 0.5), p99: at(total, 0.99), radio: at(radio, 0.5), n: total.length };
  }

  // A reload of the page does not lose the track it has seen.
  save() {
    if (!this.flight)
      return;
    try {
      const { flight, points, phaseAt, route, spacing } = this;
      sessionStorage.setItem(STORE, JSON.stringify({ flight, points, phaseAt, route, spacing }));
    } catch {
      // full or forbidden: the track then begins anew
    }
  }

  restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(STORE));
      if (kept?.flight > 0 && Array.isArray(kept.points))
        Object.assign(this, kept);
    } catch {
      // as above
    }
  }
}
