// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page asks the bus: a stream of twins as they change, history of one, and orders to them.

const VALUES = ['kind', 'power-kw', 'solar-kw', 'load-kw', 'battery-kw', 'dispatched-kw', 'soc', 'capacity-kw', 'capacity-kwh', 'hour', 'lat', 'lon'];
const FIELDS = ['parent', 'state', 'aggregate', ...VALUES.map(name => `reported/${name}/value`)].join(',');
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 15000;

// Each twin that is there, then each that changes, at most twice a second. It comes back by itself and tells all again.
export function openStream({ onTwin, onState }) {
  const url = `/v1/twins/events?interval=500ms&snapshot=1&fields=${encodeURIComponent(FIELDS)}`;
  let source = null;
  let retryMs = RETRY_FIRST_MS;

  function retryLater() {
    // EventSource gives up for good on an HTTP error; a daemon that restarts behind a proxy looks like that
    source.close();
    setTimeout(open, retryMs * (0.5 + Math.random() / 2));
    onState('lost');
    retryMs = Math.min(retryMs * 2, RETRY_LAST_MS);
  }

  function open() {
    source = new EventSource(url);
    source.onopen = () => {
      retryMs = RETRY_FIRST_MS;
      onState('live');
    };
    source.onmessage = message => {
      let twin;
      try {
        twin = JSON.parse(message.data);
      } catch {
        return;
      }
      if (typeof twin?.id === 'string')
        onTwin(twin);
    };
    source.onerror = () => source.readyState === EventSource.CLOSED ? retryLater() : onState('wait');
  }
  open();
}

const path = id => `/v1/twins/${id.split('/').map(encodeURIComponent).join('/')}`;

// [{ at: milliseconds, value }], oldest first
export async function readHistory(id, key, seconds) {
  const answer = await fetch(`${path(id)}/history?key=${encodeURIComponent(key)}&from=-${seconds}s`);
  if (!answer.ok)
    return [];
  return (await answer.json()).items.map(item => ({ at: Date.parse(item.time), value: item.value }));
}

// Resolves with { ok, text }.
export async function sendOrder(id, order) {
  try {
    const answer = await fetch(`${path(id)}/inbox/dispatch?wait=4s`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(order) });
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 504)
      return { ok: false, text: 'The site did not answer.' };
    if (!answer.ok || body.accepted === false)
      return { ok: false, text: body.detail ?? body.why ?? `The bus said ${answer.status}.` };
    return { ok: true, sent: body.sent ?? 1 };
  } catch {
    return { ok: false, text: 'The bus cannot be reached.' };
  }
}
