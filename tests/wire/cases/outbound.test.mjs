// Emits faster than a client reads: a healthy reader misses nothing, a slow one harms nobody.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, connect, connected, label, left, pause, resume, TRANSPORTS } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('fixture', { env: { EMIT_TIMEOUT_MS: '1500' } });
const at = () => `${server.url}/outbound`;

// More than a queue holds behind what the kernel takes for one who does not read.
const TOO_MUCH = { count: 9_000, size: 4_000 };

const range = (count) => Array.from({ length: count }, (_, number) => number);

// The numbers of the ticks a client hears.
function listen(socket) {
  const heard = [];
  socket.on('tick', ([number]) => heard.push(number));
  return heard;
}

async function member(t, namespace, room, options) {
  const socket = await connect(t, server.url + namespace, options);
  assert.deepEqual(await ask(socket, 'join', room), []);
  return { socket, heard: listen(socket) };
}

const heardAll = (heard, count) =>
  eventually(
    () => heard.length,
    (length) => length >= count,
    `${count} ticks`,
  ).then(() => assert.deepEqual(heard, range(count)));

// Ticks of a room in one go: what a queue has room for, by number and by size.
const TURN = 500;

// An emit to a room waits for nobody. Those who are to hear all of a long burst are waited for here, since on a busy
// machine a client that reads is behind, too.
async function burst(outside, members, { room, count, size }) {
  for (let from = 0; from < count; from += TURN) {
    await ask(outside, 'room-burst', { room, from, count: TURN, size });
    for (const { heard } of members) await heardAll(heard, from + TURN);
  }
}

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('10,000 emits in a loop all arrive, in order', async (t) => {
      const socket = await connect(t, at(), { transport });
      const heard = listen(socket);
      assert.equal(await answer(socket, 'burst', { count: 10_000, size: 20 }), 10_000);
      assert.deepEqual(heard, range(10_000), 'all of them before the acknowledgement');
    });

    test('10,000 emits to a room all arrive at each member, in order', async (t) => {
      const room = `room by ${transport}`;
      const members = await Promise.all(range(3).map(() => member(t, '/outbound', room, { transport })));
      await burst(members[0].socket, members, { room, count: 10_000, size: 20 });
    });

    test('what was sent before a disconnect comes before it', async (t) => {
      const socket = await connect(t, at(), { transport });
      const heard = listen(socket);
      const gone = left(socket);
      socket.emit('burst-and-good-bye', { count: 3_000, size: 200 });
      assert.equal(await gone, 'io server disconnect');
      assert.deepEqual(heard, range(3_000));
    });

    test('requests and emits leave in one order, whether they are answered or not', async (t) => {
      const socket = await connect(t, at(), { transport });
      const heard = [];
      socket.on('tick', ([number], ack) => {
        heard.push(number);
        assert.equal(typeof ack, number % 2 === 0 ? 'function' : 'undefined');
        if (number % 4 === 0) ack(number);
      });
      const answered = await answer(socket, 'request-burst', { count: 2_000, size: 20 });
      assert.deepEqual(answered, [500, 500]);
      assert.deepEqual(heard, range(2_000));
    });

    test('two loops at once keep their own order', async (t) => {
      const socket = await connect(t, at(), { transport });
      const heard = listen(socket);
      await Promise.all([
        answer(socket, 'burst', { count: 3_000, size: 1 }),
        answer(socket, 'burst', { count: 3_000, size: 1 }),
      ]);
      assert.equal(heard.length, 6_000);
      const seen = new Map();
      for (const number of heard) seen.set(number, (seen.get(number) ?? 0) + 1);
      assert.ok(range(3_000).every((number) => seen.get(number) === 2));
    });
  });
}

test('an acknowledgement that came before its client left counts, and no other', async (t) => {
  const { until } = await probe(t, server.url);
  for (const [answers, expected] of [[true, 'Ok(7)'], [false, 'Err(Emit(Disconnected))']]) {
    const auth = { label: label() };
    const socket = await connect(t, at(), { auth });
    socket.on('tick', (_, ack) => {
      if (answers) ack(7);
      socket.disconnect();
    });
    socket.emit('request-until-gone');
    const journal = await until(auth.label, (entries) => entries.some((entry) => entry?.answer), 'its fate');
    assert.equal(journal.find((entry) => entry?.answer).answer, expected);
  }
});

test('an emit that will not wait says that there is no room', async (t) => {
  const socket = await connect(t, at());
  const heard = listen(socket);
  const { sent, full, other } = await answer(socket, 'try-burst', { count: 20_000, size: 200 });
  assert.equal(sent + full, 20_000);
  assert.equal(other, 0);
  assert.ok(sent > 0 && full > 0, `${sent} sent, ${full} full`);
  assert.equal(heard.length, sent, 'what was sent arrived, and nothing else');
  assert.equal(await answer(socket, 'ping'), 'pong');
});

for (const transport of ['websocket', 'upgrade']) {
  test(`a client too slow for its room is let go, and the others hear everything: by ${transport}`, async (t) => {
    const inside = await probe(t, server.url);
    const room = `room with a slow one, by ${transport}`;
    const healthy = await Promise.all(TRANSPORTS.map((by) => member(t, '/outbound', room, { transport: by })));
    const auth = { label: label() };
    const slow = await member(t, '/outbound', room, { transport, auth });
    const outside = await connect(t, at());
    const before = (await inside.held('/outbound')).slow;

    pause(t, slow.socket);
    const bursting = burst(outside, healthy, { room, ...TOO_MUCH });
    assert.equal(await answer(outside, 'ping'), 'pong', 'nobody else waits for it');
    await bursting;

    const reasons = await inside.until(auth.label, (all) => all.length > 0, 'its disconnect hook');
    assert.equal(reasons.length, 1);
    assert.equal((await inside.held('/outbound')).slow - before, 1, 'counted once');
    const gone = left(slow.socket);
    resume(slow.socket);
    assert.match(await gone, /^transport/, 'its line was cut, so that it may come back');
    assert.ok(slow.heard.length < TOO_MUCH.count);
    assert.deepEqual(slow.heard, range(slow.heard.length), 'no gap in what it did hear');
  });
}

test('an emit to one that does not read waits up to its bound, then says so', async (t) => {
  const inside = await probe(t, server.url);
  const auth = { label: label() };
  const slow = await connect(t, at(), { auth });
  const other = await connect(t, at());
  pause(t, slow);
  slow.emit('until-it-fails', { count: 100_000, size: 4_000 });
  for (let round = 0; round < 20; round += 1) {
    assert.equal(await answer(other, 'ping'), 'pong', 'the others are served meanwhile');
  }
  const entries = await inside.until(auth.label, (all) => all.some((entry) => entry.emit));
  const { emit } = entries.find((entry) => entry.emit);
  assert.notEqual(emit, 'never failed');
});

test('where the gateway says so, the newest is dropped and the client stays', async (t) => {
  const room = 'dropping';
  const healthy = await member(t, '/dropping', room);
  const slow = await member(t, '/dropping', room);
  const outside = await connect(t, `${server.url}/dropping`);
  pause(t, slow.socket);
  await burst(outside, [healthy], { room, ...TOO_MUCH });
  resume(slow.socket);
  assert.equal(await answer(slow.socket, 'ping'), 'pong', 'it is still there');
  const { heard } = slow;
  assert.ok(heard.length > 0 && heard.length < TOO_MUCH.count, `${heard.length} heard`);
  assert.deepEqual(heard, [...new Set(heard)].toSorted((a, b) => a - b), 'in order, none twice');
});

test('one that was sent away is not listened to while its good-bye waits', async (t) => {
  const inside = await probe(t, server.url);
  const auth = { label: label() };
  const fence = { label: label() };
  const socket = await connect(t, at(), { auth });
  const heard = listen(socket);
  const gone = left(socket);
  // Another namespace on the same line: what it says is read behind what the first one says.
  const other = await connected(socket.io.socket('/hooks', { auth: fence }));
  await answer(other, 'say', 'hello');

  pause(t, socket);
  // More than the kernel takes for one who does not read, and with what follows less than that and
  // what waits at most: so nothing that follows leaves, and no emit of it has to wait.
  socket.emit('burst', { count: 1_400, size: 2_000 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.emit('note', 'before');
  socket.emit('burst-and-good-bye', { count: 550, size: 2_000 });
  socket.emit('note', 'after');
  other.emit('say', 'read');
  await inside.until(fence.label, (entries) => entries.includes('read'), 'the fence');
  assert.deepEqual(await inside.journal(auth.label), ['before'], 'still here, and not listened to');

  resume(socket);
  assert.equal(await gone, 'io server disconnect');
  assert.deepEqual(heard, [...range(1_400), ...range(550)], 'all that was sent before');
  await inside.until(auth.label, (entries) => entries.length > 1, 'the disconnect hook');
  assert.deepEqual(await inside.journal(auth.label), ['before', 'server namespace disconnect']);
});

test('names that the protocol keeps are not emitted in any way', async (t) => {
  const socket = await connect(t, at());
  const heard = [];
  socket.onAny((event) => heard.push(event));
  const lost = [];
  socket.on('disconnect', (reason) => lost.push(reason));
  for (const event of ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']) {
    const said = await answer(socket, 'emit-reserved', event);
    assert.deepEqual(said, Array(6).fill(`ReservedEvent("${event}")`));
  }
  assert.deepEqual([heard, lost], [[], []]);
  assert.deepEqual(await answer(socket, 'emit-reserved', 'Connect'), Array(6).fill(null), 'no other');
});
