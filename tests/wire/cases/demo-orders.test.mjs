// @ts-check
// Every row of the demo's contract for orders, and their events.

import assert from 'node:assert/strict';
import { connect as tcp } from 'node:net';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { frames, left, pause, TRANSPORTS } from '../lib/client.mjs';
import { device, directory, order, postOrder, request, SECRET, serveDemo, startDemo } from '../lib/demo.mjs';
import { openEvents } from '../lib/events.mjs';
import { token } from '../lib/token.mjs';
import { eventually, sleep, within } from '../lib/wait.mjs';

const server = serveDemo();

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ITEMS = [{ sku: 'A1', quantity: 2 }];

let users = 1_000;
const newUser = () => (users += 1);

const update = (orderId) => ({ orderId, status: 'confirmed', message: '你的订单已确认' });
const ids = (updates) => updates.map(({ orderId }) => orderId);

/** @import { Chat } from '../../../demo-app/contract/events.d.ts' */

/**
 * A device that notes the updates it hears, and acknowledges them as `answer` says.
 * @param {import('node:test').TestContext} t
 * @param {number} user
 * @param {{ answer?: (ack: () => void, update: Chat.OrderUpdate) => void } & Record<string, any>} [options]
 */
async function listener(t, user, { answer = (ack) => ack(), url = server.url, ...more } = {}) {
  const heard = [];
  const socket = await device(t, url, user, {
    ...more,
    prepare: (unconnected) =>
      unconnected.on('order-update', (body, ack) => {
        heard.push(body);
        answer(ack, body);
      }),
  });
  return { socket, heard };
}

const silent = () => {};

// What a new device of that user is sent before the update of an order made now.
async function missed(t, user) {
  const acks = new Map();
  const { socket, heard } = await listener(t, user, { answer: (ack, { orderId }) => acks.set(orderId, ack) });
  const { id } = await order(server.url, user);
  await eventually(() => acks.get(id), Boolean, 'the last update');
  acks.get(id)();
  socket.disconnect();
  return ids(heard).filter((each) => each !== id);
}

// An acknowledgement takes its time to be settled.
const untilMissed = (t, user, expected) =>
  eventually(() => missed(t, user), (seen) => isDeepStrictEqual(seen, expected), `just [${expected}] to be missed`);

describe('POST /orders', () => {
  for (const transport of TRANSPORTS) {
    test(`is stored, and told to every device of its user, by ${transport}`, async (t) => {
      const [ada, bob] = [newUser(), newUser()];
      const devices = [await listener(t, ada, { transport }), await listener(t, ada, { transport })];
      const other = await listener(t, bob, { transport });
      const packets = frames(devices[0].socket);

      const reply = await postOrder(server.url, ada);
      assert.equal(reply.status, 201);
      const made = await reply.json();
      assert.match(made.id, UUID_V7);
      assert.ok(Math.abs(Date.now() - Date.parse(made.createdAt)) < 60_000);
      assert.equal(new Date(made.createdAt).toISOString(), made.createdAt, 'ISO 8601');
      assert.deepEqual(made, { id: made.id, userId: ada, items: ITEMS, status: 'confirmed', createdAt: made.createdAt });
      assert.equal(reply.headers.get('location'), `/orders/${made.id}`);

      for (const { heard } of devices) {
        await eventually(() => heard.length, (length) => length === 1, 'the update');
        assert.deepEqual(heard, [update(made.id)]);
      }
      assert.match(packets.find((packet) => packet.includes('order-update')), /^2\/chat,\d+\[/, 'an ack is asked for');
      const last = await order(server.url, bob);
      await eventually(() => other.heard.length, Boolean, 'the other user\'s own update');
      assert.deepEqual(other.heard, [update(last.id)], 'nobody else is told');
    });
  }

  test('is there before anyone hears of it', async (t) => {
    const ada = newUser();
    const found = [];
    await listener(t, ada, {
      answer: (ack, { orderId }) => {
        ack();
        found.push(request(server.url, `/orders/${orderId}`, { user: ada }));
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => order(server.url, ada)));
    await eventually(() => found.length, (length) => length === 20, 'all updates');
    for (const reply of await Promise.all(found)) assert.equal(reply.status, 200);
  });

  test('takes what is just within the rules', async () => {
    const most = [...'x'.repeat(99)].map(() => ({ sku: '😀'.repeat(64), quantity: 10_000 }));
    for (const items of [[{ sku: 'x', quantity: 1 }], [...most, { sku: 'x', quantity: 1 }]]) {
      assert.deepEqual((await order(server.url, newUser(), items)).items, items);
    }
    // Every character escaped.
    const escaped = JSON.stringify({ items: most }).replaceAll('😀', '\\ud83d\\ude00');
    const user = newUser();
    const reply = await request(server.url, '/orders', { user, method: 'POST', body: escaped });
    assert.deepEqual((await reply.json()).items, most);
  });

  test('names every field that breaks the rules', async () => {
    const user = newUser();
    const post = (body) => request(server.url, '/orders', { user, method: 'POST', body });
    const refused = async (body) => {
      const reply = await post(typeof body === 'string' ? body : JSON.stringify(body));
      assert.equal(reply.status, 422, JSON.stringify(body));
      const { code, errors, ...more } = await reply.json();
      assert.equal(code, 'VALIDATION');
      assert.deepEqual(more, {});
      for (const error of errors) {
        assert.deepEqual(Object.keys(error).toSorted(), ['message', 'path']);
        assert.ok(error.message.length > 0);
      }
      return errors.map(({ path }) => path);
    };
    const item = (more) => ({ items: [{ sku: 'A1', quantity: 1, ...more }] });
    for (const body of ['', '{', 'null', '[]', '7', '"text"']) assert.deepEqual(await refused(body), ['']);
    for (const body of [{}, { items: null }, { items: {} }, { items: [] }]) {
      assert.deepEqual(await refused(body), ['items']);
    }
    assert.deepEqual(await refused({ items: Array(101).fill(ITEMS[0]) }), ['items']);
    for (const quantity of [0, -1, 1.5, 10_001, '2', null, 1e300]) {
      assert.deepEqual(await refused(item({ quantity })), ['items[0].quantity']);
    }
    for (const sku of ['', '  ', 'x'.repeat(65), 7, null, 'a\0b']) {
      assert.deepEqual(await refused(item({ sku })), ['items[0].sku']);
    }
    assert.deepEqual(
      await refused({ items: [ITEMS[0], {}, 'x', { sku: '', quantity: 1 }] }),
      ['items[1].quantity', 'items[1].sku', 'items[2].quantity', 'items[2].sku', 'items[3].sku'],
      'every failing field at once',
    );
  });

  test('has a limit to its size', async () => {
    const body = JSON.stringify({ items: ITEMS, more: 'x'.repeat(200_000) });
    const reply = await request(server.url, '/orders', { user: newUser(), method: 'POST', body });
    assert.equal(reply.status, 413);
    assert.equal((await reply.json()).code, 'BAD_BODY');
  });

  test('does not wait for a device that does not read', async (t) => {
    const ada = newUser();
    const { socket, heard } = await listener(t, ada);
    pause(t, socket);
    const made = [];
    for (let count = 0; count < 50; count += 1) made.push(await order(server.url, ada));
    for (const { id } of made) {
      assert.equal((await request(server.url, `/orders/${id}`, { user: ada })).status, 200);
    }
    assert.deepEqual(heard, []);
  });
});

describe('GET /orders/{id}', () => {
  test('is for its owner', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const made = await order(server.url, ada, [{ sku: '房 "A"', quantity: 3 }]);
    const reply = await request(server.url, `/orders/${made.id}`, { user: ada });
    assert.equal(reply.status, 200);
    assert.deepEqual(await reply.json(), made);
    for (const [user, id] of [[bob, made.id], [ada, '0197c5a1-0000-7000-8000-000000000000'], [ada, 'x'], [ada, '%00']]) {
      const refused = await request(server.url, `/orders/${id}`, { user });
      assert.equal(refused.status, 404, id);
      assert.deepEqual(await refused.json(), { code: 'NOT_FOUND' });
    }
  });
});

test('without a good token, nothing', async () => {
  const expired = token(1, SECRET, { exp: Math.floor(Date.now() / 1000) - 1 });
  for (const [bearer, message] of [
    ['', '缺少 Token'],
    ['garbage', '认证失败'],
    [expired, '认证失败'],
    [token(1, 'another secret'), '认证失败'],
  ]) {
    for (const [method, path] of [['POST', '/orders'], ['GET', '/orders/x'], ['GET', '/orders/events']]) {
      // Whatever the body: who is asking comes first.
      const body = method === 'POST' ? '{' : undefined;
      const reply = await request(server.url, path, { bearer, method, body });
      assert.equal(reply.status, 401, `${method} ${path}`);
      assert.deepEqual(await reply.json(), { code: 'UNAUTHORIZED', message });
    }
  }
  for (const name of ['token', 'access_token']) {
    const reply = await fetch(`${server.url}/orders/events?${name}=${token(1, SECRET)}`);
    assert.equal(reply.status, 401, 'never from the query');
  }
});

describe('an update', () => {
  test('that was missed comes with the next connection, oldest first, until it is acknowledged', async (t) => {
    const ada = newUser();
    const made = [];
    for (let count = 0; count < 5; count += 1) made.push((await order(server.url, ada)).id);

    const deaf = await listener(t, ada, { answer: silent });
    await eventually(() => deaf.heard.length, (length) => length === 5, 'what was missed');
    assert.deepEqual(deaf.heard, made.map(update));

    // Nobody has acknowledged: again, to each device that connects.
    const some = made.slice(1, 3);
    const choosy = await listener(t, ada, { answer: (ack, { orderId }) => some.includes(orderId) && ack() });
    await eventually(() => choosy.heard.length, (length) => length === 5, 'what was missed');
    assert.deepEqual(ids(choosy.heard), made);
    await untilMissed(t, ada, [made[0], made[3], made[4]]);

    // Those who have been told are not told again.
    assert.deepEqual(ids(deaf.heard).slice(0, 5), made);
    assert.equal(new Set(ids(deaf.heard)).size, deaf.heard.length);
  });

  test('is settled by one acknowledgement of any device', async (t) => {
    const ada = newUser();
    const deaf = await listener(t, ada, { answer: silent });
    const { heard } = await listener(t, ada);
    const made = [];
    for (let count = 0; count < 20; count += 1) made.push((await order(server.url, ada)).id);
    for (const each of [deaf.heard, heard]) {
      await eventually(() => each.length, (length) => length === 20, 'every device to be told');
      assert.deepEqual(ids(each), made, 'in order');
    }
    await untilMissed(t, ada, []);
  });

  test('is settled by a late acknowledgement, too', async (t) => {
    const ada = newUser();
    const acks = [];
    const slow = await listener(t, ada, { answer: (ack) => acks.push(ack) });
    const { id } = await order(server.url, ada);
    await eventually(() => slow.heard.length, Boolean, 'the update');
    // Later than other acknowledgements are waited for.
    await sleep(6_000);
    const meanwhile = await listener(t, ada, { answer: silent });
    await eventually(() => meanwhile.heard.length, Boolean, 'the update, again');
    assert.deepEqual(ids(meanwhile.heard), [id]);
    for (const ack of acks) ack('anything');
    await untilMissed(t, ada, []);
  });

  test('that its device acknowledged before it left is settled', async (t) => {
    const ada = newUser();
    for (let round = 0; round < 20; round += 1) {
      const acks = new Map();
      const { socket } = await listener(t, ada, { answer: (ack, { orderId }) => acks.set(orderId, ack) });
      const { id } = await order(server.url, ada);
      await eventually(() => acks.get(id), Boolean, 'the update');
      for (const ack of acks.values()) ack();
      socket.disconnect();
    }
    await untilMissed(t, ada, []);
  });

  test('is not lost when the line breaks in the middle', async (t) => {
    const ada = newUser();
    const missed = [];
    for (let count = 0; count < 300; count += 1) missed.push((await order(server.url, ada)).id);
    const seen = new Set();
    for (const enough of [40, 170]) {
      const connection = await listener(t, ada, {
        answer: (ack, { orderId }) => {
          if (seen.size >= enough) return;
          seen.add(orderId);
          ack();
          if (seen.size === enough) setImmediate(() => connection.socket.io.engine.close());
        },
      });
      await left(connection.socket);
      assert.deepEqual(ids(connection.heard), ids(connection.heard).toSorted(), 'oldest first, each time');
    }
    const last = await listener(t, ada);
    const remaining = missed.filter((id) => !seen.has(id));
    await eventually(() => new Set(ids(last.heard)), (heard) => remaining.every((id) => heard.has(id)), 'the rest');
    assert.equal(new Set(ids(last.heard)).size, last.heard.length, 'once a connection');
    assert.deepEqual(ids(last.heard), ids(last.heard).toSorted());
  });

  test('of an order made while a device connects is neither lost nor out of order', async (t) => {
    const ada = newUser();
    // Another device settles everything at once: nothing comes merely because it is sent again.
    const quick = await listener(t, ada);
    for (let round = 1; round <= 60; round += 1) {
      const meanwhile = Promise.all(Array.from({ length: 3 }, () => order(server.url, ada)));
      const { socket, heard } = await listener(t, ada, { answer: silent });
      // It was connected when these were ordered, so they are its own, whoever settles them.
      const own = [];
      for (let count = 0; count < 3; count += 1) own.push((await order(server.url, ada)).id);
      await meanwhile;
      await eventually(() => heard.length, () => own.every((id) => ids(heard).includes(id)), 'its own updates');
      await eventually(() => quick.heard.length, (length) => length === round * 6, 'the other device');
      const inOrder = ids(quick.heard).filter((id) => ids(heard).includes(id));
      assert.deepEqual(ids(heard), inOrder, `round ${round}`);
      socket.disconnect();
    }
  });

  test('keeps its place on every device, however many are ordered at once', async (t) => {
    const ada = newUser();
    const devices = [];
    for (let count = 0; count < 4; count += 1) devices.push(await listener(t, ada, { transport: TRANSPORTS[count % 3] }));
    const made = await Promise.all(Array.from({ length: 200 }, () => order(server.url, ada)));
    for (const { heard } of devices) {
      await eventually(() => heard.length, (length) => length === 200, 'all updates');
      assert.deepEqual(ids(heard), ids(devices[0].heard), 'the same order everywhere');
    }
    assert.deepEqual(new Set(ids(devices[0].heard)), new Set(made.map(({ id }) => id)));
  });

  test('outlives a restart of the server', async (t) => {
    const place = directory();
    const ada = newUser();
    let demo = await startDemo(place);
    t.after(() => demo.kill());
    const made = [];
    for (let count = 0; count < 3; count += 1) made.push((await order(demo.url, ada)).id);
    await demo.stop();
    demo = await startDemo(place);
    const { heard } = await listener(t, ada, { url: demo.url });
    await eventually(() => heard.length, (length) => length === 3, 'what was missed');
    assert.deepEqual(heard, made.map(update));
    await demo.stop();
  });
});

describe('GET /orders/events', () => {
  test('streams what devices are told, from now on', async (t) => {
    const [ada, bob] = [newUser(), newUser()];
    await order(server.url, ada);
    const events = await openEvents(t, server.url, ada);
    assert.equal(events.response.status, 200);
    assert.match(events.response.headers.get('content-type'), /^text\/event-stream/);
    assert.equal(events.response.headers.get('cache-control'), 'no-cache');
    assert.equal(events.response.headers.get('x-accel-buffering'), 'no', 'no proxy keeps it to itself');
    const first = await events.block();
    assert.equal(first.id, '1', 'where to go on, at once');
    assert.ok(Number(first.retry) > 0);

    await order(server.url, bob);
    const made = [await order(server.url, ada), await order(server.url, ada)];
    for (const [index, { id }] of made.entries()) {
      const { id: number, event, data } = await events.next();
      assert.deepEqual({ number, event, data }, { number: String(index + 2), event: 'order-update', data: update(id) });
    }
  });

  test('goes on after the event the client had last', async (t) => {
    const ada = newUser();
    const made = [];
    for (let count = 0; count < 250; count += 1) made.push((await order(server.url, ada)).id);
    const replay = async (last, count) => {
      const events = await openEvents(t, server.url, ada, { last });
      const data = (await events.take(count)).map((event) => event.data.orderId);
      events.close();
      return data;
    };
    assert.deepEqual(await replay('0', 250), made, 'more than one page');
    assert.deepEqual(await replay('248', 2), made.slice(248));
    // Not one of ours: rather everything again than something never.
    for (const last of ['251', '-1', 'x', '1.5', '9'.repeat(30)]) {
      assert.deepEqual(await replay(last, 3), made.slice(0, 3), last);
    }
    const live = await openEvents(t, server.url, ada, { last: '250' });
    const { id } = await order(server.url, ada);
    assert.deepEqual((await live.next()).data, update(id));
  });

  test('leaves no gap between what was and what comes', async (t) => {
    const ada = newUser();
    const made = [];
    const making = (async () => {
      for (let count = 0; count < 200; count += 1) made.push((await order(server.url, ada)).id);
    })();
    const seen = [];
    let last = '0';
    while (seen.length < 200) {
      const events = await openEvents(t, server.url, ada, { last });
      for (const { data } of await events.take(Math.min(17, 200 - seen.length))) seen.push(data.orderId);
      last = events.lastId;
      events.close();
    }
    await making;
    assert.deepEqual(seen, made);
  });

  test('settles nothing: a device is told all the same', async (t) => {
    const ada = newUser();
    const events = await openEvents(t, server.url, ada);
    const { id } = await order(server.url, ada);
    await events.next();
    const { heard } = await listener(t, ada);
    await eventually(() => heard.length, Boolean, 'the update');
    assert.deepEqual(heard, [update(id)]);
  });

  test('waits for a client that reads slowly', async (t) => {
    const ada = newUser();
    // By hand, because `fetch` reads ahead.
    const { hostname, port } = new URL(server.url);
    const socket = tcp(Number(port), hostname);
    t.after(() => socket.destroy());
    socket.pause();
    socket.write(
      `GET /orders/events HTTP/1.1\r\nhost: ${hostname}\r\nlast-event-id: 0\r\nauthorization: Bearer ${token(ada, SECRET)}\r\n\r\n`,
    );
    const made = [];
    for (let batch = 0; batch < 30; batch += 1) {
      made.push(...(await Promise.all(Array.from({ length: 20 }, () => order(server.url, ada)))));
    }
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.resume();
    const seen = () => [...text.matchAll(/"orderId":"([^"]+)"/g)].map(([, id]) => id);
    await eventually(() => seen().length, (length) => length === made.length, 'all of it');
    assert.deepEqual(new Set(seen()), new Set(made.map(({ id }) => id)));
  });

  test('is kept alive', async (t) => {
    const events = await openEvents(t, server.url, newUser());
    await events.block();
    await events.block(25_000);
    assert.ok(events.comments > 0);
  });

  test('ends with the token', async (t) => {
    const ada = newUser();
    const bearer = token(ada, SECRET, { exp: Math.floor(Date.now() / 1000) + 2 });
    const events = await openEvents(t, server.url, ada, { bearer });
    assert.equal(await events.next(5_000), undefined);
  });

  test('ends when the server is asked to stop, which does not wait for it', async (t) => {
    const demo = await startDemo(directory());
    t.after(() => demo.kill());
    const events = await openEvents(t, demo.url, newUser());
    await events.block();
    const ended = events.next();
    await within(demo.stop(), 'the server to end', 5_000);
    assert.equal(await ended, undefined, 'properly');
  });
});
