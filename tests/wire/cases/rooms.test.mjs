// Who hears what, and that nothing is left of a client that is gone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, cut, label, TRANSPORTS } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';

const server = serve('fixture');
const at = () => `${server.url}/rooms`;

// Clients with what they have heard; `heard` settles each of them by a round trip, behind
// which nothing that was sent before can be outstanding.
async function clients(t, transport, ...rooms) {
  const all = await Promise.all(
    rooms.map(async (own) => {
      const socket = await connect(t, at(), { transport });
      for (const room of own) await ask(socket, 'join', room);
      return { socket, words: collect(socket, 'heard') };
    }),
  );
  const heard = () =>
    Promise.all(
      all.map(async ({ socket, words }) => {
        await ask(socket, 'in-room', 'any');
        return words.splice(0);
      }),
    );
  return { sockets: all.map(({ socket }) => socket), heard };
}

for (const transport of TRANSPORTS) {
  test(`each kind of emit reaches those it names, by ${transport}`, async (t) => {
    const [a, b] = [`a ${transport}`, `b ${transport}`];
    const { sockets, heard } = await clients(t, transport, [a], [a, b], [b], []);
    const [first] = sockets;

    await ask(first, 'to-room', { to: a, word: 1 });
    assert.deepEqual(await heard(), [[1], [1], [], []], 'the sender as well');
    await ask(first, 'to-others', { to: a, word: 2 });
    assert.deepEqual(await heard(), [[], [2], [], []], 'all but the sender');
    await ask(first, 'to-room', { to: a, except: b, word: 3 });
    assert.deepEqual(await heard(), [[3], [], [], []], 'all but the other room');
    await ask(first, 'broadcast', { word: 4 });
    assert.deepEqual(await heard(), [[], [4], [4], [4]]);
    await ask(first, 'to-all', { word: 5 });
    assert.deepEqual(await heard(), [[5], [5], [5], [5]]);
    await ask(first, 'to-room', { to: 'nobody is here', word: 6 });
    assert.deepEqual(await heard(), [[], [], [], []]);
    await ask(first, 'to-all', { word: [7, { bytes: null }] });
    assert.deepEqual(await heard(), Array(4).fill([[7, { bytes: null }]]), 'an array is one word');

    assert.deepEqual(await ask(first, 'leave', a), [[]]);
    await ask(first, 'to-room', { to: a, word: 8 });
    assert.deepEqual(await heard(), [[], [8], [], []], 'not those who left');
  });
}

test('a socket knows its rooms', async (t) => {
  const socket = await connect(t, at());
  assert.deepEqual(await answer(socket, 'join', 'one'), ['one']);
  assert.deepEqual(await answer(socket, 'join', 'two'), ['one', 'two']);
  assert.deepEqual(await answer(socket, 'join', 'two'), ['one', 'two'], 'joining twice is once');
  assert.equal(await answer(socket, 'in-room', 'two'), true);
  assert.equal(await answer(socket, 'in-room', 'three'), false);
  assert.deepEqual(await answer(socket, 'leave', 'three'), ['one', 'two']);
  assert.deepEqual(await answer(socket, 'leave', 'two'), ['one']);
});

test('a room of one namespace is not that of another', async (t) => {
  const room = 'same name';
  const { sockets, heard } = await clients(t, 'websocket', [room]);
  const elsewhere = await connect(t, `${server.url}/outbound`);
  await ask(elsewhere, 'join', room);
  const ticks = collect(elsewhere, 'heard');
  await ask(sockets[0], 'to-room', { to: room, word: 1 });
  assert.deepEqual(await heard(), [[1]]);
  await ask(elsewhere, 'ping');
  assert.deepEqual(ticks, []);
});

describe('of a client that is gone', () => {
  const ways = { leaves: (socket) => socket.disconnect(), cut };

  for (const [way, leave] of Object.entries(ways)) {
    test(`a task that joins late leaves no room behind: ${way}`, async (t) => {
      const inside = await probe(t, server.url);
      const auth = { label: label() };
      const socket = await connect(t, at(), { auth });
      const room = `late ${way}`;
      await ask(socket, 'join-when-gone', room);
      leave(socket);
      const [result] = await inside.until(auth.label, (entries) => entries.length > 0);
      assert.deepEqual(result, {
        joined: false,
        emitted: false,
        tried: false,
        asked: false,
        toRoom: true,
        left: false,
      });
      assert.ok(!(await inside.held('/rooms')).rooms.includes(room));
      await inside.empty('/rooms');
    });

    test(`a join that falls into its leaving leaves no room behind: ${way}`, async (t) => {
      const inside = await probe(t, server.url);
      const auths = await Promise.all(
        Array.from({ length: 40 }, async (_, number) => {
          const auth = { label: label() };
          const socket = await connect(t, at(), { auth });
          await ask(socket, 'join-for-ever', `ever ${way} ${number}`);
          leave(socket);
          return auth;
        }),
      );
      for (const auth of auths) await inside.until(auth.label, (entries) => entries.length === 1);
      await inside.empty('/rooms');
    });
  }
});
