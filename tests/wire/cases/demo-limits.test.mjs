// @ts-check
// What one user may take of the demo, and what its log says of users.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, connect, failureAs, refusal, TRANSPORTS } from '../lib/client.mjs';
import { device, order, request, samples, SECRET, serveDemo } from '../lib/demo.mjs';
import { openEvents } from '../lib/events.mjs';
import { token } from '../lib/token.mjs';
import { eventually } from '../lib/wait.mjs';

const reached = async (server, by = 'gateway') => await samples(server.url, `${by}_limits_reached_total`);

describe('streams of order updates', () => {
  const server = serveDemo('--streams-per-user', '2', '--streams', '4');
  const refused = async (user, language) => {
    const headers = language ? { 'accept-language': language } : {};
    const reply = await request(server.url, '/orders/events', { user, headers });
    assert.ok(Number(reply.headers.get('retry-after')) > 0);
    return { status: reply.status, ...(await reply.json()) };
  };

  test('are so many for each user, and so many in all', async (t) => {
    const open = async (user) => {
      const events = await openEvents(t, server.url, user);
      assert.equal(events.response.status, 200);
      await events.block();
      return events;
    };
    const [first, second] = [await open(1), await open(1)];
    assert.deepEqual(await refused(1), { status: 429, code: 'THROTTLED', message: '操作过于频繁,请稍后再试' });
    assert.equal((await refused(1, 'en')).message, 'Too many streams of this user');

    await open(2);
    await open(3);
    const busy = { status: 503, code: 'OVERLOADED', message: '服务器繁忙,请稍后再试' };
    assert.deepEqual(await refused(4), busy);
    assert.equal((await refused(4, 'en')).message, 'Too many streams');
    assert.deepEqual(await reached(server), { 'limit="feed_streams_per_user"': 2, 'limit="feed_streams"': 2 });

    // Those that are open notice nothing, and one that ends makes room.
    const { id } = await order(server.url, 1);
    assert.equal((await first.next()).data.orderId, id);
    second.close();
    await eventually(
      async () => {
        const events = await openEvents(t, server.url, 4);
        if (events.response.status !== 200) await events.response.body.cancel();
        return events.response.status;
      },
      (status) => status === 200,
      'room for another stream',
    );
  });
});

describe('devices', () => {
  const server = serveDemo('--devices-per-user', '2');

  for (const transport of TRANSPORTS) {
    test(`are so many for each user in each namespace, by ${transport}`, async (t) => {
      const user = transport.length;
      const first = await device(t, server.url, user, { transport });
      await device(t, server.url, user, { transport });
      const auth = { token: token(user, SECRET) };
      const refused = await refusal(t, `${server.url}/chat`, { transport, auth });
      assert.equal(refused, 'Too many connections of this user');
      await device(t, server.url, user, { transport, namespace: '/presence' });
      await device(t, server.url, user + 100, { transport });
      first.disconnect();
      const letIn = () => connect(t, `${server.url}/chat`, { transport, auth }).then(() => true, () => false);
      await eventually(letIn, Boolean, 'room for another device');
    });
  }
});

describe('rooms', () => {
  const server = serveDemo('--rooms-per-user', '3');

  test('are so many for each user, on all devices together', async (t) => {
    const [phone, laptop] = [await device(t, server.url, 1), await device(t, server.url, 1)];
    const success = { success: true };
    for (const [index, socket] of [phone, laptop, phone].entries()) {
      assert.deepEqual(await answer(socket, 'join-room', { roomId: `room-${index}` }), success);
    }
    const error = await failureAs('error', laptop, 'join-room', { roomId: 'room-3' });
    assert.equal(error.code, 'TOO_MANY_MEMBERSHIPS');
    assert.equal(error.message, '你加入的房间太多');
    assert.equal((await answer(laptop, 'history', { roomId: 'room-3' })).code, 'NOT_A_MEMBER');
    // Asked twice: with an acknowledgement, and without.
    assert.deepEqual(await reached(server, 'demo'), { 'limit="rooms_per_user"': 2 });

    // A member may come back to a room; others have their own; and who leaves makes room.
    assert.deepEqual(await answer(laptop, 'join-room', { roomId: 'room-0' }), success);
    const other = await device(t, server.url, 2, { extraHeaders: { 'accept-language': 'en' } });
    assert.deepEqual(await answer(other, 'join-room', { roomId: 'room-3' }), success);
    for (const roomId of ['a', 'b']) await answer(other, 'join-room', { roomId });
    const english = await failureAs('error', other, 'join-room', { roomId: 'c' });
    assert.equal(english.message, 'You are a member of too many rooms');
    assert.deepEqual(await answer(phone, 'leave-room', { roomId: 'room-1' }), success);
    assert.deepEqual(await answer(phone, 'join-room', { roomId: 'room-3' }), success);
  });
});

describe('the log', () => {
  const server = serveDemo();

  test('has neither the ids of sessions nor much of what users say of themselves', async (t) => {
    const role = 'a very long role '.repeat(500);
    const ids = [];
    for (const transport of TRANSPORTS) {
      const auth = { token: token(1, SECRET, { role }) };
      const socket = await connect(t, `${server.url}/chat`, { transport, auth });
      ids.push(socket.id, socket.io.engine.id);
      await answer(socket, 'join-room', { roomId: 'lobby' });
      await failureAs('error', socket, 'x'.repeat(5_000), {});
      socket.disconnect();
    }
    await eventually(
      () => server.process.log.match(/disconnected/g)?.length,
      (times) => times === TRANSPORTS.length,
      'all to have left',
    );
    const { log } = server.process;
    assert.match(log, / connected/);
    for (const id of ids) assert.ok(!log.includes(id), 'whoever reads it could speak as the client');
    for (const line of log.split('\n')) assert.ok(line.length < 512, line);
  });
});
