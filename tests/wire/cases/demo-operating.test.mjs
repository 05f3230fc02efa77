// What the demo's operator sees: health, metrics, and an end within the time that was set.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, failureAs, left } from '../lib/client.mjs';
import { device, directory, serveDemo, startDemo } from '../lib/demo.mjs';
import { eventually } from '../lib/wait.mjs';

const get = async (url, path) => {
  const reply = await fetch(`${url}${path}`);
  return { status: reply.status, type: reply.headers.get('content-type'), text: await reply.text() };
};

// The samples of a metric: its labels in order, and the value.
async function samples(url, name) {
  const { text } = await get(url, '/metrics');
  const found = {};
  for (const line of text.split('\n')) {
    const sample = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample?.[1] === name) found[(sample[2] ?? '').split(',').toSorted().join(',')] = Number(sample[3]);
  }
  return found;
}

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

  test('handshakes that are refused are counted, and every metric says what it is', async () => {
    const reply = await fetch(`${demo.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { origin: 'https://evil.example' },
    });
    assert.equal(reply.status, 403);
    assert.deepEqual(await samples(demo.url, 'gateway_handshakes_refused_total'), { 'reason="origin"': 1 });
    const { text, type } = await get(demo.url, '/metrics');
    assert.match(type, /^text\/plain; version=0\.0\.4/);
    const names = new Set([...text.matchAll(/^# TYPE (gateway_\S+)/gm)].map(([, name]) => name));
    assert.ok(names.size >= 8, [...names].join(' '));
    for (const name of names) assert.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'));
  });
});

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
