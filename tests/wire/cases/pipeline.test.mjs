// Guards, interceptors, pipes and filters: their order, and what each of them may do.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, failure, failureOnce, label, left, next, open } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const server = serve('fixture', { env: { INCLUDE_CAUSE: 'off' } });
const global = serve('fixture', { env: { INCLUDE_CAUSE: 'off', GLOBAL_PIPELINE: 'on' } });

const pipeline = (t, { url } = server) => connect(t, `${url}/pipeline`);
const trace = (socket) => answer(socket, 'trace');

describe('the order', () => {
  test('of a message that goes well, over all levels', async (t) => {
    const socket = await pipeline(t, global);
    assert.equal(await answer(socket, 'run', []), 'done');
    assert.deepEqual(await trace(socket), [
      'guard global',
      'guard gateway',
      'needs method',
      'guard method',
      'before global',
      'before gateway',
      'before method',
      'pipe global 0',
      'pipe gateway 0',
      'pipe method 0',
      'pipe argument 0',
      'handler',
      'after method',
      'after gateway',
      'after global',
    ]);
  });

  test('of one that fails: filters go the other way', async (t) => {
    const socket = await pipeline(t, global);
    assert.equal((await failureOnce('exception', socket, 'fail')).code, 'FAILED');
    assert.deepEqual(await trace(socket), [
      'guard global',
      'guard gateway',
      'needs gateway',
      'guard method',
      'before global',
      'before gateway',
      'before method',
      'after method',
      'after gateway',
      'after global',
      'filter method',
      'filter gateway',
      'filter global',
    ]);
  });

  test('without anything global it is the same without that', async (t) => {
    const socket = await pipeline(t);
    assert.equal(await answer(socket, 'run', []), 'done');
    const seen = await trace(socket);
    assert.deepEqual(seen.filter((mark) => mark.includes('global')), []);
    assert.equal(seen.at(0), 'guard gateway');
    assert.equal(seen.at(-1), 'after gateway');
  });
});

describe('guards', () => {
  test('one that says no is answered FORBIDDEN, and nothing after it runs', async (t) => {
    const socket = await pipeline(t);
    const error = await failureOnce('exception', socket, 'refused');
    assert.deepEqual([error.code, error.message], ['FORBIDDEN', 'Forbidden resource']);
    assert.deepEqual(await trace(socket), ['guard gateway', 'needs gateway', 'guard first', 'filter gateway']);
  });

  test('one that fails is answered with its own exception', async (t) => {
    const socket = await pipeline(t);
    const error = await failure(socket, 'refused-aloud');
    assert.deepEqual([error.code, error.message], ['NOT_YOU', 'not you']);
  });

  test('metadata of the method goes before that of the gateway', async (t) => {
    const socket = await pipeline(t);
    await answer(socket, 'run', []);
    assert.ok((await trace(socket)).includes('needs method'));
    await failureOnce('exception', socket, 'fail');
    assert.ok((await trace(socket)).includes('needs gateway'));
  });

  test('a throttle lets so many in, and says so', async (t) => {
    const socket = await pipeline(t);
    for (let time = 0; time < 3; time += 1) assert.equal(await answer(socket, 'often'), 'yes');
    assert.equal((await failureOnce('exception', socket, 'often')).code, 'THROTTLED');
    const other = await pipeline(t);
    assert.equal(await answer(other, 'often'), 'yes', 'each socket by itself');
  });

  test('a throttle on connecting turns the third client away', async (t) => {
    for (let time = 0; time < 2; time += 1) {
      const socket = await connect(t, `${server.url}/doorway`);
      assert.equal(await answer(socket, 'ping'), 'pong');
    }
    const third = open(t, `${server.url}/doorway`);
    const told = next(third, 'exception');
    const gone = left(third);
    assert.equal((await told)[0].code, 'THROTTLED');
    assert.equal(await gone, 'io server disconnect');
  });
});

describe('interceptors', () => {
  test('change an acknowledgement', async (t) => {
    const socket = await pipeline(t);
    assert.deepEqual(await answer(socket, 'enveloped', { a: [1] }), { data: { a: [1] } });
    assert.deepEqual(await ask(socket, 'enveloped-nothing'), [], 'nothing stays nothing');
  });

  test('change an event, and every item of a stream', async (t) => {
    const socket = await pipeline(t);
    const reply = next(socket, 'reply');
    assert.deepEqual(await ask(socket, 'enveloped-event'), []);
    assert.deepEqual(await reply, [{ data: 1 }]);
    const items = collect(socket, 'item');
    assert.deepEqual(await ask(socket, 'enveloped-stream'), []);
    assert.deepEqual(items, [{ data: 1 }, { data: 2 }, { data: 3 }]);
  });

  test('may answer in place of the handler', async (t) => {
    const socket = await pipeline(t);
    assert.equal(await answer(socket, 'instead'), 'instead');
    assert.ok(!(await trace(socket)).includes('handler'));
  });

  test('a timeout ends what takes too long', async (t) => {
    const socket = await pipeline(t);
    assert.equal(await answer(socket, 'slow', 1), 'in time');
    assert.equal((await failureOnce('exception', socket, 'slow', 5_000)).code, 'TIMEOUT');
    const items = collect(socket, 'item');
    assert.equal((await failureOnce('exception', socket, 'slow-stream')).code, 'TIMEOUT');
    assert.deepEqual(items, [0, 1], 'what came in time came');
  });
});

describe('a handler that is given up', () => {
  // Its filter takes the lock that the handler held. The gateway is serial, too: a message that does
  // not end would keep all that follow.
  const turns = async (t) => {
    const auth = { label: label() };
    const socket = await connect(t, `${server.url}/turns`, { auth });
    return { auth, socket, inside: await probe(t, server.url) };
  };

  for (const [event, code] of [
    ['hang-until-timeout', 'TIMEOUT'],
    ['hang-until-given-up', 'GAVE_UP'],
  ]) {
    test(`holds nothing any more when a filter runs: ${event}`, async (t) => {
      const { auth, socket, inside } = await turns(t);
      assert.equal((await failureOnce('exception', socket, event)).code, code);
      assert.deepEqual(await inside.journal(auth.label), [
        'the handler has the turn',
        'the handler is dropped',
        'the filter has the turn',
      ]);
      assert.equal(await answer(socket, 'take'), 'taken');
    });
  }

  test('holds nothing any more when an interceptor answers in its place', async (t) => {
    const { auth, socket, inside } = await turns(t);
    assert.equal(await answer(socket, 'hang-until-answered-for'), 'instead');
    assert.equal((await inside.journal(auth.label)).at(-1), 'the handler is dropped');
    assert.equal(await answer(socket, 'take'), 'taken');
  });
});

describe('pipes', () => {
  test('change a payload before it is read', async (t) => {
    const socket = await pipeline(t);
    assert.equal(await answer(socket, 'double', '21'), 42);
  });

  test('refuse one', async (t) => {
    const socket = await pipeline(t);
    const error = await failure(socket, 'double', 'x');
    assert.deepEqual([error.code, error.message], ['VALIDATION', 'expected digits']);
    assert.equal((await failure(socket, 'double')).message, 'expected text', 'missing is null');
  });

  test('run once, also for a payload that then breaks the rules of its type', async (t) => {
    const socket = await connect(t, `${server.url}/counted`);
    const before = await answer(socket, 'runs');
    const good = { nickName: 'ann', homeAddress: { postCode: '12345' } };
    assert.equal(await answer(socket, 'profile', good), 'ann of 12345');
    assert.equal((await answer(socket, 'runs')) - before, 1);

    const bad = { nickName: 'a', homeAddress: { postCode: '1' } };
    const error = await failureOnce('exception', socket, 'profile', bad);
    assert.equal(error.code, 'VALIDATION');
    const paths = error.errors.map(({ path }) => path).sort();
    assert.deepEqual(paths, ['homeAddress.postCode', 'nickName'], 'in the words of the client');
    assert.equal((await answer(socket, 'runs')) - before, 2);
  });

  test('a type with rules lists every field that breaks them', async (t) => {
    const socket = await pipeline(t);
    assert.equal(await answer(socket, 'sign-up', { name: 'ann', age: 18 }), 'ann is 18');
    const error = await failure(socket, 'sign-up', { name: 'a', age: 7 });
    assert.equal(error.code, 'VALIDATION');
    assert.deepEqual(error.errors.map(({ path }) => path).sort(), ['age', 'name']);
    const form = await failure(socket, 'sign-up', { name: 'ann' });
    assert.equal(form.code, 'BAD_PAYLOAD');
  });
});

test('a panic anywhere costs one message, and tells nothing', async (t) => {
  const socket = await pipeline(t);
  for (const event of ['guard-panics', 'interceptor-panics', 'pipe-panics']) {
    const error = await failureOnce('exception', socket, event, 1);
    assert.deepEqual([error.code, error.message], ['INTERNAL', 'Internal server error'], event);
  }
  assert.equal(await within(answer(socket, 'run', []), 'the next message'), 'done');
});
