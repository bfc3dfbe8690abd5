// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs in a worker: listens to the bus, so that a message is read and timed when it arrives and not after the next drawing.

import { openStream } from './stream.js';

openStream({
  onEvent: (event, at) => postMessage({ event, at }),
  onState: (state, detail) => postMessage({ state, detail }),
  onGap: lost => postMessage({ gap: { lost } }),
});
