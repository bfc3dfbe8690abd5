// SPDX-License-Identifier: LGPL-2.1-or-later
// The live stream of the bus: one EventSource that comes back by itself, from where it was (Last-Event-ID).

import { wallMs } from './clock.js';

const FILTERS = ['craft/telemetry/+', 'chase/location', 'command/+/+'];
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 15000;

// onEvent(cloudEvent, wall milliseconds); onState('live' | 'wait' | 'lost', detail); onGap(number or null if nobody counted)
export function openStream({ onEvent, onState, onGap }) {
  const url = '/v1/events?' + FILTERS.map(f => 'filter=' + encodeURIComponent(f)).join('&');
  let source = null;
  let retryMs = RETRY_FIRST_MS;
  let timer = 0;

  function retryLater() {
    // EventSource gives up for good on an HTTP error; a daemon that restarts behind a proxy looks like that
    source.close();
    clearTimeout(timer);
    timer = setTimeout(open, retryMs * (0.5 + Math.random() / 2));
    onState('lost', 'no connection, trying again');
    retryMs = Math.min(retryMs * 2, RETRY_LAST_MS);
  }

  function open() {
    clearTimeout(timer);
    source = new EventSource(url);
    source.onopen = () => {
      retryMs = RETRY_FIRST_MS;
      onState('live', 'connected');
    };
    source.onmessage = message => {
      const at = wallMs();
      let event;
      try {
        event = JSON.parse(message.data);
      } catch {
        return;   // not a CloudEvent, so not for us
      }
      if (typeof event?.subject === 'string')
        onEvent(event, at);
    };
    source.addEventListener('gap', message => {
      const lost = /"lost":(\d+)/.exec(message.data);
      onGap(lost ? Number(lost[1]) : null);
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED)
        retryLater();
      else
        onState('wait', 'reconnecting');
    };
  }

  addEventListener('online', () => {
    if (source.readyState === EventSource.CLOSED)
      open();
  });
  open();
}
