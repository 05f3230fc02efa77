// Pings share the way out with everything else: a client that reads must not be lost because its
// ping found the way full.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, connect } from '../lib/client.mjs';
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
