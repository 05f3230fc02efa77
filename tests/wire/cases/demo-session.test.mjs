// @ts-check
// How long a session of the demo lasts, and which pages may open one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, left, next, refusal } from '../lib/client.mjs';
import { device, SECRET, serveDemo } from '../lib/demo.mjs';
import { token } from '../lib/token.mjs';

const server = serveDemo('--cors-origin', 'http://page.example,http://other.example');

const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;
const from = (origin) => ({ extraHeaders: { origin } });

test('a session ends with its token, and the client reads why', async (t) => {
  const auth = { token: token(1, SECRET, { exp: inSeconds(2) }) };
  const socket = await device(t, server.url, 1, { auth });
  const gone = left(socket);
  const [error] = await next(socket, 'error');
  assert.equal(error.code, 'TOKEN_EXPIRED');
  assert.ok(!Number.isNaN(Date.parse(error.timestamp)));
  assert.equal(await gone, 'io server disconnect');
});

test('one that is renewed goes on', async (t) => {
  const auth = { token: token(2, SECRET, { exp: inSeconds(2) }) };
  const socket = await device(t, server.url, 2, { auth });
  assert.deepEqual(await answer(socket, 'reauthenticate', { token: token(2, SECRET) }), { status: 'ok' });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  assert.deepEqual(await answer(socket, 'join-room', { roomId: 'room-1' }), { success: true });
});

test('pages of the origins that were named may connect, and no others', async (t) => {
  for (const origin of ['http://page.example', 'http://other.example', server.url]) {
    const socket = await device(t, server.url, 3, from(origin));
    assert.ok(socket.connected, origin);
  }
  const auth = { token: token(3, SECRET) };
  await refusal(t, `${server.url}/chat`, { auth, ...from('http://localhost:4200') });
});
