// Presence, at its edges: clients that never quite were there, and announcements that fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, collect, connect, connected, label, left, next, open } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('fixture');
const at = () => `${server.url}/present`;

let users = 0;

// Ends in a zero: what is announced of it does not fail.
function someone() {
  users += 10;
  return users;
}

async function observer(t) {
  const socket = await connect(t, at(), { auth: { user: someone() } });
  const came = collect(socket, 'came');
  const went = collect(socket, 'went');
  // Everything that was announced before has been heard by now.
  const settled = async () => {
    const user = someone();
    await connect(t, at(), { auth: { user } });
    await eventually(() => came, (all) => all.includes(user), `${user} to be announced`);
  };
  await settled();
  return { socket, came, went, settled };
}

test('a client that is no user is told, and does not count', async (t) => {
  const { socket, came, settled } = await observer(t);
  for (const user of [undefined, 'ann', '-7', '1.5', '']) {
    const client = open(t, at(), { auth: { user } });
    const gone = left(client);
    const [error] = await next(client, 'exception');
    assert.deepEqual([error.code, error.message], ['INTERNAL', 'Internal server error'], user);
    assert.equal(await gone, 'io server disconnect');
  }
  const before = await answer(socket, 'who');
  await settled();
  assert.equal((await answer(socket, 'who')).length, before.length + 1);
  assert.equal(came.length, new Set(came).size);
  assert.match(server.process.log, /the authenticator did not name a user/);
  assert.match(server.process.log, /the user id `ann` is not a valid `u64`/);
});

test('a client that the connection hook refuses was never there', async (t) => {
  const { socket, came, settled } = await observer(t);
  const user = someone();
  const client = open(t, at(), { auth: { user, refuse: true } });
  assert.equal(await left(client), 'io server disconnect');
  await settled();
  assert.ok(!came.includes(user));
  assert.deepEqual(await answer(socket, 'devices', user), { devices: [], online: false });
});

test('a client that leaves during the connection hook was never there', async (t) => {
  const inside = await probe(t, server.url);
  const { came, settled } = await observer(t);
  const auth = { user: someone(), ms: 200, label: label() };
  const client = await connected(open(t, at(), { auth }));
  client.disconnect();
  await inside.until(auth.label, (entries) => entries.includes('gone'));
  await settled();
  assert.ok(!came.includes(auth.user));
});

test('a user counts from the end of the connection hook', async (t) => {
  const { socket, came } = await observer(t);
  const user = someone();
  const client = open(t, at(), { auth: { user, ms: 300 } });
  await connected(client);
  assert.ok(!(await answer(socket, 'who')).includes(user));
  assert.ok((await answer(client, 'who')).includes(user), 'before its first message is handled');
  await eventually(() => came, (all) => all.includes(user), 'the announcement');
});

test('devices are known by their sockets', async (t) => {
  const user = someone();
  const first = await connect(t, at(), { auth: { user } });
  await answer(first, 'who');
  const second = await connect(t, at(), { auth: { user } });
  await answer(second, 'who');
  const both = { devices: [first.id, second.id], online: true };
  assert.deepEqual(await answer(second, 'devices', user), both);
  first.disconnect();
  const one = { devices: [second.id], online: true };
  await eventually(
    () => answer(second, 'devices', user),
    (seen) => JSON.stringify(seen) === JSON.stringify(one),
    'one device',
  );
});

test('an announcement that fails costs nothing but itself', async (t) => {
  const { socket, came, went, settled } = await observer(t);
  for (const [failing, ended] of [[7, 'panicked'], [8, 'failed']]) {
    const user = someone() + failing;
    const client = await connect(t, at(), { auth: { user } });
    assert.ok((await answer(client, 'who')).includes(user), 'the user is there all the same');
    client.disconnect();
    await eventually(() => went, (all) => all.includes(user), `${user} to be gone`);
    assert.ok(!came.includes(user));
    assert.match(server.process.log, new RegExp(`an announcement ${ended}`));
  }
  // One that hangs: nobody else waits for it.
  const hanging = someone() + 9;
  await connect(t, at(), { auth: { user: hanging } });
  await settled();
  assert.ok((await answer(socket, 'who')).includes(hanging));
});

// What an observer of `/crowd` hears: how many packets, and who is online by them.
async function watchCrowd(t) {
  const user = someone();
  const known = { packets: 0, online: new Set(), seen: new Set() };
  const prepare = (socket) => socket.on('changed', (online, offline) => {
    known.packets += 1;
    for (const one of online) {
      assert.ok(!known.online.has(one), `${one} comes twice`);
      known.online.add(one);
      known.seen.add(one);
    }
    // Who was there before it came may go.
    for (const one of offline) assert.equal(known.online.delete(one), known.seen.has(one), `${one} goes twice`);
  });
  const socket = await connected(open(t, `${server.url}/crowd`, { auth: { user }, prepare }));
  await eventually(() => [...known.online], (all) => all.includes(user), 'the observer itself');
  return { socket, user, known };
}

test('a herd of users is told in a handful of packets', async (t) => {
  const { socket, user, known } = await watchCrowd(t);
  const herd = Array.from({ length: 200 }, someone);
  const here = () => herd.filter((one) => known.online.has(one)).length;
  // Ten packets a second, and one or two for where the seconds begin and end.
  const most = (since) => 2 + (performance.now() - since) / 100;

  const arriving = { since: performance.now(), packets: known.packets };
  const all = await Promise.all(herd.map((one) => connect(t, `${server.url}/crowd`, { auth: { user: one } })));
  await eventually(here, (count) => count === herd.length, 'the arrivals');
  assert.ok(known.packets - arriving.packets <= most(arriving.since), `${known.packets} packets`);
  const online = await answer(socket, 'who');
  assert.deepEqual(online.filter((one) => one === user || herd.includes(one)), [user, ...herd]);

  const leaving = { since: performance.now(), packets: known.packets };
  for (const one of all) one.disconnect();
  await eventually(here, (count) => count === 0, 'the departures');
  assert.ok(known.packets - leaving.packets <= most(leaving.since), `${known.packets} packets`);
  assert.ok(!(await answer(socket, 'who')).some((one) => herd.includes(one)));
});

test('an announcement of many that panics costs nothing but itself', async (t) => {
  const { socket, known } = await watchCrowd(t);
  const failing = someone() + 7;
  await connect(t, `${server.url}/crowd`, { auth: { user: failing } });
  await eventually(() => server.process.log, (log) => log.includes('an announcement of many panicked'), 'the panic');
  assert.ok((await answer(socket, 'who')).includes(failing), 'the user is there all the same');
  const after = someone();
  await connect(t, `${server.url}/crowd`, { auth: { user: after } });
  await eventually(() => [...known.online], (all) => all.includes(after), 'who comes after it');
  assert.ok(!known.online.has(failing));
});
