// A cluster of ours and of Node's official server with the official adapter: each sees the other as its like.

import assert from 'node:assert/strict';
import { encode } from '@msgpack/msgpack';
import { before, describe, test } from 'node:test';
import { createClient } from 'redis';

import { answer, ask, connected, left, next } from '../lib/client.mjs';
import { cases } from '../lib/cluster-cases.mjs';
import { cluster, lasting, member, Nodes, Ours, room, settled } from '../lib/cluster.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

const t = lasting();
let redis;
let ours;
let node;
before(async () => {
  const made = await cluster(t, [Ours, Nodes]);
  redis = made.redis;
  [ours, node] = made.members;
});

describe('from ours to Node', () => cases(() => [ours, node]));
describe('from Node to ours', () => cases(() => [node, ours]));

test('a room of Node may be a number', async (t) => {
  const there = await member(t, ours, ['7001']);
  node.server.to(7001).emit('news', 1);
  await settled(node, there);
  assert.deepEqual(there.heard.news, [1]);
});

test('events of Node may have any number of arguments', async (t) => {
  const there = await member(t, ours);
  for (const args of [[], [null], [1, 'two', { three: [3] }]]) {
    const heard = next(there.socket, 'several');
    node.server.to(there.id).emit('several', ...args);
    assert.deepEqual(await heard, args);
  }
});

test('one client is asked by Node alone', async (t) => {
  const there = await member(t, ours);
  there.socket.on('double', (number, reply) => reply(number * 2));
  const [found] = await node.server.in(there.id).fetchSockets();
  assert.equal(await found.timeout(1_000).emitWithAck('double', 4), 8);
  found.join('attic of one');
  await eventually(() => ours.fetch({ to: ['attic of one'] }), (found) => found.length === 1, 'it to have joined');
  found.leave('attic of one');
  await eventually(() => ours.fetch({ to: ['attic of one'] }), (found) => found.length === 0, 'it to have left');
  const gone = next(there.socket, 'disconnect');
  found.disconnect(true);
  await gone;
});

test('Node ends whole sessions of ours, and namespaces alone', async (t) => {
  const two = async () => {
    const there = await member(t, ours);
    // The same session, in another namespace.
    return [there, await connected(there.socket.io.socket('/arguments'))];
  };
  for (const close of [true, false]) {
    const [there, elsewhere] = await two();
    const [gone, ended] = [left(there.socket), left(elsewhere)];
    node.server.in(there.id).disconnectSockets(close);
    assert.equal(await gone, 'io server disconnect');
    if (close) {
      assert.equal(await ended, 'io server disconnect');
    } else {
      // Longer than a session is given to end by itself.
      await sleep(1_500);
      assert.ok(elsewhere.connected, 'only one namespace was meant');
      elsewhere.disconnect();
      await ended;
    }
  }
});

test('what is volatile in Node arrives at ours where nothing is in its way', async (t) => {
  const there = await member(t, ours);
  node.server.to(there.id).volatile.emit('news', 'volatile');
  await settled(node, there);
  assert.deepEqual(there.heard.news, ['volatile']);
});

test('one client of Node is told and moved by ours alone', async (t) => {
  const there = await member(t, node);
  const told = next(there.socket, 'found');
  const that = (deed) => answer(ours.control, 'with', there.id, deed);
  assert.equal(await that('emit'), 1);
  assert.deepEqual(await told, [there.id]);
  await that('join');
  await eventually(() => ours.fetch({ to: ['attic'] }), ([one]) => one?.id === there.id, 'it to have joined');
  await that('leave');
  await eventually(() => ours.fetch({ to: ['attic'] }), (found) => found.length === 0, 'it to have left');
  const gone = next(there.socket, 'disconnect');
  await that('disconnect');
  await gone;
});

test('a client of Node that nobody of ours could be is no reason to leave it out in silence', async (t) => {
  const stranger = await node.client(t, 'not a number');
  const [failed] = await ask(ours.control, 'fetch', {});
  assert.match(failed.message ?? '', /./);
  const { sockets, unreadable, unanswered } = await answer(ours.control, 'fetch-available', {});
  assert.deepEqual([unreadable, unanswered], [1, []]);
  assert.ok(sockets.length > 0);
  stranger.disconnect();
  await eventually(() => node.server.local.fetchSockets(), (all) => all.every(({ id }) => id !== stranger.id), 'it to be gone');
});

test('what nobody understands is ignored, by both', async (t) => {
  const lobby = room();
  const [here, there] = [await member(t, ours, [lobby]), await member(t, node, [lobby])];
  const to = { rooms: [lobby], except: [], flags: {} };
  const say = (fields) => redis.command('xadd', 'socket.io', '*', ...Object.entries(fields).flat());
  const of = (type, data) => ({ uid: 'stranger', nsp: '/cluster', type, data });
  const packet = { type: 2, data: ['news', 'from a stranger'], nsp: '/cluster' };
  // Those that node does not survive are on a channel that it does not read: `onMessage` of its adapter trusts all.
  say({ some: 'field' });
  say({ uid: 'stranger', nsp: '/cluster' });
  say(of('99', '{}'));
  say(of('three', '{}'));
  say({ ...of('3', JSON.stringify({ opts: to, packet })), nsp: '/nowhere' });
  say({ ...of('3', JSON.stringify({ opts: to, packet })), n: 'no number', after: '-1' });
  const publisher = createClient({ url: redis.url });
  await publisher.connect();
  for (const bytes of [Buffer.from('no msgpack \xff'), Buffer.from(encode(null)), Buffer.from(encode([1, 2])), Buffer.from(encode({ uid: 1 }))]) {
    await publisher.publish('socket.io#/cluster#', bytes);
  }
  publisher.destroy();
  await settled(ours, here, there);
  await settled(node, here, there);
  assert.deepEqual(there.heard.news, ['from a stranger'], 'to node the fields of ours mean nothing');
  assert.ok(here.heard.news.length <= 1);
});

test('a node server that leaves is not waited for', async (t) => {
  const second = await Nodes.start(t, redis);
  const there = await member(t, second, ['leaving']);
  // A server of Node's lets clients in before it has subscribed to questions.
  await eventually(() => ours.fetch({ to: ['leaving'] }), (found) => found.length === 1, 'it is asked');
  there.socket.disconnect();
  await second.close();
  await eventually(
    async () => (await ask(ours.control, 'fetch', { to: ['leaving'] }))[0],
    (found) => Array.isArray(found) && found.length === 0,
    'nobody to be waited for',
  );
});
