// What a client sends is what a handler gets, and the other way round.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, failure, next, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';

const server = serve('fixture');
const at = () => `${server.url}/arguments`;

const bytes = (...values) => Buffer.from(values);

// Makes buffers of any kind comparable.
function plain(value) {
  if (value instanceof ArrayBuffer) return plain(Buffer.from(value));
  if (ArrayBuffer.isView(value)) {
    return { hex: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

const nested = (depth) => (depth === 0 ? 'end' : [nested(depth - 1)]);

const LISTS = {
  'no arguments': [],
  'one null': [null],
  'one empty array': [[]],
  'one empty object': [{}],
  'one empty text': [''],
  'one array': [[1, 2, 3]],
  'an array in an array': [[[1, 2]]],
  'two arrays': [[1], [2]],
  'scalars': [1, -2.5, 'three', true, false, null, Number.MAX_SAFE_INTEGER, 1e300],
  'objects at depth': [{ a: { b: [{ c: null }] } }, 2],
  'text of all kinds': ['消息 "quoted" \\ \n \u0000 \u2028 😀', { 'ke"y\\': '键' }],
  'forty levels': [nested(40)],
  'thirty arguments': Array.from({ length: 30 }, (_, index) => index),
  'what looks like a placeholder': [{ _placeholder: true, num: 0 }],
  'bytes alone': [bytes(0, 1, 255)],
  'no bytes in bytes': [bytes()],
  'bytes between JSON': [1, bytes(1), 'two', bytes(2), { three: 3 }],
  'bytes at depth': [{ a: [bytes(1), { b: bytes(2, 3), c: [[bytes(4)]] }] }, bytes(5), [bytes(6)]],
  'the same bytes twice': [bytes(7), bytes(7)],
  'two hundred thousand characters': ['长'.repeat(200_000)],
  'a hundred thousand bytes': [Buffer.alloc(100_000, 9)],
};

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('any arguments come back as they came', async (t) => {
      const socket = await connect(t, at(), { transport });
      for (const [what, list] of Object.entries(LISTS)) {
        assert.deepEqual(plain(await ask(socket, 'echo', ...list)), plain(list), `ack: ${what}`);

        for (const event of ['echo-event', 'echo-room']) {
          const echoed = next(socket, 'echoed');
          assert.deepEqual(await ask(socket, event, ...list), [], `${event}: ${what}`);
          assert.deepEqual(plain(await echoed), plain(list), `${event}: ${what}`);
        }
      }
    });

    test('a payload of every shape arrives as declared', async (t) => {
      const socket = await connect(t, at(), { transport });
      const seen = {};
      socket.onAny((event, ...args) => {
        seen[event] = plain(args);
      });
      assert.deepEqual(await ask(socket, 'shapes'), []);
      assert.deepEqual(seen, {
        'nothing': [],
        'null': [null],
        'text': ['text'],
        'newtype': ['inside'],
        'array': [[1, 2]],
        'tuple-as-one': [[1, 'two']],
        'several': [1, 'two', [3]],
        'several-of-none': [],
        'object': [{ 'a"b': [1] }],
        'bytes': [{ hex: '010203' }],
        'with-bytes': [{ name: 'three', bytes: { hex: '010203' } }],
        'mixed': [1, { hex: '010203' }, 'end'],
      });
    });

    test('the server asks, and hears one argument, several, and bytes', async (t) => {
      const socket = await connect(t, at(), { transport });
      const questions = [];
      socket.on('asked', (...args) => {
        const reply = args.pop();
        questions.push(plain(args));
        if (Buffer.isBuffer(args[0])) reply(bytes(4, 5));
        else if (args.length === 2) reply(args[1], args[0]);
        else reply(args[0]);
      });
      assert.deepEqual(await answer(socket, 'ask', [1, 2]), [1, 2], 'one array stays one');
      assert.equal(await answer(socket, 'ask', null), null);
      assert.deepEqual(await answer(socket, 'ask-pair', 'a', ['b']), { first: ['b'], second: 'a' });
      assert.deepEqual(plain(await answer(socket, 'ask-bytes')), { hex: '0405' });
      assert.deepEqual(questions, [
        [[1, 2]],
        [null],
        ['a', ['b']],
        [{ hex: Buffer.from('question').toString('hex') }],
      ]);
    });
  });
}

test('a tuple is the list of arguments, missing ones are null, extra ones ignored', async (t) => {
  const socket = await connect(t, at());
  assert.deepEqual(await answer(socket, 'pair', 1, 'two'), { first: 1, second: 'two' });
  assert.deepEqual(await answer(socket, 'pair', 1), { first: 1, second: null });
  assert.deepEqual(await answer(socket, 'pair'), { first: null, second: null });
  assert.deepEqual(await answer(socket, 'pair', 1, 2, 3), { first: 1, second: 2 });
  assert.deepEqual(
    await answer(socket, 'pair', [1, 2]),
    { first: [1, 2], second: null },
    'one array is one argument, not two',
  );
  assert.deepEqual(await answer(socket, 'optional-pair', 'a'), { first: 'a', second: null });
  assert.deepEqual(await answer(socket, 'optional-pair', 'a', 2), { first: 'a', second: 2 });
  assert.equal((await failure(socket, 'optional-pair', 'a', 'b')).code, 'BAD_PAYLOAD');
  assert.equal((await failure(socket, 'optional-pair')).code, 'BAD_PAYLOAD');
});

test('anything but a tuple is the first argument', async (t) => {
  const socket = await connect(t, at());
  assert.deepEqual(await ask(socket, 'list', [1, 2]), [[1, 2]], 'an array is one argument');
  assert.deepEqual(await ask(socket, 'list', []), [[]]);
  assert.deepEqual(await ask(socket, 'list', [1, 2], 'extra'), [[1, 2]]);
  assert.deepEqual(await ask(socket, 'spread', [1, 2]), [1, 2], 'unless asked otherwise');
  assert.deepEqual(await ask(socket, 'spread', []), []);
  assert.deepEqual(await ask(socket, 'first', { a: 1 }, 2), [{ a: 1 }]);
  assert.deepEqual(await ask(socket, 'first'), [null]);
  assert.equal((await failure(socket, 'list', 1, 2)).code, 'BAD_PAYLOAD');
});

test('keys that JSON must escape are read', async (t) => {
  const socket = await connect(t, at());
  const map = { 'a"b': 1, 'c\\d': 2, 'e\nf': 3, '键': 4 };
  assert.deepEqual(await answer(socket, 'map', map), map);
});

test('a struct that takes one attachment gets that one', async (t) => {
  const socket = await connect(t, at());
  const sent = { a: bytes(1, 1), b: bytes(2, 2) };
  assert.deepEqual(plain(await answer(socket, 'only-b', sent)), { hex: '0202' });
  assert.deepEqual(plain(await answer(socket, 'only-b', { b: bytes(3), a: bytes(4) })), { hex: '03' });
});

test('attachments by themselves', async (t) => {
  const socket = await connect(t, at());
  assert.equal(await answer(socket, 'attachment', { deep: [bytes(1, 2, 3)] }, bytes(4)), 3);
  assert.deepEqual(await answer(socket, 'attachments', bytes(1), { a: bytes(1, 2) }), [1, 2]);
  assert.deepEqual(await answer(socket, 'attachments', 'none'), []);
  assert.equal((await failure(socket, 'attachment', 'none')).code, 'BAD_PAYLOAD');
});

test('five hundred messages with bytes keep theirs apart', async (t) => {
  const socket = await connect(t, at());
  const echoed = collect(socket, 'echoed');
  const numbers = Array.from({ length: 500 }, (_, number) => number);
  await Promise.all(
    numbers.map(async (number) => {
      const value = bytes(number & 255, number >> 8);
      assert.deepEqual(plain(await answer(socket, 'echo', { value })), { value: plain(value) });
      await ask(socket, 'echo-event', value);
    }),
  );
  assert.deepEqual(
    echoed.map((value) => value[0] + 256 * value[1]).sort((a, b) => a - b),
    numbers,
  );
});
