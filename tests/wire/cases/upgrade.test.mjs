// A failed attempt at something better leaves what worked: whatever becomes of a WebSocket that a
// client on polling tries, the client stays connected, and nothing is lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, connected, open, upgraded } from '../lib/client.mjs';
import { LATE, proxy, SPOILING } from '../lib/proxy.mjs';
import { serve } from '../lib/server.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

const QUESTIONS = 26;
const UPGRADE_TIMEOUT_MS = 2_000;

// A default client, and how often it was thrown out.
function through(t, url) {
  const socket = open(t, url, { transport: 'upgrade', reconnection: true, reconnectionDelay: 50 });
  const ends = collect(socket, 'disconnect');
  return { socket, ends };
}

for (const [how, env] of [
  ['App::serve', {}],
  ['axum::serve with into_router()', { SERVED: 'router' }],
]) {
  describe(how, () => {
    const server = serve('fixture', { env: { UPGRADE_TIMEOUT_MS: `${UPGRADE_TIMEOUT_MS}`, ...env } });

    for (const [what, spoil] of Object.entries(SPOILING)) {
      test(`behind a proxy that ${what}, a client works by polling`, async (t) => {
        const { url, counts } = await proxy(t, server.url, spoil);
        const { socket, ends } = through(t, `${url}/raw`);
        await connected(socket);
        await eventually(() => counts.websockets, (count) => count > 0, 'its WebSocket');
        // Past the moment at which the server has had enough of it.
        for (let number = 0; number < QUESTIONS; number += 1) {
          assert.equal(await answer(socket, 'value', number), number);
          await sleep((UPGRADE_TIMEOUT_MS * 1.5) / QUESTIONS);
        }
        assert.deepEqual(ends, []);
        assert.equal(socket.io.engine.transport.name, 'polling');
        assert.equal(counts.websockets, 1);
        // One for each answer, some to connect, and some that ended for the client to go over.
        assert.ok(counts.polls <= QUESTIONS + 15, `${counts.polls} polls`);
      });
    }

    test('a client that hears of its probe late goes over all the same', async (t) => {
      const { url, counts } = await proxy(t, server.url, LATE);
      const { socket, ends } = through(t, `${url}/raw`);
      await connected(socket);
      // Nothing is sent, so no poll would end by itself.
      await upgraded(socket);
      assert.equal(await answer(socket, 'value', 7), 7);
      assert.deepEqual(ends, []);
      assert.ok(counts.polls <= 12, `${counts.polls} polls`);
    });

    test('nothing is lost or out of order while clients go over', async (t) => {
      const COUNT = 2_000;
      const sender = await connect(t, `${server.url}/raw`);
      const sending = answer(sender, 'to-room', { count: COUNT, every_us: 1_000 });
      const clients = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          await sleep(index * 40);
          const socket = open(t, `${server.url}/raw`, { transport: 'upgrade' });
          const ticks = collect(socket, 'tick');
          await ask(await connected(socket), 'join');
          await upgraded(socket);
          return ticks;
        }),
      );
      assert.equal(await sending, COUNT);
      for (const ticks of clients) {
        await eventually(() => ticks.at(-1)?.[0], (last) => last === COUNT - 1, 'the last tick');
        const [[first]] = ticks;
        assert.deepEqual(ticks.map(([number]) => number - first), [...ticks.keys()]);
        assert.ok(first < COUNT / 2, `${first}`);
      }
    });
  });
}
