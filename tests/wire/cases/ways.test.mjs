// However a body is read, it is read as the same; and no error or emit is more than a client takes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, failure, failureOnce } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const server = serve('fixture');
const at = () => `${server.url}/ways`;

// Sends a body as it is written here, and answers with how the acknowledgement is written: JavaScript
// has no such numbers, or would write them otherwise.
function written(socket, event, body) {
  const head = '3/ways,7';
  return within(
    new Promise((resolve) => {
      socket.io.engine.on('packet', function heard({ data }) {
        if (!String(data).startsWith(head)) return;
        socket.io.engine.off('packet', heard);
        resolve(String(data).slice(head.length));
      });
      socket.io.engine.write(`2/ways,7["${event}",${body}]`);
    }),
    `the acknowledgement of ${event}`,
  );
}

const WAYS = {
  plainly: (socket, body) => answer(socket, 'plain', body),
  'behind a pipe': (socket, body) => answer(socket, 'piped', body),
  'before an interceptor': (socket, body) => answer(socket, 'intercepted', body),
  'beside bytes': (socket, body) => answer(socket, 'plain', { ...body, picture: Buffer.from([1]) }),
  'as an acknowledgement': (socket, body) => {
    socket.removeAllListeners('stock?');
    socket.once('stock?', (acknowledge) => acknowledge(body));
    return answer(socket, 'asked');
  },
};

describe('a body is read as the same', () => {
  for (const [way, read] of Object.entries(WAYS)) {
    test(`${way}: keys that are numbers or booleans, any JSON, half a character`, async (t) => {
      const socket = await connect(t, at());
      const body = {
        amounts: { 1: 2, 30: -4 },
        flags: { true: 1 },
        raw: { a: [1.5, null, 'b'] },
        any: { nested: [1, -2.5, 'three', { four: 1e300 }] },
        kind: 'plain',
      };
      assert.deepEqual(await read(socket, body), body);
      assert.deepEqual(await read(socket, { text: 'party \ud83d' }), { text: 'party \ufffd' });
      assert.deepEqual(await read(socket, { text: 'party \ud83d\ude00' }), { text: 'party 😀' });
    });

    test(`${way}: the field that is wrong is the one that is named`, async (t) => {
      const socket = await connect(t, at());
      const { message } = await read(socket, { amounts: { 1: 2 }, count: 'x' });
      assert.match(message, /`count`: invalid type: string "x", expected a whole number that fits/);
    });
  }

  for (const event of ['plain', 'piped', 'intercepted']) {
    test(`${event}: whole numbers keep their digits, and are whole when written as floats`, async (t) => {
      const socket = await connect(t, at());
      const raw = (body) => written(socket, event, body);
      assert.equal(await raw('{"large":18446744073709551617}'), '[{"large":18446744073709551617}]');
      assert.equal(await raw('{"count":200.0}'), '[{"count":200}]');
      assert.equal(await raw('{"amounts":{"1":-2.0}}'), '[{"amounts":{"1":-2}}]');
      assert.match(await raw('{"count":200.5}'), /BAD_PAYLOAD/);
      assert.match(await raw('{"count":256.0}'), /BAD_PAYLOAD/);
    });
  }

  test('nesting has one bound, also where nobody looks', async (t) => {
    const socket = await connect(t, at());
    const nested = (depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    for (const event of ['plain', 'piped']) {
      assert.deepEqual(await answer(socket, event, { ignored: nested(100) }), {});
      const { message } = await failureOnce('exception', socket, event, { ignored: nested(200) });
      assert.equal(message, 'Bad payload: nested too deeply');
    }
  });
});

describe('an error is short, whatever was sent', () => {
  const LONG = 'x'.repeat(900_000);
  const KIB = 1024;

  const size = (error) => Buffer.byteLength(JSON.stringify(error));

  test('a value of the wrong type, a variant, a key, a path', async (t) => {
    const socket = await connect(t, at());
    for (const body of [
      { count: LONG },
      { kind: LONG },
      { amounts: { [LONG]: 1 } },
      { flags: { [LONG.slice(0, 400_000)]: LONG.slice(0, 400_000) } },
      { count: '"'.repeat(100_000) },
      { kind: '😀'.repeat(100_000) },
      LONG,
    ]) {
      const { unasked, ...error } = await failure(socket, 'plain', body);
      assert.equal(error.code, 'BAD_PAYLOAD');
      assert.ok(size(error) < 2 * KIB, `${size(error)} bytes`);
      assert.deepEqual(unasked, error);
      assert.doesNotMatch(JSON.stringify(error), /\ufffd/, 'no character cut in two');
      const { pattern, data } = error.cause;
      const said = [error.message, pattern, typeof data === 'string' ? data : JSON.stringify(data)]
        .concat(error.errors.flatMap(({ path, message }) => [path, message]))
        .join('');
      assert.ok(Buffer.byteLength(said) <= KIB, `${Buffer.byteLength(said)} bytes`);
      assert.match(error.message, /…/);
    }
  });

  test('the name of an event nobody handles', async (t) => {
    const socket = await connect(t, at());
    const { unasked, ...error } = await failure(socket, 'e'.repeat(900_000), 1);
    assert.equal(error.code, 'UNKNOWN_EVENT');
    assert.ok(size(error) < KIB, `${size(error)} bytes`);
    assert.match(error.cause.pattern, /^e+…$/);
    assert.deepEqual(unasked, error);
  });

  test('of many fields the first hundred are listed, and how many more there are', async (t) => {
    const socket = await connect(t, at());
    const items = Array.from({ length: 1000 }, () => ({ unitPrice: 0 }));
    const { errors, moreErrors } = await failureOnce('exception', socket, 'order', { items });
    assert.equal(errors.length, 100);
    assert.equal(moreErrors, 900);
    assert.equal(errors[99].path, 'items[99].unitPrice');
    const few = await failureOnce('exception', socket, 'order', { items: items.slice(0, 100) });
    assert.equal(few.errors.length, 100);
    assert.equal(few.moreErrors, undefined);
  });

  test('what an acknowledgement holds in place of the expected', async (t) => {
    const socket = await connect(t, at());
    socket.on('stock?', (acknowledge) => acknowledge({ kind: LONG }));
    const { message } = await answer(socket, 'asked');
    assert.match(message, /^the acknowledgement does not have the expected form: `kind`: unknown variant `x+…`/);
    assert.ok(message.length < KIB, `${message.length} bytes`);
  });
});

describe('without the cause', () => {
  const quiet = serve('fixture', { env: { INCLUDE_CAUSE: 'off' } });

  test('an error holds nothing of what was sent', async (t) => {
    const socket = await connect(t, `${quiet.url}/ways`);
    for (const [event, body] of [
      ['plain', { count: 's3cret' }],
      ['plain', { count: 53.37 }],
      ['plain', { kind: 's3cret' }],
      ['plain', { amounts: { s3cret: 1 } }],
      ['plain', { amounts: { 1: 's3cret' } }],
      ['piped', { flags: { s3cret: 1 } }],
      ['plain', { kind: { s3cret: 's3cret' } }],
      ['plain', 's3cret'],
      ['s3cret', 's3cret'],
    ]) {
      const error = await failure(socket, event, body);
      assert.equal(error.cause, undefined);
      assert.doesNotMatch(JSON.stringify(error), /s3cret|53\.37/);
    }
    const { errors } = await failure(socket, 'plain', { count: 's3cret' });
    const message = 'invalid type: string, expected a whole number that fits, not negative';
    assert.deepEqual(errors, [{ path: 'count', message }]);
  });
});

describe('what clients refuse is refused where it is sent', () => {
  test('eleven attachments in an event, to one or to a room', async (t) => {
    const [socket, other] = [await connect(t, at()), await connect(t, at())];
    for (const one of [socket, other]) await ask(one, 'join');
    const files = collect(socket, 'files');
    assert.deepEqual(await answer(socket, 'emit-files', 10), [null, null, null, null]);
    for (const said of await answer(socket, 'emit-files', 11)) assert.match(said, /11 binary values.* 10 at most/);
    assert.equal(files.length, 3);
    assert.ok(files.every((list) => list.length === 10));
    await ask(other, 'join');
    assert.ok(socket.connected && other.connected);
  });

  for (const event of ['ack-files', 'hand-files', 'respond-files', 'stream-files']) {
    test(`eleven attachments by ${event}: the client gets an error, and stays`, async (t) => {
      const socket = await connect(t, at());
      const files = collect(socket, 'files');
      const { code } = await failureOnce('exception', socket, event, 11);
      assert.equal(code, 'INTERNAL');
      assert.deepEqual(files, []);
      const [list] = await ask(socket, event, 10);
      assert.equal((list ?? files[0]).length, 10);
      assert.ok(socket.connected);
      assert.match(server.process.log, /11 binary values in one packet; clients take 10 at most/);
    });
  }
});
