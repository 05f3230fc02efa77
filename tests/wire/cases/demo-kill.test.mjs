// @ts-check
// `kill -9` in the middle of everything: whatever the demo has said yes to is there, once.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, ask, open } from '../lib/client.mjs';
import { device, directory, postOrder, request, SECRET, startDemo } from '../lib/demo.mjs';
import { openEvents } from '../lib/events.mjs';
import { token } from '../lib/token.mjs';
import { eventually, sleep, within } from '../lib/wait.mjs';

const ORDERS = 1_000;
const MESSAGES = 1_000;
const USERS = [1, 2, 3, 4, 5];
const ROOM = 'room-1';

// Does something `count` times, a few at a time.
function many(count, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  return Promise.all(Array.from({ length: 10 }, worker));
}

test('nothing that was acknowledged is lost or doubled', async (t) => {
  const place = directory();
  let demo = await startDemo(place);
  t.after(() => demo.kill());
  const { url } = demo;
  const { port } = new URL(url);

  // A device of each user, of the first one two; each comes back by itself and joins again.
  const devices = [...USERS, USERS[0]].map((user) => {
    const updates = [];
    const messages = [];
    const socket = open(t, `${url}/chat`, {
      auth: { token: token(user, SECRET) },
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 500,
      prepare: (unconnected) => {
        unconnected.on('connect', () => unconnected.emit('join-room', { roomId: ROOM }));
        unconnected.on('new-message', (message) => messages.push(message));
        unconnected.on('order-update', ({ orderId }, ack) => {
          updates.push(orderId);
          ack();
        });
      },
    });
    return { user, socket, updates, messages };
  });
  await Promise.all(devices.map(({ socket }) => eventually(() => socket.connected, Boolean, 'all devices')));

  let yes = 0;
  let killed;
  const acknowledged = () => {
    yes += 1;
    // Right in the middle, with as much under way as there can be.
    if (yes === (ORDERS + MESSAGES) / 2) {
      killed = demo.kill().then(async () => {
        demo = await startDemo(place, port);
      });
    }
  };

  const orders = [];
  let unanswered = 0;
  const ordering = many(ORDERS, async (number) => {
    const user = USERS[number % USERS.length];
    for (;;) {
      try {
        const reply = await postOrder(url, user, [{ sku: `number ${number}`, quantity: 1 }]);
        assert.equal(reply.status, 201);
        orders.push(await reply.json());
        return acknowledged();
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        // Nobody can know whether it was taken: this one is ordered again.
        unanswered += 1;
        await sleep(50);
      }
    }
  });

  const said = [];
  const talking = many(MESSAGES, async (number) => {
    const { socket } = devices[number % devices.length];
    const body = { roomId: ROOM, content: `number ${number}`, clientId: `${number}` };
    for (;;) {
      try {
        const message = await new Promise((resolve, reject) => {
          const lost = () => reject(new Error('disconnected'));
          socket.once('disconnect', lost);
          if (!socket.connected) socket.once('connect', () => reject(new Error('connected')));
          else {
            socket.emit('send-message', body, (reply) => {
              socket.off('disconnect', lost);
              resolve(reply);
            });
          }
        });
        // Right after a reconnect its own join may be still on the way.
        assert.equal(message.content, body.content, JSON.stringify(message));
        said.push(message);
        return acknowledged();
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    }
  });

  await within(Promise.all([ordering, talking]), 'all of it to be acknowledged', 240_000);
  await killed;
  assert.equal(demo.ended, false, 'the second one is there');
  t.diagnostic(`${unanswered} orders were under way when it was killed`);

  // Every message is in the history, once, and as it was acknowledged.
  const reader = await device(t, url, USERS[0]);
  await ask(reader, 'join-room', { roomId: ROOM });
  const history = [];
  for (let after; ; ) {
    const { messages } = await answer(reader, 'history', { roomId: ROOM, limit: 200, after: after ?? '00000000-0000-7000-8000-000000000000' });
    if (messages.length === 0) break;
    history.push(...messages);
    after = messages.at(-1).id;
  }
  assert.equal(history.length, MESSAGES);
  const stored = new Map(history.map((message) => [message.content, message]));
  for (const message of said) assert.deepEqual(stored.get(message.content), message);
  // What was heard is what is stored, each message once, also where it was sent again.
  for (const { messages } of devices) {
    for (const message of messages) assert.deepEqual(message, stored.get(message.content));
    assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length);
    assert.ok(messages.length > 0);
  }

  // Every order is there, its user was told, and repeats can be told by their id.
  for (const user of USERS) {
    const own = orders.filter((order) => order.userId === user);
    assert.equal(own.length, ORDERS / USERS.length);
    const mine = devices.filter((each) => each.user === user);
    const heard = () => new Set(mine.flatMap(({ updates }) => updates));
    await eventually(
      () => own.filter(({ id }) => !heard().has(id)).length,
      (missing) => missing === 0,
      `user ${user} to be told of every order`,
    );
    for (const order of own) {
      const reply = await request(url, `/orders/${order.id}`, { user });
      assert.deepEqual(await reply.json(), order);
    }
    // The stream has every update once, whatever was sent twice.
    const events = await openEvents(t, url, user, { last: '0' });
    const all = await events.take(own.length);
    for (let known = new Set(all.map(({ data }) => data.orderId)); !own.every(({ id }) => known.has(id)); ) {
      const event = await events.next();
      assert.ok(!known.has(event.data.orderId));
      known.add(event.data.orderId);
      all.push(event);
    }
    assert.deepEqual(all.map(({ id }) => id), all.map((_, index) => String(index + 1)));
    const taken = new Set(all.map(({ data }) => data.orderId));
    assert.equal(taken.size, all.length, 'once');
    const more = all.length - own.length;
    assert.ok(more <= unanswered, `${more} orders more than were acknowledged, ${unanswered} were unanswered`);
    events.close();
  }

  // Once all are settled, a new device is told nothing.
  const late = [];
  await eventually(
    async () => {
      const socket = await device(t, url, USERS[1], {
        prepare: (unconnected) => unconnected.on('order-update', ({ orderId }, ack) => late.push(orderId) && ack()),
      });
      const reply = await postOrder(url, USERS[1]);
      const { id } = await reply.json();
      await eventually(() => late.at(-1), (last) => last === id, 'the last update');
      socket.disconnect();
      return late.splice(0).length;
    },
    (told) => told === 1,
    'everything to be settled',
  );
  await demo.stop();
});
