// What each return type says to the client.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, cut, failure, frames, label, next, TRANSPORTS } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';

const server = serve('fixture');
const at = () => `${server.url}/replies`;

for (const transport of TRANSPORTS) {
  test(`the return type decides, by ${transport}`, async (t) => {
    const socket = await connect(t, at(), { transport });
    assert.deepEqual(await ask(socket, 'nothing'), []);
    assert.deepEqual(await ask(socket, 'value'), [{ x: 1, y: 2 }]);
    assert.deepEqual(await ask(socket, 'none'), [null]);
    assert.deepEqual(await ask(socket, 'several'), [1, 'two', { x: 3, y: 3 }]);

    const answered = next(socket, 'answered');
    assert.deepEqual(await ask(socket, 'response'), [], 'an empty acknowledgement');
    assert.deepEqual(await answered, [{ x: 5, y: 6 }]);

    const ticks = collect(socket, 'tick');
    assert.deepEqual(await ask(socket, 'stream', { count: 20, every_ms: 1 }), []);
    assert.deepEqual(ticks, Array.from({ length: 20 }, (_, tick) => tick), 'all before the ack');
  });
}

test('an event that is optional, and several', async (t) => {
  const socket = await connect(t, at());
  const answered = collect(socket, 'answered');
  assert.deepEqual(await ask(socket, 'maybe', false), []);
  assert.deepEqual(answered, []);
  assert.deepEqual(await ask(socket, 'maybe', true), []);
  assert.deepEqual(answered, [{ x: 1, y: 1 }], 'before the acknowledgement');

  const numbered = collect(socket, 'numbered');
  assert.deepEqual(await ask(socket, 'events', 0), []);
  assert.deepEqual(await ask(socket, 'events', 20), []);
  assert.deepEqual(numbered, Array.from({ length: 20 }, (_, number) => number), 'in order, before the ack');
  assert.equal((await failure(socket, 'events', 13)).message, 'unlucky');
  assert.equal((await failure(socket, 'events-with-a-reserved-one')).code, 'INTERNAL');
  assert.equal(numbered.length, 20, 'all of them, or an error');
});

test('a gateway without handlers pushes', async (t) => {
  const reader = await connect(t, `${server.url}/news`);
  const news = next(reader, 'news');
  const socket = await connect(t, at());
  assert.deepEqual(await ask(socket, 'publish', 'good'), []);
  assert.deepEqual(await news, ['good']);
  assert.equal((await failure(reader, 'anything')).code, 'UNKNOWN_EVENT');
});

test('a response is an event also where no acknowledgement was asked for', async (t) => {
  const socket = await connect(t, at());
  const answered = next(socket, 'answered');
  socket.emit('response');
  assert.deepEqual(await answered, [{ x: 5, y: 6 }]);
});

test('nothing is sent back that nobody asked for', async (t) => {
  const socket = await connect(t, at());
  const seen = frames(socket);
  socket.emit('nothing');
  socket.emit('value');
  socket.emit('manual');
  assert.deepEqual(await ask(socket, 'nothing'), []);
  const events = seen.filter((frame) => frame.startsWith('2') || frame.startsWith('5'));
  assert.deepEqual(events, []);
});

test('an object with a field event is an answer, and no event', async (t) => {
  const socket = await connect(t, at());
  const events = collect(socket, 'birthday');
  assert.deepEqual(await answer(socket, 'birthday'), { id: 1, event: 'birthday' });
  assert.deepEqual(events, []);
});

test('an alias of Result is a Result', async (t) => {
  const socket = await connect(t, at());
  assert.deepEqual(await ask(socket, 'alias', true), ['good']);
  const { code, message, status } = await failure(socket, 'alias', false);
  assert.deepEqual({ code, message, status }, { code: 'NOT_GOOD', message: 'not good', status: 'error' });
  assert.deepEqual(await ask(socket, 'alias-of-nothing'), []);
  const answered = next(socket, 'answered');
  assert.deepEqual(await ask(socket, 'alias-of-response'), []);
  assert.deepEqual(await answered, [7]);
});

describe('a stream', () => {
  test('ends when its client leaves', async (t) => {
    for (const leave of [(socket) => socket.disconnect(), cut]) {
      const key = label();
      const inside = await probe(t, server.url);
      const socket = await connect(t, at(), { auth: { label: key } });
      const first = next(socket, 'tick');
      socket.emit('stream', { count: 1_000_000_000, every_ms: 5 });
      await first;
      assert.deepEqual(await inside.journal(key), []);
      leave(socket);
      assert.deepEqual(await inside.until(key, (entries) => entries.length > 0), ['stream ended']);
    }
  });

  test('does not hold up the messages behind it', async (t) => {
    const socket = await connect(t, at());
    socket.emit('stream', { count: 1_000_000_000, every_ms: 5 });
    await next(socket, 'tick');
    assert.deepEqual(await ask(socket, 'value'), [{ x: 1, y: 2 }]);
  });

  test('that fails says so after what it had', async (t) => {
    const socket = await connect(t, at());
    const ticks = collect(socket, 'tick');
    const { code, message } = await failure(socket, 'failing-stream');
    assert.deepEqual({ code, message }, { code: 'NO_MORE', message: 'no more' });
    assert.deepEqual(ticks.slice(0, 2), [0, 1]);
  });

  test('that panics says so without a word of the panic', async (t) => {
    const socket = await connect(t, at());
    const ticks = collect(socket, 'tick');
    const { code, message } = await failure(socket, 'panicking-stream');
    assert.deepEqual({ code, message }, { code: 'INTERNAL', message: 'Internal server error' });
    assert.deepEqual(ticks.slice(0, 2), [0, 1]);
    assert.deepEqual(await ask(socket, 'value'), [{ x: 1, y: 2 }]);
  });
});

describe('an acknowledgement by hand', () => {
  test('is what was sent, once', async (t) => {
    const socket = await connect(t, at());
    assert.deepEqual(await ask(socket, 'manual'), [{ by: 'hand' }]);
    assert.deepEqual(await ask(socket, 'manual-several'), [1, 'two']);
    assert.deepEqual(await ask(socket, 'manual-later'), ['later'], 'not at the end of the handler');
  });

  test('that is never sent is answered all the same', async (t) => {
    const socket = await connect(t, at());
    const reply = await answer(socket, 'manual-never');
    assert.equal(reply.status, 'error');
    assert.equal(reply.code, 'NO_REPLY');
  });

  test('carries the error of a handler that fails first', async (t) => {
    const socket = await connect(t, at());
    assert.equal((await failure(socket, 'manual-failed')).code, 'TOO_EARLY');
    const panicked = await failure(socket, 'manual-panicked');
    assert.equal(panicked.code, 'INTERNAL');
    assert.equal(panicked.message, 'Internal server error');
  });
});

test('a gateway of a library crate is served where the crate is named', async (t) => {
  const socket = await connect(t, `${server.url}/library`);
  const first = await answer(socket, 'asked');
  assert.equal(await answer(socket, 'asked'), first + 1);
});
