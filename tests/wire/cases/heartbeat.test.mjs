// Pings share the way out with everything else: a client that reads must not be lost because its
// ping found the way full, and one that does not read must not be kept because nothing gets through.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, connect, label, pause } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';

const server = serve('fixture', { env: { PING_INTERVAL_MS: '25', EMIT_TIMEOUT_MS: '20000' } });

const COUNT = 60_000;

for (const transport of ['websocket', 'upgrade']) {
  test(`a busy reader keeps its heartbeat, by ${transport}`, async (t) => {
    const socket = await connect(t, `${server.url}/outbound`, { transport });
    const ends = [];
    socket.on('disconnect', (reason) => ends.push(reason));
    let heard = 0;
    socket.on('tick', () => (heard += 1));
    assert.equal(await answer(socket, 'burst', { count: COUNT, size: 200 }), COUNT);
    assert.deepEqual(ends, []);
    assert.equal(heard, COUNT);
  });
}

describe('a client that stops reading while it is written to', () => {
  // The emit itself waits much longer than the heartbeat does.
  const strict = serve('fixture', {
    env: { PING_INTERVAL_MS: '2000', PING_TIMEOUT_MS: '2000', EMIT_TIMEOUT_MS: '120000' },
  });

  for (const transport of ['websocket', 'upgrade']) {
    test(`is gone after its heartbeat, by ${transport}`, async (t) => {
      const inside = await probe(t, strict.url);
      const auth = { label: label() };
      const socket = await connect(t, `${strict.url}/outbound`, { transport, auth });
      pause(t, socket);
      socket.emit('until-it-fails', { count: 100_000, size: 4_000 });
      // Neither does it say good-bye.
      setTimeout(() => socket.io.engine.transport.ws._socket?.cork(), 100);
      await inside.until(auth.label, (entries) => entries.length === 2, 'its emit and its hook');
      await inside.empty('/outbound');
    });
  }
});
