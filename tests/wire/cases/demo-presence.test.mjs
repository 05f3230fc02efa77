// @ts-check
// The demo's `/presence`: a user is a set of devices, and everyone is told once of each who comes
// and goes.

/** @import { Presence } from '../../../demo-app/contract/events.d.ts' */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, collect, connect, connected, cut, failureAs, left, next, open, refusal, TRANSPORTS } from '../lib/client.mjs';
import { device, SECRET, serveDemo } from '../lib/demo.mjs';
import { token } from '../lib/token.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

const GRACE = 500;
const namespace = '/presence';

let users = 1000;

// A user that no other test uses.
function someone() {
  users += 1;
  return users;
}

// What an observer hears of everyone's coming and going, as `+7` and `-7`.
function news(socket) {
  const heard = [];
  for (const [event, sign] of [['user-online', '+'], ['user-offline', '-']]) {
    socket.on(event, (body, ...more) => {
      assert.deepEqual([Object.keys(body), more], [['userId'], []]);
      assert.equal(typeof body.userId, 'number');
      heard.push(`${sign}${body.userId}`);
    });
  }
  return heard;
}

const of = (heard, user) => heard.filter((entry) => Math.abs(Number(entry)) === user);

function hears(heard, user, expected) {
  const what = `${expected.join(' ')} of user ${user}`;
  return eventually(() => of(heard, user), (all) => all.length >= expected.length, what).then((all) =>
    assert.deepEqual(all, expected),
  );
}

// Everything that was announced before has been heard by now: this is announced after it.
async function hearOfSomebodyElse(t, url, heard) {
  const other = someone();
  await device(t, url, other, { namespace });
  await hears(heard, other, [`+${other}`]);
}

const online = async (/** @type {Presence.Socket} */ socket) => (await answer(socket, 'get-online-users')).onlineUserIds;

describe('devices of a user', () => {
  const demo = serveDemo('--presence-grace', `${GRACE}ms`);
  const at = (t, user, more) => device(t, demo.url, user, { namespace, ...more });

  for (const transport of TRANSPORTS) {
    test(`the first is told to everyone, and the last, by ${transport}`, async (t) => {
      const observer = await at(t, someone());
      const heard = news(observer);
      const user = someone();
      const first = await at(t, user, { transport });
      await hears(heard, user, [`+${user}`]);
      const second = await at(t, user, { transport });
      assert.ok((await online(second)).includes(user));
      first.disconnect();
      await hearOfSomebodyElse(t, demo.url, heard);
      await sleep(2 * GRACE);
      assert.deepEqual(of(heard, user), [`+${user}`], 'one device is still there');

      const leaving = Date.now();
      second.disconnect();
      await hears(heard, user, [`+${user}`, `-${user}`]);
      assert.ok(Date.now() - leaving >= GRACE, 'not before the grace has ended');
      assert.ok(!(await online(observer)).includes(user));
    });
  }

  test('the user hears of itself, too', async (t) => {
    const user = someone();
    const socket = open(t, `${demo.url}${namespace}`, { auth: { token: token(user, SECRET) } });
    assert.deepEqual(await next(socket, 'user-online'), [{ userId: user }]);
  });

  test('a user is online when the first message is answered', async (t) => {
    for (let round = 0; round < 30; round += 1) {
      const user = someone();
      const socket = open(t, `${demo.url}${namespace}`, { auth: { token: token(user, SECRET) } });
      const first = new Promise((resolve) => {
        socket.once('connect', () => resolve(online(socket)));
      });
      assert.ok((await first).includes(user));
      socket.disconnect();
    }
  });

  test('a reload within the grace is told to nobody', async (t) => {
    const observer = await at(t, someone());
    const heard = news(observer);
    const user = someone();
    let page = await at(t, user);
    await hears(heard, user, [`+${user}`]);
    for (const leave of [(socket) => socket.disconnect(), cut, cut]) {
      leave(page);
      assert.ok((await online(observer)).includes(user), 'online during the reload');
      page = await at(t, user);
    }
    await sleep(2 * GRACE);
    await hearOfSomebodyElse(t, demo.url, heard);
    assert.deepEqual(of(heard, user), [`+${user}`]);
  });

  test('a namespace left and joined again on the same line is another device', async (t) => {
    const observer = await at(t, someone());
    const heard = news(observer);
    const user = someone();
    const chat = await device(t, demo.url, user);
    const presence = chat.io.socket(namespace, { auth: { token: token(user, SECRET) } });
    await connected(presence);
    await hears(heard, user, [`+${user}`]);
    for (let round = 0; round < 20; round += 1) {
      presence.disconnect();
      presence.connect();
      await connected(presence);
      assert.ok((await online(presence)).includes(user));
    }
    await sleep(2 * GRACE);
    assert.ok((await online(presence)).includes(user));
    await hearOfSomebodyElse(t, demo.url, heard);
    assert.deepEqual(of(heard, user), [`+${user}`]);
    // The chat knows nothing of presence: the user is gone though the line is there.
    presence.disconnect();
    await hears(heard, user, [`+${user}`, `-${user}`]);
    assert.ok(chat.connected);
  });

  test('a connection that is killed is offline after the grace', async (t) => {
    const observer = await at(t, someone());
    const heard = news(observer);
    const user = someone();
    const phone = await at(t, user);
    await hears(heard, user, [`+${user}`]);
    const leaving = Date.now();
    cut(phone);
    await hears(heard, user, [`+${user}`, `-${user}`]);
    assert.ok(Date.now() - leaving >= GRACE);
    await at(t, user);
    await hears(heard, user, [`+${user}`, `-${user}`, `+${user}`]);
  });

  test('a number and its digits are one user, and the list is in the order of numbers', async (t) => {
    const observer = await at(t, someone());
    const heard = news(observer);
    const text = { auth: { token: token('0042', SECRET) } };
    const devices = [
      await connect(t, `${demo.url}${namespace}`, text),
      await at(t, 42),
      await at(t, 5),
      await at(t, 100_042),
    ];
    for (const user of [42, 5, 100_042]) await hears(heard, user, [`+${user}`]);
    const all = await online(observer);
    assert.deepEqual(all, all.toSorted((a, b) => a - b));
    assert.deepEqual(all.filter((id) => [5, 42, 100_042].includes(id)), [5, 42, 100_042]);
    for (const socket of devices) socket.disconnect();
    await hears(heard, 42, ['+42', '-42']);
  });

  test('a session that ends takes the user along', async (t) => {
    const observer = await at(t, someone());
    const heard = news(observer);
    const user = someone();
    const brief = token(user, SECRET, { exp: Math.floor(Date.now() / 1000) + 2 });
    const socket = await connect(t, `${demo.url}${namespace}`, { auth: { token: brief } });
    await hears(heard, user, [`+${user}`]);
    assert.equal(await left(socket), 'io server disconnect');
    await hears(heard, user, [`+${user}`, `-${user}`]);
  });

  test('a client without a token is not let in, and errors are told as in the chat', async (t) => {
    assert.equal(await refusal(t, `${demo.url}${namespace}`), '缺少 Token');
    assert.equal(await refusal(t, `${demo.url}${namespace}`, { auth: { token: 'x' } }), '认证失败');
    const socket = await at(t, someone());
    const { code, message, timestamp } = await failureAs('error', socket, 'nobody-knows');
    assert.deepEqual([code, typeof message], ['UNKNOWN_EVENT', 'string']);
    assert.equal(new Date(timestamp).toISOString(), timestamp);
  });
});

// Numbers that look random, the same ones for the same seed.
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('with a short grace', () => {
  const demo = serveDemo('--presence-grace', '150ms');

  test('any schedule ends as it should, and every observer hears of it in turns', async (t) => {
    const seed = Date.now() % 100_000;
    t.diagnostic(`seed ${seed}`);
    const random = numbers(seed);
    const USERS = 8;

    const observers = [];
    const observe = async () => {
      const socket = await device(t, demo.url, 0, { namespace });
      observers.push({ socket, heard: news(socket) });
    };
    await observe();

    // Whether a user has a device in the end.
    const there = new Map();
    const live = async (user, steps) => {
      let socket;
      for (const { wait, act, transport } of steps) {
        await sleep(wait);
        if (act === 'connect' || act === 'reload') {
          socket?.disconnect();
          socket = await device(t, demo.url, user, { namespace, transport });
        } else if (act === 'leave') {
          socket?.disconnect();
          socket = undefined;
        } else if (act === 'abort') {
          // Gone before the server has answered.
          const half = open(t, `${demo.url}${namespace}`, { auth: { token: token(user, SECRET) } });
          await sleep(random(15));
          half.disconnect();
        } else if (socket) {
          if (socket.io.engine.transport.name === 'websocket') cut(socket);
          else socket.disconnect();
          socket = undefined;
        }
      }
      if (socket) there.set(user, socket);
    };
    const acts = ['connect', 'connect', 'reload', 'leave', 'cut', 'abort'];
    const steps = () =>
      Array.from({ length: 12 }, () => ({
        wait: random(120),
        act: acts[random(acts.length)],
        transport: TRANSPORTS[random(3)],
      }));
    const lives = Array.from({ length: USERS * 3 }, (_, number) => live(1 + (number % USERS), steps()));
    for (let late = 0; late < 3; late += 1) {
      await sleep(200);
      await observe();
    }
    await Promise.all(lives);

    const expected = [0, ...there.keys()].sort((a, b) => a - b);
    const last = observers[0];
    await eventually(
      () => online(last.socket),
      (ids) => JSON.stringify(ids) === JSON.stringify(expected),
      `${expected.join(' ')} to be online (seed ${seed})`,
    );
    await hearOfSomebodyElse(t, demo.url, last.heard);
    for (const { heard } of observers) {
      for (let user = 1; user <= USERS; user += 1) {
        const signs = of(heard, user).map((entry) => entry[0]);
        for (let index = 1; index < signs.length; index += 1) {
          assert.notEqual(signs[index], signs[index - 1], `user ${user}: ${signs.join('')} (seed ${seed})`);
        }
      }
    }
    for (let user = 1; user <= USERS; user += 1) {
      const signs = of(last.heard, user).map((entry) => entry[0]);
      assert.equal(signs[0] ?? '+', '+');
      assert.equal(signs.at(-1) === '+', there.has(user), `user ${user}: ${signs.join('')} (seed ${seed})`);
    }
  });
});
