// Several processes of ours are one application.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { balance } from '../lib/balancer.mjs';
import { answer, collect, connected, open, TRANSPORTS } from '../lib/client.mjs';
import { cases } from '../lib/cluster-cases.mjs';
import { cluster, clustered, lasting, member, Older, Ours, room, settled } from '../lib/cluster.mjs';
import { device, directory, order, SECRET, startDemo } from '../lib/demo.mjs';
import { startRedis } from '../lib/redis.mjs';
import { older } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

describe('three instances', () => {
  const t = lasting();
  let members;
  before(async () => {
    ({ members } = await cluster(t, [Older, Ours, Ours]));
  });

  describe('from one to another', () => cases(() => members.slice(0, 2), () => members));

  test('each client hears it once, and all rooms are known everywhere', async (t) => {
    const lobby = room();
    const clients = [];
    for (const instance of members) {
      for (const transport of TRANSPORTS) clients.push(await member(t, instance, [lobby], { transport }));
    }
    await Promise.all(members.map((instance, number) => instance.emit({ to: [lobby] }, 'news', number)));
    for (const instance of members) await settled(instance, ...clients);
    for (const { heard } of clients) assert.deepEqual(heard.news.toSorted(), [0, 1, 2]);
    for (const instance of members) {
      assert.equal((await instance.fetch({ to: [lobby] })).length, clients.length);
      assert.ok((await answer(instance.control, 'all-rooms')).includes(lobby));
    }
  });

  test('a user is one wherever the devices are', async (t) => {
    const [one, two, three] = await Promise.all(members.map((instance) => instance.client(t, 4711)));
    const heard = [one, two, three].map((socket) => collect(socket, 'news'));
    await members[2].emit({ user: 4711 }, 'news', 'to the user');
    for (const list of heard) await eventually(() => list, (list) => list.length === 1, 'the news');
    const found = await members[0].fetch({ user: 4711 });
    assert.deepEqual(found.map(({ id }) => id).toSorted(), [one, two, three].map(({ id }) => id).toSorted());
  });
});

describe('demos', () => {
  const t = lasting();
  const place = directory();
  const demos = [];
  let redis;
  const begin = async (port = 0, program = 'demo-app') => {
    const demo = await startDemo(place, port, ['--redis-url', redis.url, '--drain', '5s'], program);
    await clustered(demo.url);
    return demo;
  };
  before(async () => {
    redis = await startRedis(t);
    for (const number of [0, 1]) demos[number] = await begin(0, older('demo-app'));
    t.after(async () => {
      for (const demo of demos) if (!demo.ended) await demo.stop();
    });
  });
  const join = async (socket, roomId) => {
    assert.deepEqual(await answer(socket, 'join-room', { roomId }), { success: true });
    return socket;
  };
  const say = (socket, roomId, content) => answer(socket, 'send-message', { roomId, content });

  test('a room is one room', async (t) => {
    const roomId = room();
    const [a, b] = demos;
    const ann = await join(await device(t, a.url, 1), roomId);
    const [joined, left, heard] = ['user-joined', 'user-left', 'new-message'].map((event) => collect(ann, event));
    const ben = await join(await device(t, b.url, 2), roomId);
    const bens = collect(ben, 'new-message');
    await eventually(() => joined, (list) => list.length === 1, 'ben to be seen');
    const messages = [await say(ann, roomId, 'from a'), await say(ben, roomId, 'from b')];
    for (const list of [heard, bens]) {
      await eventually(() => list, ({ length }) => length === 2, 'both messages');
      assert.deepEqual(list.toSorted((x, y) => (x.id < y.id ? -1 : 1)), messages);
    }
    assert.deepEqual(await answer(ben, 'leave-room', { roomId }), { success: true });
    await eventually(() => left, ({ length }) => length === 1, 'ben to have left');
    assert.deepEqual([joined, left], [[{ userId: 2, roomId }], [{ userId: 2, roomId }]]);
  });

  test('who leaves a room leaves it with all devices, wherever they are', async (t) => {
    const roomId = room();
    const [a, b] = demos;
    const phone = await join(await device(t, a.url, 3), roomId);
    const laptop = await join(await device(t, b.url, 3), roomId);
    const other = await join(await device(t, b.url, 4), roomId);
    const [at, left] = ['new-message', 'user-left'].map((event) => collect(laptop, event));
    assert.deepEqual(await answer(phone, 'leave-room', { roomId }), { success: true });
    assert.deepEqual(left, [{ userId: 3, roomId }], 'it is news to the other device, and comes first');
    const heard = collect(other, 'new-message');
    await say(other, roomId, 'without them');
    await eventually(() => heard, ({ length }) => length === 1, 'the message');
    assert.deepEqual(at, []);
    assert.equal((await say(laptop, roomId, 'x')).code, 'NOT_A_MEMBER');
  });

  test('who speaks at once at both is heard by all, once, and ids order it', async (t) => {
    const roomId = room();
    const speakers = [];
    for (const [number, demo] of [...demos, ...demos].entries()) {
      speakers.push(await join(await device(t, demo.url, 10 + number), roomId));
    }
    const heard = speakers.map((socket) => collect(socket, 'new-message'));
    const count = 50;
    const acknowledged = await Promise.all(
      speakers.flatMap((socket) => Array.from({ length: count }, (_, number) => say(socket, roomId, `${number}`))),
    );
    const byId = (a, b) => (a.id < b.id ? -1 : 1);
    const all = acknowledged.toSorted(byId);
    assert.equal(new Set(all.map(({ id }) => id)).size, speakers.length * count);
    for (const list of heard) {
      await eventually(() => list, ({ length }) => length >= all.length, 'all messages');
      assert.deepEqual(list.toSorted(byId), all);
    }
    const { messages } = await answer(speakers[0], 'history', { roomId, limit: 200 });
    assert.deepEqual(messages, all);
  });

  test('orders are told to every device, and one acknowledgement settles it everywhere', async (t) => {
    const [a, b] = demos;
    const user = 21;
    const [phone, laptop] = [await device(t, a.url, user), await device(t, b.url, user)];
    const told = [phone, laptop].map((socket) => collect(socket, 'order-update'));
    const made = await order(a.url, user);
    for (const list of told) await eventually(() => list, ({ length }) => length === 1, 'the update');
    const [[update, acknowledge]] = told[1];
    assert.equal(update.orderId, made.id);
    acknowledge();
    await eventually(
      async () => {
        const late = open(t, `${a.url}/chat`, { auth: { token: token(user, SECRET) } });
        const again = collect(late, 'order-update');
        await connected(late);
        await sleep(200);
        late.disconnect();
        return again;
      },
      (again) => again.length === 0,
      'it to be settled',
    );
  });

  test('who is online is the same everywhere, and told once', async (t) => {
    const [a, b] = demos;
    const watchers = [];
    for (const demo of demos) watchers.push(await device(t, demo.url, 30, { namespace: '/presence' }));
    const seen = watchers.map((socket) => ['user-online', 'user-offline'].map((event) => collect(socket, event)));
    const online = (socket) => answer(socket, 'get-online-users').then(({ onlineUserIds }) => onlineUserIds.includes(31));
    const [phone, laptop] = [
      await device(t, a.url, 31, { namespace: '/presence' }),
      await device(t, b.url, 31, { namespace: '/presence' }),
    ];
    for (const socket of watchers) await eventually(() => online(socket), Boolean, 'the user to be online');
    phone.disconnect();
    await sleep(4_000);
    for (const socket of watchers) assert.ok(await online(socket), 'there still is a device');
    laptop.disconnect();
    for (const socket of watchers) await eventually(() => online(socket), (is) => !is, 'the user to be offline');
    // The answer may be true a moment before the event tells it.
    const of = (list) => list.filter(({ userId }) => userId === 31).length;
    for (const [, went] of seen) await eventually(() => of(went), Boolean, 'the user to go');
    await sleep(500);
    for (const [came, went] of seen) assert.deepEqual([of(came), of(went)], [1, 1]);
  });

  test('users of an instance that is killed are offline after its lease and the grace, told once', async (t) => {
    const third = await begin();
    const watchers = [];
    for (const demo of demos) watchers.push(await device(t, demo.url, 35, { namespace: '/presence' }));
    const told = watchers.map((socket) => ['user-online', 'user-offline'].map((event) => collect(socket, event)));
    await device(t, third.url, 36, { namespace: '/presence' });
    const of = (list) => list.filter(({ userId }) => userId === 36).length;
    for (const [came] of told) await eventually(() => came, (list) => of(list) === 1, 'the user to come');
    await third.kill();
    const killed = Date.now();
    for (const [, went] of told) await eventually(() => went, (list) => of(list) === 1, 'the user to go');
    const after = Date.now() - killed;
    t.diagnostic(`told ${after} ms after the kill`);
    assert.ok(after > 3_000 && after < 16_000);
    await sleep(1_500);
    for (const [came, went] of told) assert.deepEqual([of(came), of(went)], [1, 1]);
  });

  test('without Redis each is not ready and goes on alone; with it they are one again', async (t) => {
    const roomId = room();
    const [ann, ben] = [await join(await device(t, demos[0].url, 41), roomId), await join(await device(t, demos[1].url, 42), roomId)];
    const heard = collect(ben, 'new-message');
    const ready = ({ url }) => fetch(`${url}/readyz`).then(async (reply) => ({ code: reply.status, ...(await reply.json()) }));

    await redis.kill();
    const began = Date.now();
    for (const demo of demos) {
      const { checks } = await eventually(() => ready(demo), ({ code }) => code === 503, 'not to be ready');
      assert.equal(checks.cluster, 'down');
    }
    assert.ok(Date.now() - began < 2_500, `noticed after ${Date.now() - began} ms`);
    const message = await say(ann, roomId, 'alone');
    assert.equal(message.content, 'alone');

    await redis.start();
    const back = Date.now();
    await eventually(() => heard, ({ length }) => length === 1, 'what was said meanwhile');
    t.diagnostic(`heard ${Date.now() - back} ms after Redis was back`);
    for (const demo of demos) await eventually(() => ready(demo), ({ code }) => code === 200, 'to be ready again');
    assert.deepEqual(heard, [message]);
  });

  // The last: other processes are there afterwards.
  test('all instances are replaced one after the other while clients talk, and nothing is lost or doubled', async (t) => {
    const roomId = room();
    const { url } = await balance(t, 'haproxy', demos.map((demo) => demo.url));
    const options = { withCredentials: true, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
    const people = [];
    for (const [number, transport] of [...TRANSPORTS, ...TRANSPORTS].entries()) {
      const socket = open(t, `${url}/chat`, { auth: { token: token(50 + number, SECRET) }, transport, ...options });
      await connected(socket);
      const person = { socket, user: 50 + number, kept: new Map() };
      socket.on('new-message', (message) => person.kept.set(message.id, message));
      // As the page says: it joins again, and reads on from where it has read to. What it was told live does not count for
      // that, as messages of two instances may be told in another order than that of their ids.
      person.catchUp = async () => {
        await socket.timeout(2_000).emitWithAck('join-room', { roomId });
        for (;;) {
          const from = person.readTo && { after: person.readTo };
          const { messages } = await socket.timeout(2_000).emitWithAck('history', { roomId, limit: 200, ...from });
          for (const message of messages) person.kept.set((person.readTo = message.id), message);
          if (messages.length < 200) break;
        }
      };
      await person.catchUp();
      socket.on('connect', () => person.catchUp().catch(() => {}));
      people.push(person);
    }
    let talking = true;
    const said = people.map(async ({ socket, user }) => {
      let number = 0;
      for (; talking; number += 1) {
        const message = { roomId, content: `${user} says ${number}`, clientId: `${user}-${number}` };
        for (;;) {
          try {
            const stored = await socket.timeout(1_000).emitWithAck('send-message', message);
            if (stored.id) break;
          } catch {
            // No answer: it is said again under the same name.
          }
          await sleep(50);
        }
        await sleep(40);
      }
      return number;
    });
    await sleep(500);
    for (const number of [0, 1]) {
      const port = Number(new URL(demos[number].url).port);
      await demos[number].stop();
      demos[number] = await begin(port);
      await sleep(1_500);
    }
    talking = false;
    const counts = await Promise.all(said);
    const expected = counts.flatMap((count, person) => Array.from({ length: count }, (_, number) => `${people[person].user} says ${number}`));
    t.diagnostic(`${expected.length} messages of ${people.length} clients`);
    for (const { socket, kept, catchUp } of people) {
      await eventually(() => socket.connected, Boolean, 'everybody to be back');
      await catchUp();
      assert.deepEqual([...kept.values()].map(({ content }) => content).toSorted(), expected.toSorted());
    }
  });
});
