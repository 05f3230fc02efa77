// SIGTERM: every disconnect hook runs once, to its end, and the process ends well.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, connect, connected, failureOnce, label, left, open, refusal, TRANSPORTS } from '../lib/client.mjs';
import { polling, text, websocket } from '../lib/raw.mjs';
import { start } from '../lib/server.mjs';
import { eventually, sleep, within } from '../lib/wait.mjs';

test('hooks of all clients run before the server ends', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  const clients = await Promise.all(
    Array.from({ length: 30 }, async (_, number) => {
      const auth = { label: label(), disconnect_ms: 300 };
      const transport = TRANSPORTS[number % 3];
      const socket = await connect(t, `${server.url}/hooks`, { transport, auth });
      await answer(socket, 'say', 'hello');
      return { auth, socket, gone: left(socket) };
    }),
  );
  await server.stop();
  for (const { auth, gone } of clients) {
    await gone;
    const lines = server.lines.filter((line) => line.startsWith(`gone ${auth.label}:`));
    assert.deepEqual(lines, [`gone ${auth.label}: server shutting down`]);
  }
  assert.equal(server.lines.at(-1), 'stopped');
});

test('a server nobody is connected to ends at once', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  await server.stop();
});

test('a client that has joined nothing hears why, and keeps nobody', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  const stranger = await websocket(t, server.url, { greet: '' });
  await eventually(() => stranger.heard, ([open]) => open?.startsWith('0{'), 'the session');
  await server.stop();
  await eventually(() => stranger.heard, (heard) => heard.at(-1) === 'end', 'the end');
  assert.deepEqual(stranger.heard.at(-2), { code: 1001, reason: 'server shutting down' });
});

// What a client on polling is between its good-bye to a namespace and the end of its session.
test('a client that has left every namespace keeps nobody, and its poll is answered', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  const polls = await polling(server.url, { label: label() });
  const streams = await websocket(t, server.url);
  const poll = polls.get();
  await polls.post('41/hooks,');
  streams.send(text('41/hooks,'));
  await eventually(() => server.lines.filter((line) => line.startsWith('gone ')), ({ length }) => length === 2, 'the good-byes');
  // Until the poll has come, too.
  await sleep(500);
  assert.ok((await stopped(server)) < 5_000);
  assert.equal((await poll).status, 200);
  await eventually(() => streams.heard, (heard) => heard.at(-1) === 'end', 'the end');
  assert.deepEqual(streams.heard.at(-2), { code: 1001, reason: 'server shutting down' });
});

// Ends the server as an operator does, and tells how long that took, in milliseconds.
async function stopped(server, how) {
  const begun = Date.now();
  await server.stop(how);
  return Date.now() - begun;
}

const lines = (server, word) =>
  server.lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

test('under load, every message that was taken is answered', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  let running = true;
  const clients = await Promise.all(
    Array.from({ length: 30 }, async (_, number) => {
      const auth = { label: label() };
      const transport = TRANSPORTS[number % 3];
      const socket = await connect(t, `${server.url}/drain`, { transport, auth });
      return { auth, socket, transport, sent: 0, answered: new Set(), refused: 0, gone: left(socket) };
    }),
  );
  // As many at once as a client has hands.
  const hand = async (client) => {
    while (running) {
      const number = client.sent;
      client.sent += 1;
      const answer = new Promise((resolve) => {
        client.socket.emit('work', number, (number * 37) % 120, resolve);
      });
      const told = await Promise.race([answer, client.gone]);
      if (told === number) client.answered.add(number);
      else {
        if (told.code === 'SHUTTING_DOWN') client.refused += 1;
        return;
      }
    }
  };
  const work = clients.flatMap((client) => Array.from({ length: 5 }, () => hand(client)));
  await eventually(
    () => clients.every(({ answered }) => answered.size > 20),
    (busy) => busy,
    'everybody to be at work',
  );
  const took = await stopped(server);
  running = false;
  await Promise.all(work);
  await Promise.all(clients.map(({ gone }) => gone));

  const unanswered = [];
  for (const taken of lines(server, 'took')) {
    const [who, number] = taken.split(' ');
    const client = clients.find(({ auth }) => auth.label === who);
    if (!client.answered.has(Number(number))) {
      unanswered.push(`${number} of ${client.sent}, by ${client.transport}`);
    }
  }
  assert.deepEqual(unanswered, []);
  assert.ok(clients.some(({ refused }) => refused > 0), 'what came later was refused, and told so');
  assert.deepEqual(
    lines(server, 'left').toSorted(),
    clients.map(({ auth }) => auth.label).toSorted(),
    'every hook ran, once',
  );
  assert.ok(took < 5_000, `${took} ms, though nothing hangs`);
});

test('while it is draining, it says so and takes nobody', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  const status = async (path) => {
    const reply = await fetch(`${server.url}${path}`);
    return [reply.status, await reply.text()];
  };
  assert.deepEqual(await status('/readyz'), [200, '{"status":"ready"}']);
  assert.deepEqual(await status('/healthz'), [200, 'ok']);

  const clients = [];
  for (const transport of TRANSPORTS) {
    const auth = { label: label() };
    const socket = await connect(t, `${server.url}/drain`, { transport, auth });
    clients.push({ socket, inHand: answer(socket, 'work', 7, 2_500), gone: left(socket) });
  }
  await eventually(() => lines(server, 'took'), (taken) => taken.length === 3, 'messages in hand');
  const end = stopped(server);
  await eventually(() => status('/readyz'), ([code]) => code === 503, 'not to be ready');
  assert.deepEqual(await status('/readyz'), [503, '{"status":"draining"}']);
  assert.deepEqual(await status('/healthz'), [200, 'ok']);
  await Promise.all(TRANSPORTS.map((transport) => refusal(t, `${server.url}/drain`, { transport })));
  const { status: code } = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
  assert.equal(code, 503);
  const drained = clients.map(async ({ socket, inHand, gone }) => {
    // Another namespace on a line that is open.
    const other = socket.io.socket('/extractors');
    const refused = new Promise((resolve) => other.once('connect_error', resolve));
    const { message } = await within(refused, 'a refusal');
    assert.equal(message, 'The server is shutting down');
    assert.equal((await failureOnce('exception', socket, 'work', 8, 0)).code, 'SHUTTING_DOWN');
    assert.equal(await inHand, 7);
    // So that the client comes back by itself, elsewhere.
    assert.match(await gone, /^transport (close|error)$/);
  });
  await Promise.all(drained);
  await end;
});

test('what hangs does not keep it', async (t) => {
  const server = await start('fixture', { env: { DRAIN_TIMEOUT_MS: '2000' } });
  t.after(() => server.kill());
  const auths = [];
  const client = async (namespace, transport, more = {}) => {
    const auth = { label: label(), ...more };
    auths.push(auth);
    return connected(open(t, `${server.url}${namespace}`, { transport, auth }));
  };
  for (const transport of TRANSPORTS) {
    for (const namespace of ['/drain', '/drain-in-line']) {
      const socket = await client(namespace, transport);
      for (let count = 0; count < 3; count += 1) socket.emit('hang');
    }
    await client('/drain', transport, { hang: true });
    await client('/drain-in-line', transport, { stuck: true });
  }
  // In line behind one that hangs: it has not begun, so it is told that it never will.
  const waiting = await client('/drain-in-line', 'websocket');
  waiting.emit('hang');
  const behind = failureOnce('exception', waiting, 'hang');
  const quick = await client('/drain', 'websocket');
  assert.equal(await answer(quick, 'work', 1, 0), 1);
  // What hangs is ended by force, and whoever started the server is told so.
  const took = await stopped(server, { code: 70 });
  assert.ok(took < 3_000, `${took} ms`);
  assert.equal((await behind).code, 'SHUTTING_DOWN');
  assert.deepEqual(lines(server, 'left').toSorted(), auths.map((auth) => auth.label).toSorted());
  assert.match(server.log, /some messages in hand were not answered in time/);
  assert.match(server.log, /some on_disconnect hooks did not end in time/);
});

test('a handler that blocks its thread does not keep it', async (t) => {
  const server = await start('fixture', { env: { DRAIN_TIMEOUT_MS: '1000' } });
  t.after(() => server.kill());
  const socket = await connect(t, `${server.url}/drain`, { auth: { label: label() } });
  socket.emit('block');
  await eventually(() => lines(server, 'blocking'), (blocking) => blocking.length > 0, 'the handler');
  // By force, and whoever started it is told so.
  assert.ok((await stopped(server, { code: 70 })) < 2_000);
});

test('a second signal ends it at once', async (t) => {
  const server = await start('fixture', { env: { DRAIN_TIMEOUT_MS: '15000' } });
  t.after(() => server.kill());
  const socket = await connect(t, `${server.url}/drain`, { auth: { label: label() } });
  socket.emit('hang');
  await answer(socket, 'work', 1, 0);
  const begun = Date.now();
  server.child.kill('SIGINT');
  await eventually(() => server.log.includes('asked to stop'), Boolean, 'the first signal');
  await server.stop({ code: 70 });
  assert.ok(Date.now() - begun < 5_000);
});
