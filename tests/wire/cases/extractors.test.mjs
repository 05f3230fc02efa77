// Everything a handler may ask for besides its body.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, connect, failure, label, next, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';

const server = serve('fixture');
const at = () => `${server.url}/extractors`;

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('both sides know the socket by one id', async (t) => {
      const socket = await connect(t, at(), { transport });
      assert.equal(await answer(socket, 'id'), socket.id);
      const byRoom = next(socket, 'by-room');
      const bySocket = next(socket, 'by-socket');
      await answer(await connect(t, at(), { transport }), 'id');
      socket.emit('by-id');
      assert.deepEqual(await byRoom, [1]);
      assert.deepEqual(await bySocket, [2]);
    });

    test('the handshake is as the client sent it', async (t) => {
      const auth = { token: 'Bearer abc', more: { deep: [1, null] }, text: '键' };
      const socket = await connect(t, at(), {
        transport,
        auth,
        query: { lang: 'zh CN&x' },
        extraHeaders: { 'x-fixture': 'header' },
      });
      const handshake = await answer(socket, 'handshake');
      assert.deepEqual(handshake.auth, auth);
      assert.equal(handshake.header, 'header');
      assert.equal(handshake.query, 'zh CN&x');
      assert.equal(handshake.token, 'abc');
    });

    test('the socket says where it is', async (t) => {
      const socket = await connect(t, at(), { transport });
      const { namespace, transport: used, connected } = await answer(socket, 'socket');
      assert.equal(namespace, '/extractors');
      assert.equal(connected, true);
      assert.equal(used, transport === 'polling' ? 'polling' : 'websocket');
    });
  });
}

test('the token of the header, where auth has none', async (t) => {
  const headers = { extraHeaders: { authorization: 'bearer from-header' } };
  const byHeader = await connect(t, at(), headers);
  assert.equal((await answer(byHeader, 'handshake')).token, 'from-header');
  const both = await connect(t, at(), { ...headers, auth: { token: 'from-auth' } });
  assert.equal((await answer(both, 'handshake')).token, 'from-auth');
  const neither = await connect(t, at(), { query: { token: 'from-query' } });
  assert.equal((await answer(neither, 'handshake')).token, null);
});

test('the event by its name', async (t) => {
  const socket = await connect(t, at());
  assert.equal(await answer(socket, 'event'), 'event');
});

test('an extractor of the application', async (t) => {
  const french = await connect(t, at(), { query: { lang: 'fr' } });
  assert.equal(await answer(french, 'locale'), 'fr');
  const mute = await connect(t, at());
  const { code, message } = await failure(mute, 'locale');
  assert.deepEqual({ code, message }, { code: 'NO_LOCALE', message: 'which language?' });
});

test('data of a socket is that socket\'s alone', async (t) => {
  const [one, two] = [await connect(t, at()), await connect(t, at())];
  assert.deepEqual(await answer(one, 'asked'), { times: 1, same: 1 });
  assert.deepEqual(await answer(one, 'asked'), { times: 2, same: 2 });
  assert.deepEqual(await answer(two, 'asked'), { times: 1, same: 1 });
});

test('a service by its type', async (t) => {
  const socket = await connect(t, at(), { auth: { label: label() } });
  assert.deepEqual(await answer(socket, 'inject'), ['injected']);
  assert.deepEqual(await answer(socket, 'inject'), ['injected', 'injected']);
});

test('what cannot be had, as None or as its error', async (t) => {
  const socket = await connect(t, at());
  assert.equal(await answer(socket, 'maybe', { amount: 3 }), 3);
  assert.equal(await answer(socket, 'maybe', { amount: 'x' }), null);
  assert.equal(await answer(socket, 'maybe'), null);
  assert.deepEqual(await answer(socket, 'either', { amount: 3 }), { amount: 3 });
  assert.deepEqual(await answer(socket, 'either', { amount: -1 }), { code: 'BAD_PAYLOAD' });
});

test('six of them at once, and a second impl block', async (t) => {
  const socket = await connect(t, at());
  assert.deepEqual(await answer(socket, 'all', { amount: 4 }), {
    event: 'all',
    amount: 4,
    id: socket.id,
  });
  assert.equal(await answer(socket, 'second-block'), 'here too');
});
