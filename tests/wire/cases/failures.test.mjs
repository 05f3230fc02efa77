// Never silence, and never a word about the inside.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, failure, failureOnce, frames, label, TRANSPORTS } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('fixture');
const at = () => `${server.url}/failures`;

const INTERNAL = ['INTERNAL', 'Internal server error'];

// The event, and the code and message its sender is told.
const FAILURES = {
  'refused': ['REFUSED', 'not allowed'],
  'plain': ['EXCEPTION', 'plainly wrong'],
  'internal': INTERNAL,
  'internal-by-type': INTERNAL,
  'panics': INTERNAL,
  'panics-later': INTERNAL,
  'panics-oddly': INTERNAL,
  'panicking-extractor': INTERNAL,
  'failing-extractor': INTERNAL,
  'panicking-deserialize': INTERNAL,
  'panicking-emit': INTERNAL,
  'failing-emit': INTERNAL,
  'panicking-room-emit': INTERNAL,
};

// What fails only on the way into an acknowledgement.
const REPLIES = ['panicking-reply', 'failing-reply', 'panicking-manual-ack'];

const INSIDE = /secret|panicked|\.rs\b|tests::|fixture|serde|socketioxide|SELECT|PanicsWhen|FailsWhen/i;

// The connection is as good as before, and heard nothing it should not.
async function goesOn(socket, id, seen, event) {
  assert.equal(await answer(socket, 'works'), 'works');
  assert.equal(socket.id, id);
  assert.ok(socket.connected);
  const inside = seen.filter((frame) => INSIDE.test(frame.replaceAll(event, '')));
  assert.deepEqual(inside, [], 'nothing internal reaches the client');
}

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    for (const [event, [code, message]] of Object.entries(FAILURES)) {
      test(`${event} is told, and costs one message`, async (t) => {
        const socket = await connect(t, at(), { transport });
        const { id } = socket;
        const seen = frames(socket);
        const { unasked, ...error } = await failure(socket, event, 'given');
        const told = { status: 'error', message, code, cause: { pattern: event, data: 'given' } };
        assert.deepEqual(error, told);
        assert.deepEqual(unasked, told);
        await goesOn(socket, id, seen, event);
      });
    }

    for (const event of REPLIES) {
      test(`${event} is told where it was asked for`, async (t) => {
        const socket = await connect(t, at(), { transport });
        const { id } = socket;
        const seen = frames(socket);
        const { code, message } = await failureOnce('exception', socket, event);
        assert.deepEqual([code, message], INTERNAL);
        const exceptions = collect(socket, 'exception');
        socket.emit(event);
        await goesOn(socket, id, seen, event);
        assert.deepEqual(exceptions, [], 'nobody asked, so nothing had to be encoded');
      });
    }

    test('an event that cannot be encoded is told', async (t) => {
      const socket = await connect(t, at(), { transport });
      const exceptions = collect(socket, 'exception');
      const answered = collect(socket, 'answered');
      assert.equal((await ask(socket, 'panicking-response')).length <= 1, true);
      socket.emit('panicking-response');
      assert.equal(await answer(socket, 'works'), 'works');
      assert.deepEqual(
        exceptions.map(({ code }) => code),
        ['INTERNAL', 'INTERNAL'],
      );
      assert.deepEqual(answered, []);
    });

    test('a panic among a hundred messages costs that one', async (t) => {
      const socket = await connect(t, at(), { transport });
      const exceptions = collect(socket, 'exception');
      const all = await Promise.all(
        Array.from({ length: 100 }, (_, number) =>
          answer(socket, number % 10 === 3 ? 'panics' : 'works'),
        ),
      );
      assert.equal(all.filter((reply) => reply === 'works').length, 90);
      assert.equal(all.filter((reply) => reply.code === 'INTERNAL').length, 10);
      assert.equal(exceptions.length, 10);
    });
  });
}

test('an event nobody handles', async (t) => {
  const socket = await connect(t, at());
  for (const event of ['unknown', 'WORKS', 'works ', '消息', 'constructor', '__proto__']) {
    const { unasked, cause, ...error } = await failure(socket, event, 1);
    assert.deepEqual(error, { status: 'error', message: 'No handler for this event', code: 'UNKNOWN_EVENT' });
    assert.deepEqual(cause, { pattern: event, data: 1 });
    assert.equal(unasked.code, 'UNKNOWN_EVENT');
  }
  assert.equal(await answer(socket, 'works'), 'works');
});

test('a body of the wrong kind', async (t) => {
  const socket = await connect(t, at());
  const bodies = [{}, null, 'text', 5, [], { amount: -1 }, { amount: '1' }, { amount: 1.5 }, { Amount: 1 }];
  for (const body of bodies) {
    const { unasked, ...error } = await failure(socket, 'amount', body);
    assert.equal(error.code, 'BAD_PAYLOAD');
    assert.equal(error.status, 'error');
    assert.deepEqual(error.cause, { pattern: 'amount', data: body });
    const told = JSON.stringify({ ...error, cause: null });
    assert.doesNotMatch(told, /struct|Amount\b|u32|serde|tests::|line \d/);
    assert.deepEqual(unasked, error);
  }
  assert.equal((await failure(socket, 'amount')).code, 'BAD_PAYLOAD');
  assert.equal((await failure(socket, 'amount', Buffer.from('x'))).code, 'BAD_PAYLOAD');
  assert.deepEqual(await answer(socket, 'amount', { amount: 1, extra: true }), { amount: 1 });
});

describe('the cause', () => {
  test('holds what was sent: one argument, or all of them', async (t) => {
    const socket = await connect(t, at());
    assert.deepEqual((await failure(socket, 'blame', { a: 1 })).cause, {
      pattern: 'blame',
      data: { a: 1 },
    });
    assert.equal((await failure(socket, 'blame', null)).cause.data, null);
  });

  test('is cut at 1 KiB', async (t) => {
    const socket = await connect(t, at());
    for (const character of ['x', '消', '😀']) {
      const body = { text: character.repeat(50_000) };
      const { cause } = await failure(socket, 'blame', body);
      assert.equal(cause.pattern, 'blame');
      const size = Buffer.byteLength(
        typeof cause.data === 'string' ? cause.data : JSON.stringify(cause.data ?? ''),
      );
      assert.ok(size <= 1200, `${size} bytes of ${character}`);
      assert.doesNotMatch(JSON.stringify(cause), /\\ufffd|\uFFFD/i, 'no character cut in two');
    }
  });

  test('stays whole where it is small', async (t) => {
    const socket = await connect(t, at());
    const body = { text: 'x'.repeat(900) };
    assert.deepEqual((await failure(socket, 'blame', body)).cause.data, body);
  });
});

describe('without the cause', () => {
  const quiet = serve('fixture', { env: { INCLUDE_CAUSE: 'off' } });

  test('an error does not repeat what was sent', async (t) => {
    const socket = await connect(t, `${quiet.url}/failures`);
    const { unasked, ...error } = await failure(socket, 'refused', 'given');
    assert.deepEqual(error, { status: 'error', message: 'not allowed', code: 'REFUSED' });
    assert.deepEqual(unasked, error);
    const { unasked: again, ...unknown } = await failure(socket, 'unknown', 'given');
    assert.equal(unknown.cause, undefined);
    assert.equal(again.cause, undefined);
  });
});

test('the log has what the client is not told', async (t) => {
  const socket = await connect(t, at());
  await failure(socket, 'internal');
  await failure(socket, 'panics');
  const { log } = server.process;
  assert.match(log, /secret: SELECT password/);
  assert.match(log, /secret: the handler panicked/);
});

test('a handler that fails because its client left is not reported as a failure', async (t) => {
  const inside = await probe(t, server.url);
  // The last has a reason of its own, and is: what came before it is in the log by then.
  for (const how of ['emit', 'join', 'join-remotely', 'ask', 'nothing']) {
    const auth = { label: label() };
    const socket = await connect(t, at(), { auth });
    socket.emit('fails-when-gone', how);
    await inside.until(auth.label, (entries) => entries.includes('started'));
    socket.disconnect();
    await inside.until(auth.label, (entries) => entries.includes('ended'));
  }
  const reports = () => server.process.log.split('\n').filter((line) => line.includes('fails-when-gone'));
  const isLast = (line) => line.includes('nothing went well');
  const seen = await eventually(reports, (lines) => lines.some(isLast), 'the report');
  assert.equal(seen.length, 1, seen.join('\n'));
  assert.match(seen[0], /ERROR.*a handler failed/);
});
