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

    test('a tuple is the list of arguments under any name, and nothing else is', async (t) => {
      const socket = await connect(t, at(), { transport });
      for (const event of ['pair-by-alias', 'pair-perhaps', 'pair-through-a-pipe']) {
        assert.deepEqual(await answer(socket, event, 1, 'two'), [1, 'two'], event);
        assert.deepEqual(await answer(socket, event, [1, 2]), [[1, 2], null], event);
      }
      for (const event of ['pair-that-is-one', 'one-pair-perhaps']) {
        assert.deepEqual(await answer(socket, event, [1, 'two'], 3), [1, 'two'], event);
      }
      assert.equal(await answer(socket, 'one-pair-perhaps'), null);
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

// A packet as no official client would encode it: its text, then its attachments.
function sendRaw(socket, list, ...attachments) {
  const text = typeof list === 'string' ? list : JSON.stringify(list);
  socket.io.engine.write(`5${attachments.length}-/arguments,${text}`);
  for (const attachment of attachments) socket.io.engine.write(attachment);
}

const placeholder = (num) => ({ _placeholder: true, num });

const POISON = {
  'a number in a text': [placeholder('0')],
  'null for a number': [placeholder(null)],
  'no number': [{ _placeholder: true }],
  'a negative number': [placeholder(-1)],
  'a fraction': [placeholder(0.5)],
  'a number that is too large': [placeholder(1)],
  'a number beyond all': [placeholder(1e300)],
  'the same number twice': [placeholder(0)],
  'what only some clients take for true': [{ _placeholder: 1, num: 9 }],
  'a text that only some clients take for true': [{ _placeholder: 'true', num: 9 }],
  'at depth': [{ a: [[{ b: placeholder('0') }]] }],
  'with more in it': [{ ...placeholder(0), more: placeholder(0) }],
};

// What JSON.stringify does not write.
const POISON_TEXTS = {
  'a key that comes twice': '{"_placeholder":false,"_placeholder":true,"num":"0"}',
  'a number that comes twice': '{"_placeholder":true,"num":0,"num":"0"}',
  'an escaped key': '{"\\u005fplaceholder":true,"num":"0"}',
};

for (const transport of TRANSPORTS) {
  test(`a forged placeholder harms nobody but its sender, by ${transport}`, async (t) => {
    const victims = await Promise.all(
      Array.from({ length: 3 }, () => connect(t, at(), { transport })),
    );
    const heard = victims.map((victim) => collect(victim, 'relayed'));
    for (const victim of victims) await ask(victim, 'listen');
    const sender = await connect(t, at(), { transport });

    const packets = [
      ...Object.entries(POISON).map(([what, list]) => [what, ['relay', ...list, placeholder(0)]]),
      ...Object.entries(POISON_TEXTS).map(([what, text]) => [
        what,
        `["relay",${text},{"_placeholder":true,"num":0}]`,
      ]),
    ];
    for (const [what, list] of packets) {
      const refused = next(sender, 'exception');
      sendRaw(sender, list, bytes(7));
      const [error] = await refused;
      assert.equal(error.code, 'BAD_PAYLOAD', what);
      // Whoever is still there after this has taken everything before it.
      await ask(sender, 'relay', what, bytes(1));
      for (const victim of victims) await ask(victim, 'echo', bytes(2));
    }
    const expected = packets.map(([what]) => what);
    for (const messages of heard) assert.deepEqual(messages.map(([what]) => what), expected);
    assert.ok([sender, ...victims].every((socket) => socket.connected));
  });
}

test('an attachment that nothing names is left out, as by the official parser', async (t) => {
  const socket = await connect(t, at());
  const echoed = next(socket, 'echoed');
  sendRaw(socket, ['echo-event', placeholder(1)], bytes(1), bytes(2));
  assert.deepEqual(plain(await echoed), [{ hex: '02' }]);
});

test('one attachment cannot be named a thousand times', async (t) => {
  const socket = await connect(t, at());
  const refused = next(socket, 'exception');
  const names = Array.from({ length: 1000 }, () => placeholder(0));
  sendRaw(socket, ['sum', names], Buffer.alloc(100_000));
  const [error] = await refused;
  assert.equal(error.code, 'BAD_PAYLOAD');
  assert.equal(await answer(socket, 'sum', [bytes(1, 2), bytes(3)]), 3);
});

test('what looks like a placeholder is JSON, until there is binary beside it', async (t) => {
  const victim = await connect(t, at());
  await ask(victim, 'listen');
  const sender = await connect(t, at());
  for (const value of [placeholder(0), placeholder('0'), { _placeholder: 1, num: 9 }]) {
    const relayed = next(victim, 'relayed');
    await ask(sender, 'relay', value);
    assert.deepEqual(await relayed, [value]);

    const heard = collect(victim, 'relayed');
    assert.equal((await failure(sender, 'relay-beside-bytes', value)).code, 'INTERNAL');
    await ask(victim, 'echo', bytes(1));
    assert.deepEqual(heard, []);
  }
  const relayed = next(victim, 'relayed');
  await ask(sender, 'relay-beside-bytes', { text: '"_placeholder"' });
  assert.deepEqual(plain(await relayed), [{ text: '"_placeholder"' }, { hex: '6f776e' }]);
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
