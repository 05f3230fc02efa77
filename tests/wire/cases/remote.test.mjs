// Sockets as one finds them from afar: who they are, their rooms, and what is done with many.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, ask, collect, connect, failureOnce, left, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';
import { eventually } from '../lib/wait.mjs';

const SECRET = 'fixture';
const server = serve('fixture', { env: { JWT_SECRET: SECRET } });

let users = 0;

// A device of a user, in some rooms.
async function device(t, user, rooms = [], transport = 'websocket') {
  const auth = { token: token(user, SECRET, { role: 'tester' }) };
  const socket = await connect(t, `${server.url}/remote`, { auth, transport });
  if (rooms.length > 0) await ask(socket, 'join', { to: [socket.id], rooms });
  return socket;
}

function someone() {
  users += 1;
  return users;
}

const ids = (found) => found.map(({ id }) => id).toSorted();
const idsOf = (...sockets) => sockets.map(({ id }) => id).toSorted();

for (const transport of TRANSPORTS) {
  test(`are found with who they are and their rooms, by ${transport}`, async (t) => {
    const [ann, ben] = [someone(), someone()];
    const [a, b] = [`a ${transport}`, `b ${transport}`];
    const phone = await device(t, ann, [a], transport);
    const laptop = await device(t, ann, [a, b], transport);
    const other = await device(t, ben, [b], transport);

    const everyone = await answer(phone, 'fetch', {});
    for (const [socket, user, rooms] of [[phone, ann, [a]], [laptop, ann, [a, b]], [other, ben, [b]]]) {
      const { user: identity, rooms: found } = everyone.find(({ id }) => id === socket.id);
      assert.deepEqual([identity.sub, identity.role, found], [user, 'tester', rooms]);
    }
    const found = async (whom) => ids(await answer(phone, 'fetch', whom));
    assert.deepEqual(await found({ user: ann }), idsOf(phone, laptop));
    assert.deepEqual(await found({ to: [a] }), idsOf(phone, laptop));
    assert.deepEqual(await found({ to: [a, b] }), idsOf(phone, laptop, other));
    assert.deepEqual(await found({ to: [a, b], except: [phone.id] }), idsOf(laptop, other));
    assert.deepEqual(await found({ to: [b], except: [a] }), idsOf(other));
    assert.deepEqual(await found({ to: ['nobody is here'] }), []);
    assert.deepEqual(await found({ user: 999_999 }), []);
  });
}

// Public report: https://github.com/socketio/socket.io/issues/4645
for (const transport of TRANSPORTS) {
  test(`no rooms are nobody, whatever is done, by ${transport}`, async (t) => {
    const user = someone();
    const [here, there] = [await device(t, user, ['kept'], transport), await device(t, user, ['kept'], transport)];
    const told = [here, there].map((socket) => collect(socket, 'told'));
    const rooms = async () => (await answer(here, 'fetch', { user })).map((socket) => socket.rooms);

    assert.deepEqual(await answer(here, 'fetch', { to: [] }), []);
    await ask(here, 'tell', { to: [] });
    await ask(here, 'join', { to: [], rooms: ['new'] });
    await ask(here, 'leave', { to: [], rooms: ['kept'] });
    await ask(here, 'disconnect-them', { to: [] });
    assert.deepEqual(await rooms(), [['kept'], ['kept']]);
    await answer(there, 'fetch', { to: [] });
    assert.deepEqual(told, [[], []]);

    await ask(here, 'tell', { except: [] });
    assert.equal((await answer(here, 'fetch', { to: ['kept'], except: [] })).length, 2);
    await answer(there, 'fetch', { to: [] });
    assert.deepEqual(told.map((all) => all.length), [1, 1], 'all but no rooms are all');
    await ask(here, 'join', { user, rooms: [] });
    await ask(here, 'leave', { user, rooms: [] });
    assert.deepEqual(await rooms(), [['kept'], ['kept']]);
  });
}

test('as what they are not, is an error that says what they are', async (t) => {
  const socket = await device(t, someone());
  const everyone = await answer(socket, 'fetch', {});
  const [wrong, count] = await answer(socket, 'fetch-others');
  assert.equal(wrong, 'the clients of `/remote` are known as `User`, not as `String`');
  assert.equal(count, everyone.length, 'as nobody, all of them');
});

test('each can be sent to, let in and out of rooms, and away', async (t) => {
  const user = someone();
  const [phone, laptop] = [await device(t, user, ['one']), await device(t, user, ['one'])];
  const watcher = await device(t, someone());
  const heard = [phone, laptop, watcher].map((socket) => collect(socket, 'found'));
  await ask(watcher, 'each', { user }, 'emit');
  for (const socket of [phone, laptop, watcher]) await answer(socket, 'fetch', {});
  assert.deepEqual(heard.map((all) => all.length), [1, 1, 0]);
  assert.equal(heard[0][0].sub, user);

  const rooms = async () => (await answer(watcher, 'fetch', { user })).map((socket) => socket.rooms);
  await ask(watcher, 'each', { user, rooms: ['two', 'three'] }, 'join');
  assert.deepEqual(await rooms(), [['one', 'three', 'two'], ['one', 'three', 'two']]);
  await ask(watcher, 'each', { user, rooms: ['one', 'three'] }, 'leave');
  assert.deepEqual(await rooms(), [['two'], ['two']]);

  const gone = [left(phone), left(laptop)];
  await ask(watcher, 'each', { user }, 'disconnect');
  assert.deepEqual(await Promise.all(gone), Array(2).fill('io server disconnect'));
  assert.deepEqual(await answer(watcher, 'fetch', { user }), []);
  assert.ok(watcher.connected);
});

test('one that is gone by now says so', async (t) => {
  const watcher = await device(t, someone());
  const user = someone();
  await device(t, user);
  const gone = 'the client is disconnected';
  assert.deepEqual(await answer(watcher, 'too-late', { user }), [gone, gone]);
});

test('a reserved name is not emitted, whoever it is for', async (t) => {
  const user = someone();
  const socket = await device(t, user);
  const { code } = await failureOnce('exception', socket, 'each', { user }, 'emit-reserved');
  assert.equal(code, 'INTERNAL');
  assert.ok(socket.connected);
  await eventually(
    () => server.process.log,
    (log) => log.includes('`disconnect` is reserved by the protocol'),
    'the log',
  );
});

test('rooms are joined and left by many at once', async (t) => {
  const [ann, ben] = [someone(), someone()];
  const all = [await device(t, ann, ['x']), await device(t, ann, ['y']), await device(t, ben, ['y'])];
  const [first] = all;
  const members = async (room) => ids(await answer(first, 'fetch', { to: [room] }));

  await ask(first, 'join', { user: ann, rooms: ['of ann', 'more of ann'] });
  assert.deepEqual(await members('of ann'), idsOf(all[0], all[1]));
  assert.deepEqual(await members('more of ann'), idsOf(all[0], all[1]));
  await ask(first, 'join', { to: ['y'], except: ['of ann'], rooms: ['only ben'] });
  assert.deepEqual(await members('only ben'), idsOf(all[2]));
  await ask(first, 'join', { rooms: ['everyone'] });
  for (const socket of all) assert.ok((await members('everyone')).includes(socket.id));

  await ask(first, 'leave', { to: ['x', 'y'], except: [all[1].id], rooms: ['everyone', 'of ann'] });
  assert.deepEqual(await members('of ann'), idsOf(all[1]));
  assert.ok((await members('everyone')).includes(all[1].id));
  assert.ok(!(await members('everyone')).includes(first.id));
  await ask(first, 'leave', { rooms: ['everyone'] });
  assert.deepEqual(await members('everyone'), []);
});

test('many are disconnected at once, and no others', async (t) => {
  const [ann, ben] = [someone(), someone()];
  const room = `room of ${ann}`;
  const leaving = [await device(t, ann, [room]), await device(t, ben, [room], 'polling')];
  const staying = [await device(t, ann), await device(t, ben, [room])];
  const gone = leaving.map(left);
  await ask(staying[0], 'disconnect-them', { to: [room], except: [staying[1].id] });
  assert.deepEqual(await Promise.all(gone), Array(2).fill('io server disconnect'));
  for (const socket of staying) assert.ok((await answer(socket, 'fetch', { user: ben })).length > 0);
  const all = staying.map(left);
  staying[0].emit('disconnect-them', {});
  assert.deepEqual(await Promise.all(all), Array(2).fill('io server disconnect'));
});
