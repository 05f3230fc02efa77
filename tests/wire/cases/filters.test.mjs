// Who answers for a failure, in which order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, collect, connect, failure, failureAs } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';

const server = serve('fixture');
const at = () => `${server.url}/filters`;

test('of a gateway, the last listed is asked first', async (t) => {
  const socket = await connect(t, at());
  const exceptions = collect(socket, 'exception');
  const { unasked, ...error } = await failureAs('error', socket, 'gateway');
  assert.deepEqual(error, { by: 'gateway', message: 'told', code: 'TOLD' });
  assert.deepEqual(unasked, error);
  assert.deepEqual(exceptions, [], 'one answer, not two');
});

test('a filter that fails hands its error to the next', async (t) => {
  const socket = await connect(t, at());
  const { unasked, ...error } = await failureAs('error', socket, 'passed');
  assert.deepEqual(error, { by: 'type', message: 'passed on' }, 'the error as the first left it');
  assert.deepEqual(unasked, error);
  const entries = await (await probe(t, server.url)).journal('by-type');
  assert.ok(entries.includes('passed'), 'the filter built by injection has its service');
});

test('of a method, before the gateway, the last listed first', async (t) => {
  const socket = await connect(t, at());
  const { by } = await failureAs('error', socket, 'method');
  assert.equal(by, 'last listed');
});

test('a filter catches its own error by type', async (t) => {
  const socket = await connect(t, at());
  const { unasked, ...error } = await failureAs('error', socket, 'source', 7);
  assert.deepEqual(error, { by: 'missing', id: 7 });
  assert.deepEqual(unasked, error);
});

test('no other error is caught by it', async (t) => {
  const socket = await connect(t, at());
  const other = await failureAs('error', socket, 'other-source');
  assert.equal(other.by, 'gateway');
  const bad = await failureAs('error', socket, 'source', 'not a number');
  assert.equal(bad.by, 'gateway');
  assert.equal(bad.code, 'BAD_PAYLOAD');
});

test('a filter that panics costs nothing but itself', async (t) => {
  const socket = await connect(t, at());
  const failed = anyEvent(socket);
  const acknowledged = await answer(socket, 'panicking-filter');
  const [name, error] = await failed;
  assert.ok(['error', 'exception'].includes(name));
  assert.deepEqual(acknowledged, error);
  assert.doesNotMatch(JSON.stringify(error), /secret|panicked/);
  assert.equal((await failureAs('error', socket, 'gateway')).by, 'gateway', 'still served');
});

test('a filter cannot emit what only the protocol may', async (t) => {
  const socket = await connect(t, at());
  const failed = anyEvent(socket);
  const acknowledged = await answer(socket, 'reserved-event');
  const [name, error] = await failed;
  assert.equal(name, 'exception');
  assert.equal(error.message, 'told');
  assert.deepEqual(acknowledged, error);
  assert.equal((await failureAs('error', socket, 'gateway')).by, 'gateway', 'still connected');
});

test('with nothing behind it, the default answers for a filter that panics', async (t) => {
  const socket = await connect(t, `${server.url}/bad-filter`);
  const { status, unasked } = await failure(socket, 'fails');
  assert.equal(status, 'error');
  assert.doesNotMatch(JSON.stringify(unasked), /secret|panicked/);
});

test('an unknown event and a panic go through the filters of the gateway', async (t) => {
  const socket = await connect(t, at());
  const unknown = await failureAs('error', socket, 'nobody-knows');
  assert.equal(unknown.by, 'gateway');
  assert.equal(unknown.code, 'UNKNOWN_EVENT');
  const panicked = await failureAs('error', socket, 'panics');
  assert.deepEqual(
    { by: panicked.by, message: panicked.message, code: panicked.code },
    { by: 'gateway', message: 'Internal server error', code: 'INTERNAL' },
  );
});

test('a filter knows what it answers for', async (t) => {
  const socket = await connect(t, at());
  const seen = collect(socket, 'error');
  const acknowledged = await answer(socket, 'context', 5);
  socket.emit('context', 'six');
  await answer(socket, 'gateway');
  const common = { id: socket.id, event: 'context', handler: 'context', namespace: '/filters', internal: false };
  const [asked, unasked] = seen.slice(0, 2).map(({ gateway, ...rest }) => {
    assert.match(gateway, /FiltersGateway$/);
    return rest;
  });
  assert.deepEqual(asked, { ...common, wantsAck: true, body: 5 });
  assert.deepEqual(unasked, { ...common, wantsAck: false, body: 'six' });
  assert.deepEqual(acknowledged, seen[0]);
});

describe('with a global filter', () => {
  const filtered = serve('fixture', { env: { GLOBAL_FILTER: 'on' } });

  test('it is asked after those of the gateway', async (t) => {
    const socket = await connect(t, `${filtered.url}/filters`);
    assert.equal((await failureAs('error', socket, 'gateway')).by, 'gateway');
    assert.equal((await failureAs('error', socket, 'passed')).by, 'type');
  });

  test('it answers where the gateway has none', async (t) => {
    const socket = await connect(t, `${filtered.url}/unfiltered`);
    const { unasked, ...error } = await failureAs('error', socket, 'fails', 'SOME');
    assert.deepEqual(error, { by: 'global', message: 'told', code: 'SOME' });
    assert.deepEqual(unasked, error);
    assert.equal((await failureAs('error', socket, 'nobody-knows')).by, 'global');
  });

  test('where it fails too, the default answers', async (t) => {
    const socket = await connect(t, `${filtered.url}/unfiltered`);
    const { status, code, message } = await failure(socket, 'fails', 'PASS');
    assert.deepEqual({ status, code, message }, { status: 'error', code: 'PASS', message: 'passed on' });
  });
});

// The next event of any name.
function anyEvent(socket) {
  return new Promise((resolve) => {
    socket.onAny(function heard(name, ...args) {
      socket.offAny(heard);
      resolve([name, ...args]);
    });
  });
}
