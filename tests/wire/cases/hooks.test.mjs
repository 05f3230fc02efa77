// The life of a connection: its hooks run once, in order, and nothing of it stays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, connected, cut, failure, label, left, next, open, pause, TRANSPORTS } from '../lib/client.mjs';
import { goneIn, probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { sleep, within } from '../lib/wait.mjs';

const server = serve('fixture');
const at = () => `${server.url}/hooks`;

const hasGone = (entries) => goneIn(entries).length > 0;

// That there is one such entry, and that no second one follows the first.
async function exactlyOneGone(inside, key) {
  await inside.until(key, hasGone, `the disconnect hook of ${key}`);
  await sleep(100);
  const entries = await inside.journal(key);
  const gone = goneIn(entries);
  assert.equal(gone.length, 1, JSON.stringify(entries));
  return { entries, gone: gone[0] };
}

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('messages wait for the connection hook, in order', async (t) => {
      const inside = await probe(t, server.url);
      const auth = { label: label(), connect_ms: 300 };
      const socket = open(t, at(), { transport, auth });
      const said = Array.from({ length: 50 }, (_, word) => word);
      const acks = new Promise((resolve) => {
        socket.once('connect', () => resolve(Promise.all(said.map((word) => answer(socket, 'say', word)))));
      });
      assert.deepEqual(await acks, said);
      assert.deepEqual(await inside.journal(auth.label), ['connecting', 'connected', ...said]);
    });

    test('what the connection hook emits is the first thing heard', async (t) => {
      const socket = open(t, at(), { transport, auth: { label: label() } });
      const [id] = await next(socket, 'welcome');
      assert.equal(id, socket.id);
    });

    test('an error of the connection hook is told, then the client is let go', async (t) => {
      const inside = await probe(t, server.url);
      for (const [how, code, message] of [
        ['refuse', 'CLOSED', 'not today'],
        ['fail', 'INTERNAL', 'Internal server error'],
        ['panic', 'INTERNAL', 'Internal server error'],
      ]) {
        const auth = { label: label(), connect: how, connect_ms: 50, rooms: [`room of ${how}`] };
        const socket = open(t, at(), { transport, auth });
        const told = collect(socket, 'exception');
        const gone = left(socket);
        socket.on('connect', () => socket.emit('say', 'never'));
        // Its message may come when it is already sent away, by the WebSocket, too, that it goes over to.
        assert.equal(await gone, 'io server disconnect', how);
        // The hook's own error, and the same again for the message that waited for it.
        assert.ok(told.length > 0, how);
        for (const error of told) {
          assert.deepEqual([error.status, error.code, error.message], ['error', code, message], how);
        }
        assert.doesNotMatch(JSON.stringify(told), /secret/);

        const { entries, gone: hook } = await exactlyOneGone(inside, auth.label);
        assert.deepEqual(entries.slice(0, 2), ['connecting', 'connected'], how);
        assert.equal(entries.length, 3, 'no message of a refused client is handled');
        assert.ok(hook.rooms.includes(`room of ${how}`));
      }
    });

    test('the disconnect hook sees the reason and the rooms', async (t) => {
      const inside = await probe(t, server.url);
      const auth = { label: label(), rooms: ['a', 'b'] };
      const socket = await connect(t, at(), { transport, auth });
      await answer(socket, 'say', 'hello');
      const { rooms } = await inside.held('/hooks');
      assert.ok(rooms.includes('a') && rooms.includes('b'));
      socket.disconnect();
      const { gone } = await exactlyOneGone(inside, auth.label);
      assert.deepEqual(
        gone.rooms.filter((room) => room !== socket.id),
        ['a', 'b'],
      );
      assert.equal(gone.gone, 'client namespace disconnect');
      await inside.empty('/hooks');
    });

    test('a disconnect hook that panics leaves neither socket nor room', async (t) => {
      const inside = await probe(t, server.url);
      const sockets = await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const auth = { label: label(), rooms: [`panic-${number}`, 'shared'], disconnect: 'panic' };
          const socket = await connect(t, at(), { transport, auth });
          await answer(socket, 'say', 'hello');
          return { socket, auth };
        }),
      );
      assert.equal((await inside.held('/hooks')).sockets, 20);
      for (const { socket } of sockets) socket.disconnect();
      await inside.empty('/hooks');
      for (const { auth } of sockets) await exactlyOneGone(inside, auth.label);
    });
  });
}

test('a client that leaves during the connection hook', async (t) => {
  const inside = await probe(t, server.url);
  for (const leave of [(socket) => socket.disconnect(), cut]) {
    const auth = { label: label(), connect_ms: 300, rooms: ['early'] };
    const socket = await connected(open(t, at(), { auth }));
    await inside.until(auth.label, (entries) => entries.length > 0);
    leave(socket);
    const { entries } = await exactlyOneGone(inside, auth.label);
    assert.deepEqual(entries.slice(0, 2), ['connecting', 'connected'], 'not before it has ended');
    await inside.empty('/hooks');
  }
});

test('each way to go has its reason', async (t) => {
  const inside = await probe(t, server.url);
  const reasons = {};
  const ways = {
    leaves: (socket) => socket.disconnect(),
    cut,
    kicked: (socket) => socket.emit('kick-me'),
  };
  for (const [way, go] of Object.entries(ways)) {
    const auth = { label: label(), rooms: [way] };
    const socket = await connect(t, at(), { auth });
    await answer(socket, 'say', 'hello');
    go(socket);
    const { gone } = await exactlyOneGone(inside, auth.label);
    assert.ok(gone.rooms.includes(way), `${way}: the rooms are visible`);
    reasons[way] = gone.gone;
  }
  assert.equal(reasons.leaves, 'client namespace disconnect');
  assert.match(reasons.cut, /^transport (close|error)$/);
  assert.equal(reasons.kicked, 'server namespace disconnect');
  await inside.empty('/hooks');
});

test('one of two namespaces of a client goes alone', async (t) => {
  const inside = await probe(t, server.url);
  const auth = { label: label() };
  const hooks = await connect(t, at(), { auth });
  const other = hooks.io.socket('/extractors');
  t.after(() => other.disconnect());
  await connected(other);
  hooks.disconnect();
  await exactlyOneGone(inside, auth.label);
  assert.equal(await answer(other, 'id'), other.id);
});

test('a client that comes back is a new connection', async (t) => {
  const inside = await probe(t, server.url);
  const auth = { label: label() };
  const socket = await connect(t, at(), { auth });
  const { id } = socket;
  await answer(socket, 'say', 1);
  socket.disconnect();
  await inside.until(auth.label, hasGone);
  socket.connect();
  await connected(socket);
  assert.notEqual(socket.id, id);
  assert.equal(await answer(socket, 'say', 2), 2);
  socket.disconnect();
  const entries = await inside.until(auth.label, (all) => goneIn(all).length === 2);
  assert.deepEqual(
    entries.map((entry) => entry.gone !== undefined ? 'gone' : entry),
    ['connecting', 'connected', 1, 'gone', 'connecting', 'connected', 2, 'gone'],
  );
});

test('messages in hand do not hold the disconnect hook back, nor the other way round', async (t) => {
  const inside = await probe(t, server.url);
  const auth = { label: label(), disconnect_ms: 1_500 };
  const socket = await connect(t, at(), { auth });
  for (let count = 0; count < 10; count += 1) socket.emit('slow', 500);
  await answer(socket, 'say', 'hello');
  socket.disconnect();
  const entries = await inside.until(auth.label, (all) => all.includes('gone done'));
  const steps = entries.map((entry) => (entry.gone === undefined ? entry : 'gone'));
  assert.deepEqual(steps, ['connecting', 'connected', 'hello', 'gone', ...Array(10).fill('slow done'), 'gone done']);
  await inside.empty('/hooks');
});

test('a slow disconnect hook keeps nobody else waiting', async (t) => {
  const inside = await probe(t, server.url);
  const slow = { label: label(), disconnect_ms: 3_000 };
  const leaving = await Promise.all(
    Array.from({ length: 10 }, () => connect(t, at(), { auth: slow })),
  );
  for (const socket of leaving) await answer(socket, 'say', 'hello');
  for (const socket of leaving) socket.disconnect();
  const auth = { label: label() };
  const socket = await connect(t, at(), { auth });
  assert.equal(await answer(socket, 'say', 'hello'), 'hello');
  socket.disconnect();
  await inside.until(auth.label, hasGone);
  await inside.empty('/hooks');
  assert.equal(goneIn(await inside.journal(slow.label)).length, 10);
});

describe('with a short handler_grace', () => {
  const guest = async (t, more = {}) => {
    const auth = { label: label(), ...more };
    return { auth, socket: await connect(t, `${server.url}/short-grace`, { auth }) };
  };

  test('a disconnect hook that hangs is dropped, and holds up nobody else', async (t) => {
    const inside = await probe(t, server.url);
    const hanging = await Promise.all(
      Array.from({ length: 5 }, () => guest(t, { disconnect: 'hang' })),
    );
    const other = await guest(t);
    for (const { socket } of hanging) socket.disconnect();
    for (const { auth } of hanging) await inside.until(auth.label, (entries) => entries.length > 0);
    other.socket.disconnect();
    assert.deepEqual(
      await inside.until(other.auth.label, (entries) => entries.length === 3),
      ['hook', 'hook done', 'hook dropped'],
    );
    for (const { auth } of hanging) {
      const entries = await inside.until(auth.label, (all) => all.includes('hook dropped'));
      assert.deepEqual(entries, ['hook', 'hook dropped']);
    }
    await inside.empty('/short-grace');
  });

  test('a handler that hangs is dropped when its client has left, and not before', async (t) => {
    const inside = await probe(t, server.url);
    for (const leave of [(socket) => socket.disconnect(), cut]) {
      const { auth, socket } = await guest(t);
      socket.emit('hang');
      await inside.until(auth.label, (entries) => entries.includes('handler'));
      await sleep(500);
      assert.deepEqual(await inside.journal(auth.label), ['handler']);
      leave(socket);
      assert.deepEqual(
        await inside.until(auth.label, (entries) => entries.includes('handler dropped')),
        ['handler', 'hook', 'hook done', 'hook dropped', 'handler dropped'],
      );
    }
    await inside.empty('/short-grace');
  });

  test('a handler that ends within it is let end', async (t) => {
    const inside = await probe(t, server.url);
    const { auth, socket } = await guest(t);
    socket.emit('finish');
    await inside.until(auth.label, (entries) => entries.includes('handler'));
    socket.disconnect();
    await inside.until(auth.label, (entries) => entries.includes('handler done'));
  });
});

test('two hundred clients that go in every way leave nothing', async (t) => {
  const inside = await probe(t, server.url);
  const auths = await Promise.all(
    Array.from({ length: 200 }, async (_, number) => {
      const transport = TRANSPORTS[number % 3];
      const auth = { label: label(), rooms: [`of ${number}`, 'all'], connect_ms: number % 20 };
      const socket = await connect(t, at(), { transport, auth });
      if (number % 2) socket.emit('slow', 30);
      if (number % 5 === 0) socket.emit('kick-me');
      else if (transport !== 'polling' && number % 3) cut(socket);
      else socket.disconnect();
      return auth;
    }),
  );
  await within(inside.empty('/hooks'), 'an empty namespace');
  for (const auth of auths) {
    const entries = await inside.until(auth.label, hasGone);
    assert.equal(goneIn(entries).length, 1, JSON.stringify(entries));
  }
});

test('gateways are ready before the first connection', async (t) => {
  const inside = await probe(t, server.url);
  assert.deepEqual(await inside.journal('after-init'), [0]);
});

describe('with a short heartbeat', () => {
  const strict = serve('fixture', { env: { PING_INTERVAL_MS: '300', PING_TIMEOUT_MS: '300' } });

  test('a polling client that vanishes is gone after it', async (t) => {
    const inside = await probe(t, strict.url);
    const auth = { label: label(), rooms: ['vanished'] };
    await vanish(strict.url, '/hooks', auth);
    const { gone } = await exactlyOneGone(inside, auth.label);
    assert.equal(gone.gone, 'ping timeout');
    assert.ok(gone.rooms.includes('vanished'));
    await inside.empty('/hooks');
  });

  test('a client that answers its pings stays', async (t) => {
    for (const transport of TRANSPORTS) {
      const socket = await connect(t, `${strict.url}/hooks`, { transport, auth: { label: label() } });
      await sleep(1_500);
      assert.ok(socket.connected, transport);
      assert.deepEqual(await ask(socket, 'say', 'still here'), ['still here']);
    }
  });

  test('a websocket client that stops reading is gone after it', async (t) => {
    const inside = await probe(t, strict.url);
    const auth = { label: label(), rooms: ['deaf'] };
    const socket = await connect(t, `${strict.url}/hooks`, { auth });
    await answer(socket, 'say', 'hello');
    // It neither reads nor writes any more, and the connection stays open.
    pause(t, socket);
    socket.io.engine.transport.ws._socket.cork();
    await exactlyOneGone(inside, auth.label);
    await inside.empty('/hooks');
  });
});

test('an unknown event in a namespace with hooks is told as anywhere', async (t) => {
  const socket = await connect(t, at(), { auth: { label: label() } });
  assert.equal((await failure(socket, 'nobody-knows')).code, 'UNKNOWN_EVENT');
});

// A polling client by hand, which connects and is never heard of again.
async function vanish(url, namespace, auth) {
  const base = `${url}/socket.io/?EIO=4&transport=polling`;
  const opened = await (await fetch(base)).text();
  const { sid } = JSON.parse(opened.slice(1));
  const posted = await fetch(`${base}&sid=${sid}`, {
    method: 'POST',
    body: `40${namespace},${JSON.stringify(auth)}`,
  });
  assert.equal(posted.status, 200);
  assert.match(await (await fetch(`${base}&sid=${sid}`)).text(), /40/);
}
