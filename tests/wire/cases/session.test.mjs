// Who a client is, for how long, and where the user is reached.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, failureOnce, label, left, next, pause, resume } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

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

test('a session that is renewed while its client is being told of its end goes on', async (t) => {
  // The client reads nothing, so that the word of the end waits behind all that is there. The
  // renewal is on its way by then, and granted a moment later.
  const ends = Date.now() + 1_500;
  const auth = { label: label(), name: 'Ada', ends };
  const socket = await connect(t, `${server.url}/long-queue`, { auth });
  const inside = await probe(t, server.url);
  const heard = [];
  socket.on('exception', ({ code }) => heard.push(code));
  socket.on('disconnect', (reason) => heard.push(reason));
  const renewal = { name: 'Ada', label: label(), at: ends + 200 };
  const renewed = answer(socket, 'reauthenticate', renewal).then((reply) => heard.push(reply));
  await inside.until(renewal.label, (entries) => entries.length > 0, 'the renewal to be looked at');
  pause(t, socket);
  socket.emit('fill', 256);
  // Past the time at which a client that was told, and does not read, is cut.
  await sleep(ends + 1_200 - Date.now());
  resume(socket);
  await renewed;
  assert.deepEqual(heard, ['TOKEN_EXPIRED', { status: 'ok' }], 'told of the end, then renewed');
  assert.equal(await answer(socket, 'ping'), 'pong');
  await sleep(700);
  assert.equal(heard.length, 2, 'and nothing follows');
  assert.ok(socket.connected);
});

describe('renewing', () => {
  const loud = serve('fixture', { env: { JWT_SECRET: SECRET } });

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

  test('with a token that is refused does not repeat it', async (t) => {
    const talkative = { name: 'Ada', token: 's3cret' };
    const socket = await connect(t, `${loud.url}/private`, { auth: { token: token(6, SECRET) } });
    for (const wrong of ['s3cret', talkative]) {
      const error = await failureOnce('exception', socket, 'reauthenticate', wrong);
      assert.equal(error.code, 'UNAUTHORIZED');
      assert.deepEqual(error.cause, { pattern: 'reauthenticate' });
      assert.doesNotMatch(JSON.stringify(error), /s3cret/);
    }
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
