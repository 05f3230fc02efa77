// What the demo's operator sees: health, metrics, and an end within the time that was set.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, test } from 'node:test';

import { answer, failureAs, left, TRANSPORTS } from '../lib/client.mjs';
import { database, device, directory, samples, serveDemo, startDemo, startDemoOn } from '../lib/demo.mjs';
import { run } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const get = async (url, path) => {
  const reply = await fetch(`${url}${path}`);
  return { status: reply.status, type: reply.headers.get('content-type'), text: await reply.text() };
};

describe('metrics', () => {
  const demo = serveDemo();

  test('what happens is counted, by namespace and event', async (t) => {
    assert.deepEqual(await get(demo.url, '/healthz'), { status: 200, type: 'text/plain; charset=utf-8', text: 'ok' });
    assert.equal((await get(demo.url, '/readyz')).status, 200);

    const [ann, ben] = [await device(t, demo.url, 1), await device(t, demo.url, 2)];
    const watcher = await device(t, demo.url, 1, { namespace: '/presence' });
    await answer(watcher, 'get-online-users');
    for (const socket of [ann, ben]) await answer(socket, 'join-room', { roomId: 'lobby' });
    for (let count = 0; count < 5; count += 1) {
      await answer(ann, 'send-message', { roomId: 'lobby', content: `number ${count}` });
    }
    assert.equal((await failureAs('error', ann, 'send-message', { roomId: 'lobby', content: ' ' })).code, 'EMPTY_MESSAGE');
    for (const made of ['made-up', 'by-a', 'client']) ben.emit(made);
    assert.equal((await failureAs('error', ann, 'made-up-too')).code, 'UNKNOWN_EVENT');
    await assert.rejects(device(t, demo.url, 'nobody at all'), /refused/);
    ben.disconnect();

    const messages = await eventually(
      () => samples(demo.url, 'gateway_messages_total'),
      (seen) => seen['event="(unknown)",namespace="/chat",outcome="error"'] === 5,
      'the unknown events',
    );
    const of = (event, outcome) => messages[`event="${event}",namespace="/chat",outcome="${outcome}"`];
    assert.deepEqual([of('send-message', 'ok'), of('send-message', 'error'), of('join-room', 'ok')], [5, 2, 2]);
    assert.deepEqual([of('send-message', 'failed'), of('send-message', 'overloaded')], [0, 0]);
    const events = new Set(Object.keys(messages).map((labels) => /event="([^"]*)"/.exec(labels)[1]));
    assert.deepEqual(
      [...events].filter((event) => event.startsWith('made-up')),
      [],
      'what clients make up is no label',
    );

    const reaches = (name, labels, value) =>
      eventually(
        async () => (await samples(demo.url, name))[labels],
        (seen) => seen === value,
        `${name}{${labels}} to be ${value}`,
      );
    await reaches('gateway_message_duration_seconds_count', 'event="send-message",namespace="/chat"', 7);
    await reaches('gateway_connections_total', 'namespace="/chat",outcome="accepted"', 2);
    await reaches('gateway_connections_total', 'namespace="/chat",outcome="refused"', 1);
    await reaches('gateway_connections', 'namespace="/chat"', 1);
    await reaches('gateway_connections', 'namespace="/presence"', 1);
    await reaches('gateway_disconnections_total', 'namespace="/chat",reason="client namespace disconnect"', 1);
    await reaches('gateway_users_online', 'namespace="/presence"', 1);
    // Of the room: five messages to two members. `user-joined` went to one.
    await reaches('gateway_deliveries_total', 'namespace="/chat"', 11);
    await reaches('gateway_emits_total', 'namespace="/chat"', 7);
  });

  test('WebSockets that clients on polling try are counted, with what became of them', async (t) => {
    await device(t, demo.url, 3, { transport: 'upgrade' });
    // One that is gone before it has said anything.
    const opened = await get(demo.url, '/socket.io/?EIO=4&transport=polling');
    const { sid } = JSON.parse(opened.text.slice(1));
    const { hostname, port, host } = new URL(demo.url);
    const socket = net.connect(port, hostname);
    socket.write(
      `GET /socket.io/?EIO=4&transport=websocket&sid=${sid} HTTP/1.1\r\nHost: ${host}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    const [head] = await once(socket, 'data');
    assert.match(head.toString(), /^HTTP\/1\.1 101 /);
    socket.destroy();
    const seen = await eventually(
      () => samples(demo.url, 'gateway_upgrades_total'),
      (counts) => Object.keys(counts).length === 2,
      'both',
    );
    assert.deepEqual(seen, { 'outcome="upgraded"': 1, 'outcome="closed"': 1 });
  });

  test('handshakes that are refused are counted, and every metric says what it is', async () => {
    const reply = await fetch(`${demo.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { origin: 'https://evil.example' },
    });
    assert.equal(reply.status, 403);
    assert.deepEqual(await samples(demo.url, 'gateway_handshakes_refused_total'), { 'reason="origin"': 1 });
    assert.equal((await fetch(`${demo.url}/socket.io/?EIO=3&transport=polling`)).status, 400);
    assert.deepEqual(await samples(demo.url, 'gateway_protocol_errors_total'), { 'reason="protocol_version"': 1 });
    const { text, type } = await get(demo.url, '/metrics');
    assert.match(type, /^text\/plain; version=0\.0\.4/);
    const names = new Set([...text.matchAll(/^# TYPE (gateway_\S+)/gm)].map(([, name]) => name));
    assert.ok(names.size >= 8, [...names].join(' '));
    for (const name of names) assert.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'));
  });
});

// What the demo asks its database by, and what can be held up.
async function cableTo({ hostname, port }) {
  const ends = new Set();
  let held = false;
  const pass = () => {
    for (const end of ends) if (held) end.pause(); else end.resume();
  };
  const cable = net.createServer((near) => {
    const far = net.connect(port, hostname);
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.on('data', (chunk) => other.write(chunk));
      end.on('error', () => {});
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
    }
    pass();
  });
  cable.listen(0, '127.0.0.1');
  await once(cable, 'listening');
  const hold = (on) => {
    held = on;
    pass();
  };
  const end = () => {
    cable.close();
    for (const socket of ends) socket.destroy();
  };
  return { port: cable.address().port, hold, end };
}

test('its database is part of what makes it ready', async (t) => {
  const demo = await startDemo(directory());
  t.after(() => demo.kill());
  const { status, text } = await get(demo.url, '/readyz');
  assert.deepEqual([status, JSON.parse(text)], [200, { status: 'ready', checks: { database: 'up' } }]);
});

// A file in the same machine cannot be slow to order.
if (process.env.TEST_POSTGRES_URL) {
  test('it is not ready while its database does not answer, and ready again afterwards', async (t) => {
    const url = new URL(database(directory()));
    const cable = await cableTo(url);
    t.after(cable.end);
    Object.assign(url, { hostname: '127.0.0.1', port: cable.port });
    const demo = await startDemoOn(url.href);
    t.after(() => demo.kill());
    assert.equal((await get(demo.url, '/readyz')).status, 200);

    cable.hold(true);
    const down = await eventually(() => get(demo.url, '/readyz'), ({ status }) => status === 503, 'not to be ready');
    assert.deepEqual(JSON.parse(down.text), { status: 'unavailable', checks: { database: 'down' } });
    assert.equal((await get(demo.url, '/healthz')).status, 200);

    cable.hold(false);
    await eventually(() => get(demo.url, '/readyz'), ({ status }) => status === 200, 'to be ready again');
    assert.match(demo.log, /not ready.*no answer within 750ms[^]*ready again/);
  });
}

// PostgreSQL's disk is not the demo's.
if (!process.env.TEST_POSTGRES_URL) {
  test('it is not ready while its disk is full, and ready again when there is room', async (t) => {
    // No file may grow beyond this: to the database, that is a full disk.
    const place = directory();
    const demo = await startDemoOn(database(place), 0, [], { bytes: 1 << 20 });
    t.after(() => demo.kill());
    const socket = await device(t, demo.url, 1);
    await answer(socket, 'join-room', { roomId: 'lobby' });
    assert.equal((await get(demo.url, '/readyz')).status, 200);

    const say = () => answer(socket, 'send-message', { roomId: 'lobby', content: '房'.repeat(4_000) });
    await eventually(say, ({ code }) => code !== undefined, 'the disk to be full');
    assert.equal((await say()).code, 'INTERNAL', 'told to who wants something stored');
    const down = await eventually(() => get(demo.url, '/readyz'), ({ status }) => status === 503, 'not to be ready');
    assert.deepEqual(JSON.parse(down.text), { status: 'unavailable', checks: { database: 'down' } });
    assert.match(demo.log, /not ready.*the database takes no writes/);
    assert.equal((await get(demo.url, '/healthz')).status, 200);
    assert.ok((await answer(socket, 'history', { roomId: 'lobby' })).messages.length > 0, 'what is there can be read');

    demo.mayWrite('unlimited');
    await eventually(() => get(demo.url, '/readyz'), ({ status }) => status === 200, 'to be ready again');
    assert.ok((await say()).id);
    assert.match(demo.log, /ready again/);
  });
}

test('it is not ready while it drains, and ends within its time', async (t) => {
  const demo = await startDemo(directory(), 0, ['--drain', '5s']);
  t.after(() => demo.kill());
  const phone = await device(t, demo.url, 1, { transport: 'polling' });
  const gone = left(phone);
  assert.equal((await get(demo.url, '/readyz')).status, 200);
  const begun = Date.now();
  const end = demo.stop();
  await eventually(
    () => get(demo.url, '/readyz'),
    ({ status, text }) => status === 503 && text.includes('draining'),
    'not to be ready',
  );
  assert.equal((await get(demo.url, '/healthz')).status, 200);
  await end;
  assert.ok(Date.now() - begun < 5_500);
  assert.match(await gone, /^transport/);
});

describe('asked from a container whether it is healthy', () => {
  const ask = (options) => run('demo-app', { args: ['--health-check', ...(options.args ?? [])], env: options.env });
  const portOf = (url) => new URL(url).port;

  test('it is, while it responds, on whatever address it listens', async (t) => {
    const demo = await startDemo(directory());
    t.after(() => demo.kill());
    const port = portOf(demo.url);
    for (const listen of [`127.0.0.1:${port}`, `0.0.0.0:${port}`, `localhost:${port}`, `:${port}`]) {
      assert.deepEqual(await ask({ args: ['--listen', listen] }), { code: 0, stdout: '', stderr: '' }, listen);
    }
    // As a container's own settings say it; those that do not matter may be wrong.
    assert.equal((await ask({ env: { LISTEN: `0.0.0.0:${port}`, DATABASE_URL: 'nowhere:' } })).code, 0);
  });

  test('it is also while it drains: to end it by force would not help', async (t) => {
    const demo = await startDemo(directory());
    t.after(() => demo.kill());
    // Has a second to fetch what it was sent.
    await device(t, demo.url, 1, { transport: 'polling' });
    const end = demo.stop();
    await eventually(() => get(demo.url, '/readyz'), ({ status }) => status === 503, 'not to be ready');
    assert.equal((await ask({ args: ['--listen', `:${portOf(demo.url)}`] })).code, 0);
    await end;
  });

  test('it is not where nobody listens, somebody else does, or nobody answers', async (t) => {
    const { code, stderr } = await ask({ args: ['--listen', '127.0.0.1:1'] });
    assert.equal(code, 1);
    assert.match(stderr, /^unhealthy: .*refused/);

    const other = http.createServer((_, response) => response.writeHead(404).end());
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const found = await ask({ args: ['--listen', `:${other.address().port}`] });
    assert.deepEqual(found, { code: 1, stdout: '', stderr: 'unhealthy: /healthz is answered with 404 Not Found\n' });

    const demo = await startDemo(directory());
    t.after(() => demo.kill());
    demo.child.kill('SIGSTOP');
    const begun = Date.now();
    const frozen = await ask({ args: ['--listen', `:${portOf(demo.url)}`] });
    assert.deepEqual(frozen, { code: 1, stdout: '', stderr: 'unhealthy: no answer within 2s\n' });
    // Two seconds, and what it takes to start a process on a machine that is busy.
    assert.ok(Date.now() - begun < 3_000);
  });
});

test('what a trusted proxy says of its client counts, and what anybody else says does not', async (t) => {
  const forwarded = { origin: 'https://app.example', 'x-forwarded-host': 'app.example', 'x-forwarded-proto': 'https' };
  const handshake = '/socket.io/?EIO=4&transport=polling';
  for (const [more, status] of [[[], 403], [['--trusted-proxies', '10.0.0.0/8,127.0.0.1'], 200]]) {
    const demo = await startDemo(directory(), 0, more);
    t.after(() => demo.kill());
    assert.equal((await fetch(`${demo.url}${handshake}`, { headers: forwarded })).status, status, more.join(' '));
  }
});

test('asked to stop under load, it has stored exactly what it has said yes to', async (t) => {
  const place = directory();
  let demo = await startDemo(place);
  t.after(() => demo.kill());
  const talkers = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async (user) => {
      const socket = await device(t, demo.url, user, { transport: TRANSPORTS[user % TRANSPORTS.length] });
      await answer(socket, 'join-room', { roomId: 'lobby' });
      return { socket, said: [], refused: 0, gone: left(socket).then(() => undefined) };
    }),
  );
  const talk = async (talker) => {
    for (;;) {
      const reply = new Promise((resolve) => {
        talker.socket.emit('send-message', { roomId: 'lobby', content: 'and on' }, resolve);
      });
      const told = await Promise.race([reply, talker.gone]);
      if (!told?.id) {
        if (told) assert.equal(told.code, 'SHUTTING_DOWN');
        talker.refused += told ? 1 : 0;
        return;
      }
      talker.said.push(told.id);
    }
  };
  const talking = talkers.flatMap((talker) => Array.from({ length: 3 }, () => talk(talker)));
  await eventually(() => talkers.every(({ said }) => said.length > 30), Boolean, 'everybody to talk');
  await demo.stop();
  await Promise.all(talking);
  assert.ok(talkers.some(({ refused }) => refused > 0), 'what came later was refused, and told so');

  demo = await startDemo(place);
  const reader = await device(t, demo.url, 1);
  const stored = [];
  // Smaller than the id of any message.
  for (let after = '00000000-0000-0000-0000-000000000000'; ; after = stored.at(-1)) {
    const { messages } = await answer(reader, 'history', { roomId: 'lobby', after, limit: 200 });
    stored.push(...messages.map(({ id }) => id));
    if (messages.length < 200) break;
  }
  assert.deepEqual(stored, talkers.flatMap(({ said }) => said).toSorted());
});
