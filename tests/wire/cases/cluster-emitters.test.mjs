// Workers that are no servers: what they say through Redis with the official emitter reaches clients.

import { Emitter } from '@socket.io/redis-emitter';
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { createClient } from 'redis';

import { left } from '../lib/client.mjs';
import { lasting, member, Ours, room } from '../lib/cluster.mjs';
import { startRedis } from '../lib/redis.mjs';
import { eventually } from '../lib/wait.mjs';

const t = lasting();
let ours;
let worker;
before(async () => {
  const redis = await startRedis(t);
  ours = [];
  for (let number = 0; number < 2; number += 1) ours.push(await Ours.start(t, redis, { REDIS_EMITTERS: 'on' }));
  const client = createClient({ url: redis.url });
  await client.connect();
  t.after(() => client.destroy());
  worker = new Emitter(client).of('/cluster');
});

// A client at each instance, in those rooms.
const everywhere = (t, rooms) => Promise.all(ours.map((instance) => member(t, instance, rooms)));

// Everything before it has been heard: the emitter keeps its order.
async function settled(clients) {
  const mark = room();
  for (const { id } of clients) worker.to(id).emit('end', mark);
  for (const { heard } of clients) await eventually(() => heard.end, (ends) => ends.includes(mark), 'the end');
}

test('everybody hears it once, a room, or all but a room', async (t) => {
  const [lobby, attic, quiet] = [room(), room(), room()];
  const clients = await everywhere(t, [lobby, attic]);
  const silent = await member(t, ours[1], [lobby, quiet]);
  worker.emit('news', 'all');
  worker.to(lobby).to(attic).emit('news', 'room');
  worker.to(lobby).except(quiet).emit('news', 'but');
  await settled([...clients, silent]);
  for (const { heard } of clients) assert.deepEqual(heard.news, ['all', 'room', 'but']);
  assert.deepEqual(silent.heard.news, ['all', 'room']);
});

test('it may be binary', async (t) => {
  const lobby = room();
  const clients = await everywhere(t, [lobby]);
  const bytes = Buffer.from([0, 1, 254, 255]);
  worker.to(lobby).emit('news', { bytes });
  await settled(clients);
  for (const { heard } of clients) assert.deepEqual(heard.news.map((one) => Buffer.from(one.bytes)), [bytes]);
});

test('clients are made to join, to leave, and to go', async (t) => {
  const [lobby, attic] = [room(), room()];
  const clients = await everywhere(t, [lobby]);
  worker.in(lobby).socketsJoin(attic);
  worker.to(attic).emit('news', 'joined');
  worker.in(lobby).socketsLeave(attic);
  worker.to(attic).emit('news', 'left');
  await settled(clients);
  for (const { heard } of clients) assert.deepEqual(heard.news, ['joined']);
  const gone = clients.map(({ socket }) => left(socket));
  worker.in(lobby).disconnectSockets();
  for (const one of gone) assert.equal(await one, 'io server disconnect');
});

test('servers are told', async () => {
  const news = { from: room() };
  worker.serverSideEmit('news', news);
  for (const instance of ours) {
    await eventually(() => instance.news(), (told) => told.some((one) => one?.from === news.from), 'the news');
  }
});
