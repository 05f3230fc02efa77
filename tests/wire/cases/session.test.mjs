// Who a client is, for how long, and where the user is reached.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, failureOnce, left, next } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';
import { eventually } from '../lib/wait.mjs';

const SECRET = 'a secret of this suite';
const server = serve('fixture', { env: { JWT_SECRET: SECRET, INCLUDE_CAUSE: 'off' } });

const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;
const user = (t, id, claims = {}) =>
  connect(t, `${server.url}/private`, { auth: { token: token(id, SECRET, claims) } });

describe('a token that expires', () => {
  test('ends the session within a second, and says so', async (t) => {
    const exp = inSeconds(2);
    const socket = await user(t, 1, { exp });
    const told = next(socket, 'exception');
    const gone = left(socket);
    assert.equal((await told)[0].code, 'TOKEN_EXPIRED');
    assert.equal(await gone, 'io server disconnect');
    const late = Date.now() / 1000 - exp;
    assert.ok(late >= 0 && late < 1.5, `${late} s after its time`);
  });

  test('does not, when the client renews it before', async (t) => {
    const socket = await user(t, 2, { exp: inSeconds(2), role: 'user' });
    const errors = collect(socket, 'exception');
    const renewed = { token: token(2, SECRET, { exp: inSeconds(600), role: 'admin' }) };
    assert.deepEqual(await answer(socket, 'reauthenticate', renewed), { status: 'ok' });
    assert.equal((await answer(socket, 'who-am-i')).role, 'admin', 'the new claims count');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.deepEqual(errors, []);
    assert.equal((await answer(socket, 'who-am-i')).sub, 2);
  });
});

describe('renewing', () => {
  test('takes a token by itself, too', async (t) => {
    const socket = await user(t, 3);
    assert.deepEqual(await answer(socket, 'reauthenticate', token(3, SECRET)), { status: 'ok' });
  });

  test('with a bad token, or that of another user, changes nothing', async (t) => {
    const socket = await user(t, 4, { role: 'user' });
    for (const wrong of ['garbage', token(5, SECRET, { role: 'admin' }), token(4, 'another secret')]) {
      assert.equal((await failureOnce('exception', socket, 'reauthenticate', wrong)).code, 'UNAUTHORIZED');
    }
    assert.deepEqual(await answer(socket, 'who-am-i'), { sub: 4, role: 'user' });
  });

  test('where nobody authenticates it is an event like any other', async (t) => {
    const socket = await connect(t, `${server.url}/pipeline`);
    assert.equal((await failureOnce('exception', socket, 'reauthenticate', 'x')).code, 'UNKNOWN_EVENT');
  });
});

describe('the user', () => {
  test('is reached on every device, and nobody else is', async (t) => {
    const devices = await Promise.all([user(t, 10), user(t, 10)]);
    const other = await user(t, 11);
    const told = [...devices, other].map((socket) => collect(socket, 'told'));
    await ask(other, 'tell', 10, 'hello');
    await eventually(() => told[0].length + told[1].length, (count) => count === 2, 'both devices');
    assert.deepEqual(told, [['hello'], ['hello'], []]);
  });

  test('is sent away on every device', async (t) => {
    const devices = await Promise.all([user(t, 20), user(t, 20)]);
    const other = await user(t, 21);
    const gone = devices.map(left);
    await ask(other, 'kick', 20);
    assert.deepEqual(await Promise.all(gone), ['io server disconnect', 'io server disconnect']);
    assert.ok(other.connected);
  });

  test('cannot be listened to by who names its room', async (t) => {
    const eavesdropper = await user(t, 31);
    for (const name of ['user:30', '\u0001user:30']) {
      const rooms = await answer(eavesdropper, 'join-any', name);
      assert.ok(rooms.includes(name), 'a room is called what the client called it');
    }
    const heard = collect(eavesdropper, 'told');
    const victim = await user(t, 30);
    const told = next(victim, 'told');
    await ask(eavesdropper, 'tell', 30, 'secret');
    assert.deepEqual(await told, ['secret']);
    await answer(eavesdropper, 'who-am-i');
    assert.deepEqual(heard, []);
  });

  test('leaves no room behind', async (t) => {
    const inside = await probe(t, server.url);
    const socket = await user(t, 40);
    socket.disconnect();
    await inside.empty('/private');
  });
});

test('roles are those of the token', async (t) => {
  const admin = await user(t, 50, { role: 'admin' });
  assert.equal(await answer(admin, 'admin-only'), 'welcome');
  const guest = await user(t, 51);
  assert.equal((await failureOnce('exception', guest, 'admin-only')).code, 'FORBIDDEN');
});

test('an HTTP route knows the same users', async () => {
  const get = (headers) => fetch(`${server.url}/me`, { headers });
  const known = await get({ authorization: `Bearer ${token(7, SECRET)}` });
  assert.equal(known.status, 200);
  assert.equal((await known.json()).sub, 7);
  for (const headers of [{}, { authorization: 'Bearer garbage' }]) {
    const unknown = await get(headers);
    assert.equal(unknown.status, 401);
    const body = await unknown.json();
    assert.equal(body.code, 'UNAUTHORIZED');
    assert.equal(typeof body.message, 'string');
  }
});
