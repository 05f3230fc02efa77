// A time of `Duration::MAX` is how one says "never".
// Public reports: https://github.com/tokio-rs/tokio/issues/6634, https://github.com/seanmonstar/reqwest/issues/3060

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, ask, connect, TRANSPORTS } from '../lib/client.mjs';
import { start } from '../lib/server.mjs';
import { sleep } from '../lib/wait.mjs';

const TIMES = ['PING_INTERVAL', 'PING_TIMEOUT', 'CONNECT_TIMEOUT', 'EMIT_TIMEOUT', 'ACK_TIMEOUT'];
const NEVER = [...TIMES, 'UPGRADE_TIMEOUT', 'AUTHENTICATION_TIMEOUT', 'DRAIN_TIMEOUT'].map((name) => [`${name}_MS`, 'never']);

test('everything works, and ends when it is asked to', async (t) => {
  const server = await start('fixture', { env: Object.fromEntries(NEVER) });
  t.after(() => server.kill());
  for (const transport of TRANSPORTS) {
    const socket = await connect(t, `${server.url}/outbound`, { transport });
    socket.on('tick', ([number], acknowledge) => acknowledge?.(number));
    // More than fits on the line at once: some of it waits for room.
    assert.equal(await answer(socket, 'burst', { count: 10_000, size: 500 }), 10_000);
    assert.deepEqual(await answer(socket, 'request-burst', { count: 2_000, size: 500 }), [1_000, 0]);
    const never = await connect(t, `${server.url}/never`, { transport });
    never.on('question', (acknowledge) => acknowledge(42));
    assert.equal(await answer(never, 'ask'), 42);
    for (let time = 0; time < 3; time += 1) assert.equal(await answer(never, 'thrice'), 'again');
    const [refused] = await ask(never, 'thrice');
    assert.equal(refused.code, 'THROTTLED');
    // A client whose timer had overflowed would be gone by now.
    await sleep(100);
    assert.ok(socket.connected && never.connected, transport);
  }
  assert.doesNotMatch(server.log, /panicked/);
  await server.stop();
  assert.equal(server.lines.at(-1), 'stopped');
});
