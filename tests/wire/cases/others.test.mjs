// One handler for all events that have none of their own, as the official client sees it; and what ends a client's whole
// connection, or may be missed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Manager } from 'socket.io-client';

import { answer, ask, connect, connected, failure, left, next, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('fixture');

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('an event without a handler goes to the one for all others', async (t) => {
      const socket = await connect(t, `${server.url}/others`, { transport });
      assert.deepEqual(await answer(socket, 'whatever', 1, [2], new Uint8Array([3])), {
        event: 'whatever',
        arguments: 3,
      });
      assert.deepEqual(await answer(socket, 'constructor'), { event: 'constructor', arguments: 0 });
      assert.equal(await answer(socket, 'own'), 'its own');
    });

    test('its guards and its errors are as those of other handlers', async (t) => {
      const socket = await connect(t, `${server.url}/others`, { transport });
      const refused = await failure(socket, 'secret-plans', 1);
      assert.deepEqual([refused.code, refused.cause.pattern], ['FORBIDDEN', 'secret-plans']);
      const failed = await failure(socket, 'fails');
      assert.deepEqual([failed.code, failed.message], ['NOT_THIS', 'not this one']);
      const long = await failure(socket, 'x'.repeat(200));
      assert.equal(long.code, 'UNKNOWN_EVENT');
    });

    // Two namespaces over one connection.
    function both(t) {
      const transports = transport === 'polling' ? ['polling'] : ['websocket'];
      const manager = new Manager(server.url, { transports, reconnectionDelay: 20 });
      const sockets = ['/closed', '/others'].map((namespace) => manager.socket(namespace));
      t.after(() => sockets.forEach((socket) => socket.disconnect()));
      return Promise.all(sockets.map(connected));
    }

    async function areClosed(sockets, ends) {
      assert.deepEqual(await ends, ['io server disconnect', 'io server disconnect']);
      await eventually(() => sockets[0].io._readyState, (state) => state === 'closed', 'the connection to end');
      // It would have come back by now.
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.ok(sockets.every((socket) => !socket.connected));
    }

    test('a connection that is closed is closed in all namespaces, after what was sent before', async (t) => {
      const sockets = await both(t);
      const ends = Promise.all(sockets.map(left));
      const before = next(sockets[0], 'before');
      sockets[0].emit('close');
      assert.deepEqual(await before, [1]);
      await areClosed(sockets, ends);
    });

    test('connections of a room are closed, and no others', async (t) => {
      const [sockets, other] = await Promise.all([both(t), connect(t, `${server.url}/closed`, { transport })]);
      await ask(sockets[0], 'join', `room-${transport}`);
      const ends = Promise.all(sockets.map(left));
      await ask(other, 'close-room', `room-${transport}`);
      await areClosed(sockets, ends);
      assert.ok(other.connected);
    });

    test('what is volatile arrives where nothing is in its way', async (t) => {
      const socket = await connect(t, `${server.url}/closed`, { transport });
      const [one, all] = [next(socket, 'one'), next(socket, 'all')];
      await ask(socket, 'volatile');
      assert.deepEqual([await one, await all], [[1], [2]]);
    });

    test('the handshake knows when it was', async (t) => {
      const socket = await connect(t, `${server.url}/closed`, { transport });
      await new Promise((resolve) => setTimeout(resolve, 60));
      const { ms, secure } = await answer(socket, 'since');
      assert.ok(ms >= 50 && ms < 60_000, `${ms} ms`);
      assert.equal(secure, false);
    });
  });
}
