// When the messages of one socket start, and how many run at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, collect, connect, next, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('fixture');
const at = (namespace) => server.url + namespace;

const range = (count) => Array.from({ length: count }, (_, number) => number);

// Messages that are `held` end when it is opened.
async function gate(t) {
  const socket = await connect(t, at('/gate'));
  return {
    open: async (held) => {
      await eventually(
        () => answer(socket, 'held'),
        (count) => count === held,
        `${held} messages that are held`,
      );
      socket.emit('open');
    },
  };
}

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('5,000 messages of one socket start in order', async (t) => {
      const socket = await connect(t, at('/order'), { transport });
      const numbers = range(5_000);
      const acks = await Promise.all(
        // One in seven takes a while, so that many are under way when the next ones start.
        numbers.map((number) => answer(socket, 'step', { number, ms: number % 7 === 0 ? 3 : 0 })),
      );
      assert.deepEqual(acks, numbers, 'each acknowledgement is its own');
      const { started, ended } = await answer(socket, 'report');
      assert.deepEqual(started, numbers);
      assert.notDeepEqual(ended, numbers, 'they do interleave');
    });

    test('a serial gateway runs one after the other', async (t) => {
      const socket = await connect(t, at('/serial'), { transport });
      const numbers = range(200);
      const order = [];
      await Promise.all(
        numbers.map(async (number) => {
          const event = number % 2 ? 'step' : 'other-step';
          order.push(await answer(socket, event, { number, ms: (number * 7) % 5 }));
        }),
      );
      const { started, ended, most } = await answer(socket, 'report');
      assert.deepEqual(started, numbers);
      assert.deepEqual(ended, numbers);
      assert.equal(most, 1);
      assert.deepEqual(order, numbers, 'acknowledgements leave in that order');
    });
  });
}

test('a slow message does not hold up a quick one', async (t) => {
  const { open } = await gate(t);
  const socket = await connect(t, at('/order'));
  const order = [];
  const slow = answer(socket, 'step', { number: 0, held: true }).then((number) => order.push(number));
  await answer(socket, 'step', { number: 1 }).then((number) => order.push(number));
  await open(1);
  await slow;
  assert.deepEqual(order, [1, 0]);
});

test('a serial event runs one after the other, beside the others', async (t) => {
  const { open } = await gate(t);
  const socket = await connect(t, at('/order'));
  const order = [];
  const note = (number) => order.push(number);
  const other = answer(socket, 'step', { number: 100, held: true }).then(note);
  await Promise.all(
    range(20).map((number) => answer(socket, 'serial-step', { number, ms: 20 - number }).then(note)),
  );
  await open(1);
  await other;
  assert.deepEqual(order, [...range(20), 100]);
});

test('64 messages of a socket run at once, and the rest wait', async (t) => {
  const { open } = await gate(t);
  const socket = await connect(t, at('/order'));
  const numbers = range(300);
  const all = numbers.map((number) => answer(socket, 'step', { number, held: number < 64 }));
  await open(64);
  await Promise.all(all);
  const { started, most } = await answer(socket, 'report');
  assert.equal(most, 64);
  assert.deepEqual(started, numbers);
});

test('8,000 messages behind a full house wait, and none is refused', async (t) => {
  const socket = await connect(t, at('/order'));
  const exceptions = collect(socket, 'exception');
  const holding = range(64).map((number) => answer(socket, 'step', { number, ms: 400 }));
  const waiting = range(8_000).map((number) => answer(socket, 'step', { number: 64 + number, ms: 0 }));
  await Promise.all(holding);
  assert.deepEqual(
    await Promise.all(waiting),
    range(8_000).map((number) => 64 + number),
  );
  assert.deepEqual(exceptions, []);
});

test('one socket that is busy leaves the others alone', async (t) => {
  const { open } = await gate(t);
  const busy = await connect(t, at('/serial'));
  const holding = answer(busy, 'step', { number: 0, held: true });
  const other = await connect(t, at('/serial'));
  assert.equal(await answer(other, 'step', { number: 1 }), 1);
  await open(1);
  assert.equal(await holding, 0);
});

test('a panic in a serial gateway lets the next one start', async (t) => {
  const socket = await connect(t, at('/serial'));
  const [panicked, number] = await Promise.all([
    answer(socket, 'panics'),
    answer(socket, 'step', { number: 9, ms: 0 }),
  ]);
  assert.equal(panicked.code, 'INTERNAL');
  assert.equal(number, 9);
});

describe('past the inbox', () => {
  // Two run, and four wait: reading waits for at most a second without a message starting, and then goes on.
  const held = (number) => ({ number, held: number < 2 });

  // Whoever is told of the connection may be a little ahead of the gateway.
  async function small(t) {
    const socket = await connect(t, at('/small'));
    await answer(socket, 'report');
    return socket;
  }

  test('a burst that is served in time need not be refused', async (t) => {
    const socket = await small(t);
    // Each more than is read ahead of the inbox at once.
    const padding = 'x'.repeat(900);
    const replies = await Promise.all(
      range(20).map((number) => answer(socket, 'step', { number, ms: 10, padding })),
    );
    assert.deepEqual(replies.filter((reply) => reply.code), []);
  });

  test('a message is refused, and told so', async (t) => {
    const { open } = await gate(t);
    const socket = await small(t);
    const exceptions = collect(socket, 'exception');
    const replies = range(10).map((number) => answer(socket, 'step', held(number)));
    const refused = await Promise.all(replies.slice(6));
    assert.deepEqual(
      refused.map((reply) => reply.code),
      Array(4).fill('OVERLOADED'),
    );
    assert.deepEqual(refused, exceptions);
    for (const { status, cause } of exceptions) {
      assert.equal(status, 'error');
      // Refusing costs less than serving: what was sent is not even read.
      assert.deepEqual(cause, { pattern: 'step' });
    }
    await open(2);
    assert.deepEqual(await Promise.all(replies.slice(0, 6)), Array(6).fill(0));
    const { started, most } = await answer(socket, 'report');
    assert.deepEqual(started, [0, 1, 2, 3, 4, 5], 'those that waited were not lost');
    assert.equal(most, 2);
    assert.equal(await answer(socket, 'step', { number: 10 }), 0, 'and it goes on');
  });

  test('it is told without an acknowledgement too', async (t) => {
    const { open } = await gate(t);
    const socket = await small(t);
    const told = next(socket, 'exception');
    for (const number of range(7)) socket.emit('step', held(number));
    const [{ code, cause }] = await told;
    assert.equal(code, 'OVERLOADED');
    assert.equal(cause.pattern, 'step');
    await open(2);
  });

  test('it has a limit in bytes as well', async (t) => {
    const { open } = await gate(t);
    const socket = await small(t);
    const padding = 'x'.repeat(3_000);
    const holding = range(2).map((number) => answer(socket, 'step', held(number)));
    const waiting = answer(socket, 'step', { number: 2, padding });
    const { code } = await answer(socket, 'step', { number: 3, padding });
    assert.equal(code, 'OVERLOADED');
    await open(2);
    assert.deepEqual(await Promise.all([...holding, waiting]), [0, 0, 3_000]);
  });

  test('a message that need not wait may be larger than the inbox', async (t) => {
    const socket = await small(t);
    const padding = 'x'.repeat(10_000);
    assert.equal(await answer(socket, 'step', { number: 0, padding }), 10_000);
  });
});
