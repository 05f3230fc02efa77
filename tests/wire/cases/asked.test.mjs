// Many clients are asked at once, and a user has one session at a time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, ask, collect, connect, left, next, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';

const SECRET = 'fixture';
const ACK_TIMEOUT = 500;
const server = serve('fixture', { env: { JWT_SECRET: SECRET, ACK_TIMEOUT_MS: String(ACK_TIMEOUT) } });

async function member(t, room, transport = 'websocket') {
  const socket = await connect(t, `${server.url}/asked`, { transport });
  await ask(socket, 'join', room);
  return socket;
}

const byId = ([a], [b]) => (a < b ? -1 : 1);

for (const transport of TRANSPORTS) {
  test(`all others in a room are asked and answer, by ${transport}`, async (t) => {
    const room = `jury ${transport}`;
    const [asks, ann, ben] = [
      await member(t, room, transport),
      await member(t, room, transport),
      await member(t, room, transport),
    ];
    ann.on('question', (question, reply) => reply({ ann: question }));
    ben.on('question', (question, reply) => reply({ ben: question }, 'and more'));
    asks.on('question', () => assert.fail('who asks is not asked'));
    const [answers, missing] = await answer(asks, 'ask', room, 'guilty?');
    const expected = [[ann.id, { ann: 'guilty?' }], [ben.id, { ben: 'guilty?' }]];
    assert.deepEqual(answers.toSorted(byId), expected.toSorted(byId));
    assert.deepEqual(missing, []);
  });

  test(`questions and answers may be binary, by ${transport}`, async (t) => {
    const room = `binary ${transport}`;
    const asks = await member(t, room, transport);
    const echoes = await member(t, room, transport);
    echoes.on('question', (question, reply) => reply({ back: question }));
    const question = Buffer.from([0, 1, 254, 255]);
    const [[[id, { back }]]] = await answer(asks, 'ask', room, question);
    assert.equal(id, echoes.id);
    assert.deepEqual(Buffer.from(back), question);
  });
}

test('nobody there: no answers, at once', async (t) => {
  const asks = await member(t, 'alone');
  const began = Date.now();
  assert.deepEqual(await answer(asks, 'ask', 'alone', 1), [[], []]);
  assert.ok(Date.now() - began < ACK_TIMEOUT);
});

test('one who does not answer, and one who leaves, are named beside the answers of the others', async (t) => {
  const asks = await member(t, 'mixed');
  const [answers, silent, leaves] = [
    await member(t, 'mixed'),
    await member(t, 'mixed'),
    await member(t, 'mixed'),
  ];
  const [silentId, leavesId] = [silent.id, leaves.id];
  answers.on('question', (question, reply) => reply(question));
  leaves.on('question', () => leaves.disconnect());
  const [given, missing] = await answer(asks, 'ask', 'mixed', 7);
  assert.deepEqual(given, [[answers.id, 7]]);
  assert.deepEqual(missing.toSorted(), [silentId, leavesId].toSorted());
});

test('processes are asked, and answer through their listeners', async (t) => {
  const socket = await member(t, 'processes');
  assert.deepEqual(await answer(socket, 'ask-processes', 21), [[42], []]);
});

test('all rooms are those with a member', async (t) => {
  const socket = await member(t, 'a room of its own');
  assert.ok((await answer(socket, 'all-rooms')).includes('a room of its own'));
});

for (const transport of TRANSPORTS) {
  test(`the newest session of a user goes on, and the one before hears why it ends, by ${transport}`, async (t) => {
    const device = (user) =>
      connect(t, `${server.url}/sole`, { auth: { token: token(user, SECRET) }, transport });
    const user = `ada ${transport}`.length * 10;
    const first = await device(user);
    const other = await device(user + 1);
    const [told, gone] = [next(first, 'exception'), left(first)];
    const second = await device(user);
    assert.equal((await told)[0].code, 'REPLACED');
    assert.equal(await gone, 'io server disconnect', 'so the client does not come back by itself');
    const errors = [...collect(second, 'exception'), ...collect(other, 'exception')];
    assert.deepEqual([await answer(second, 'echo', 1), await answer(other, 'echo', 2)], [1, 2]);
    assert.deepEqual(errors, []);
  });
}
