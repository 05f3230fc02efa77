// What is lost, doubled or out of order while Redis is away, frozen, emptied or cut off: nothing, for as long as ten
// seconds. Three instances say something all the time, and each has a client that hears it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ask, collect } from '../lib/client.mjs';
import { cluster, clustered, member, Ours, room } from '../lib/cluster.mjs';
import { device, directory, order, startDemo } from '../lib/demo.mjs';
import { openEvents } from '../lib/events.mjs';
import { startRedis } from '../lib/redis.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

const RATE = 200;

// Numbers of each instance, that many a second, until the returned function is called.
function saying(instances, lobby) {
  const counts = instances.map(() => 0);
  const timer = setInterval(() => {
    instances.forEach((instance, speaker) => {
      for (let many = 0; many < RATE / 50; many += 1) {
        counts[speaker] += 1;
        instance.control.emit('emit', { to: [lobby] }, 'number', { speaker, number: counts[speaker] });
      }
    });
  }, 20);
  return () => {
    clearInterval(timer);
    return counts;
  };
}

const FAULTS = {
  'Redis killed, and back after two seconds without what it had': (redis) => away(redis, 2_000),
  'Redis killed, and back after six seconds without what it had': (redis) => away(redis, 6_000),
  'Redis killed, and back after six seconds with what it had': (redis) => away(redis, 6_000),
  'Redis frozen for a second': (redis) => frozen(redis, 1_000),
  'Redis frozen for five seconds': (redis) => frozen(redis, 5_000),
  'Redis emptied': async (redis) => redis.empty(),
  'all connections cut': async (redis) => redis.cut(),
  'connections cut six times a second': async (redis) => {
    for (let times = 0; times < 24; times += 1) {
      redis.cut();
      await sleep(165);
    }
  },
};

async function away(redis, time) {
  await redis.kill();
  await sleep(time);
  await redis.start();
}

async function frozen(redis, time) {
  redis.freeze();
  await sleep(time);
  redis.thaw();
}

async function listening(t, members) {
  const lobby = room();
  const listeners = [];
  for (const instance of members) listeners.push(await member(t, instance, [lobby], { events: ['number', 'again'] }));
  return { lobby, listeners };
}

function evaluated(heard, speaker, count) {
  const numbers = heard.filter((one) => one.speaker === speaker).map(({ number }) => number);
  return {
    lost: count - new Set(numbers).size,
    doubled: numbers.length - new Set(numbers).size,
    reordered: numbers.filter((number, place) => place > 0 && number < numbers[place - 1]).length,
  };
}

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`${name}: nothing is lost, doubled or out of order`, async (t) => {
    const keeps = name.endsWith('with what it had');
    const { redis, members } = await cluster(t, [Ours, Ours, Ours], { keeps });
    const { lobby, listeners } = await listening(t, members);
    const stop = saying(members, lobby);
    await sleep(1_000);
    await fault(redis);
    const back = Date.now();
    // Each instance is heard at each other one again.
    await Promise.all(
      members.map(async (instance, number) => {
        await ask(instance.control, 'emit', { to: [lobby] }, 'again', number);
        for (const { heard } of listeners) await eventually(() => heard.again, (list) => list.includes(number), 'it to be heard');
      }),
    );
    const again = Date.now() - back;
    await sleep(1_000);
    const counts = stop();
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (const { heard } of listeners) {
      await eventually(() => heard.number, (list) => list.length >= total, `${total} events`, 5_000).catch(() => {});
      counts.forEach((count, speaker) => {
        assert.deepEqual(evaluated(heard.number, speaker, count), { lost: 0, doubled: 0, reordered: 0 });
      });
    }
    t.diagnostic(`${total} events to each of ${listeners.length}; heard again ${again} ms after the fault`);
    assert.ok(again < 1_500, `heard again after ${again} ms`);
  });
}

test('Redis away for longer than is kept: what is lost is told, and the rest is in order', async (t) => {
  const { redis, members } = await cluster(t, [Ours, Ours, Ours]);
  const { lobby, listeners } = await listening(t, members);
  const stop = saying(members, lobby);
  await sleep(1_000);
  await away(redis, 18_000);
  await eventually(async () => (await fetch(`${members[0].url}/readyz`)).status, (status) => status === 200, 'the cluster');
  await sleep(2_000);
  const counts = stop();
  await eventually(
    () => listeners.map(({ heard }) => counts.map((count, speaker) => heard.number.some((one) => one.speaker === speaker && one.number === count))),
    (last) => last.flat().every(Boolean),
    'the last of each to be heard by each',
  );
  const missed = 'server-side events were missed';
  for (const [listener, { heard }] of listeners.entries()) {
    const seen = counts.map((count, speaker) => evaluated(heard.number, speaker, count));
    for (const [speaker, { lost, doubled, reordered }] of seen.entries()) {
      assert.deepEqual([doubled, reordered], [0, 0]);
      if (speaker === listener) assert.equal(lost, 0, 'its own instance needs no Redis');
    }
    t.diagnostic(`of ${counts} each, instance ${listener} has not heard ${seen.map(({ lost }) => lost)}`);
    assert.ok(seen.some(({ lost }) => lost > 0), 'eighteen seconds are more than is kept');
    assert.ok((await members[listener].news()).includes(missed), 'its servers are told');
  }
});

test('Redis away for longer than is kept: no update of a feed is lost with its announcement', async (t) => {
  const redis = await startRedis(t);
  const place = directory();
  const [here, there] = [await startDemo(place, 0, ['--redis-url', redis.url]), await startDemo(place, 0, ['--redis-url', redis.url])];
  t.after(() => Promise.all([here.stop(), there.stop()]));
  for (const { url } of [here, there]) await clustered(url);
  const [near, far] = [await device(t, here.url, 1), await device(t, there.url, 1)];
  const told = [near, far].map((socket) => collect(socket, 'order-update'));
  const events = await openEvents(t, there.url, 1);
  await events.block();

  await redis.kill();
  const { id } = await order(here.url, 1);
  await eventually(() => told[0], ({ length }) => length === 1, 'who is connected to the same instance to be told at once');
  await sleep(14_000);
  await redis.start();
  await eventually(() => told[1], ({ length }) => length === 1, 'who is connected to the other instance to be told');
  assert.equal(told[1][0][0].orderId, id);
  assert.equal((await events.next()).data.orderId, id);
});
