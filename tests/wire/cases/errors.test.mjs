// Errors as applications have them: what a client is told, and what an operator reads.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { connect, failure, next, open } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('fixture', { env: { LOG_LEVEL: 'debug' } });
const at = () => `${server.url}/errors`;

const INTERNAL = ['INTERNAL', 'Internal server error'];

// The lines of a log that are about an event of a client, when there are `times` that say `until`: the
// log comes by another way than the answers. Where it is detailed, `handled` is the last of a message.
async function lines(process, { id, event, times = 2, until = /handled/ }) {
  const about = (line) => line.includes(`event="${event}"`) && (!id || line.includes(id));
  const found = () => process.log.split('\n').slice(0, -1).filter(about);
  const ended = (seen) => seen.filter((line) => until.test(line)).length >= times;
  return eventually(found, ended, `${times} times ${until} of ${event}`);
}

const errors = (all) => all.filter((line) => line.includes('ERROR'));

describe('an error that is no exception', () => {
  // The event, what its sender is told, and what the log says.
  const ERRORS = [
    ['anyhow', INTERNAL, 'secret: while saving: secret: the disk is full'],
    ['anyhow-by-hand', INTERNAL, 'secret: by hand'],
    ['boxed', INTERNAL, 'invalid digit found in string'],
    ['text-for-the-log', INTERNAL, 'secret: a text'],
  ];
  for (const [event, told, logged] of ERRORS) {
    test(`${event} is internal, and in the log with all its causes`, async (t) => {
      const socket = await connect(t, at());
      const { code, message } = await failure(socket, event);
      assert.deepEqual([code, message], told);
      const reports = errors(await lines(server.process, { id: socket.id, event }));
      assert.equal(reports.length, 2, 'one for each time it was sent');
      assert.ok(reports[0].includes(`error="${logged}"`), reports[0]);
    });
  }

  test('may be a text for the client', async (t) => {
    const socket = await connect(t, at());
    const { code, message } = await failure(socket, 'text-for-the-client');
    assert.deepEqual([code, message], ['EXCEPTION', 'a text']);
  });

  test('may be that of a hook', async (t) => {
    const socket = open(t, `${at()}?unwelcome=1`);
    const [{ code }] = await next(socket, 'exception');
    assert.equal(code, 'INTERNAL');
    const [report] = await lines(server.process, { event: 'on_connection', times: 1, until: /ERROR/ });
    assert.match(report, /secret: nobody let this one in/);
  });
});

describe('an error that says its code', () => {
  const CODES = { closed: ['CLOSED', 'ticket 7 is closed'], missing: ['NOT_FOUND', 'There is no such ticket'], store: INTERNAL };
  const WAYS = ['domain', 'domain-by-question-mark', 'domain-in-anyhow', 'domain-in-context', 'domain-in-a-box'];
  for (const event of WAYS) {
    test(`is known as ${event}`, async (t) => {
      const socket = await connect(t, at());
      for (const [which, told] of Object.entries(CODES)) {
        const { code, message } = await failure(socket, event, which);
        assert.deepEqual([code, message], told, which);
      }
      const reports = errors(await lines(server.process, { id: socket.id, event, times: 6 }));
      assert.equal(reports.length, 2, 'that without a code, each time it was sent, and no other');
      assert.ok(reports.every((line) => line.includes('the store is not there')), reports.join('\n'));
    });
  }
});

describe('an error that was expected', () => {
  for (const [event, code] of [['expected', 'EXPECTED'], ['expected-in-anyhow', 'EXPECTED'], ['translated', 'TRANSLATED']]) {
    test(`${event} is no failure`, async (t) => {
      const socket = await connect(t, at());
      assert.equal((await failure(socket, event)).code, code);
      const all = await lines(server.process, { id: socket.id, event });
      assert.deepEqual(errors(all), []);
      assert.ok(all.every((line) => line.includes(`outcome="${code}"`)), all.join('\n'));
    });
  }

  test('is not what a filter for everything puts into its shape', async (t) => {
    const socket = await connect(t, at());
    assert.equal((await failure(socket, 'shaped')).code, 'INTERNAL');
    const reports = errors(await lines(server.process, { id: socket.id, event: 'shaped' }));
    assert.equal(reports.length, 2, 'still a failure, one for each time it was sent');
    assert.match(reports[0], /a handler failed/);
  });
});

describe('a line of the log', () => {
  test('is one for a panic', async (t) => {
    const socket = await connect(t, at());
    assert.equal((await failure(socket, 'shaped-panic')).code, 'INTERNAL');
    const reports = errors(await lines(server.process, { id: socket.id, event: 'shaped-panic' }));
    assert.equal(reports.length, 2, 'one for each time it was sent');
    assert.match(reports[0], /a handler panicked panic="secret: in one shape"/);
  });

  const quiet = serve('fixture');
  for (const [name, of] of [['with spans', server], ['without spans, which are of a lower level', quiet]]) {
    test(`says once what it is about, ${name}`, async (t) => {
      const socket = await connect(t, `${of.url}/errors`);
      await failure(socket, 'boxed');
      const reports = await lines(of.process, { event: 'boxed', until: /ERROR/ });
      for (const field of ['namespace="/errors"', 'event="boxed"', 'handler="boxed"']) {
        assert.equal(reports[0].split(field).length, 2, `${field} once in ${reports[0]}`);
      }
    });
  }

  test('names the user', async (t) => {
    const socket = await connect(t, `${quiet.url}/errors-of-seven`);
    await failure(socket, 'of-seven');
    const [report] = await lines(quiet.process, { event: 'of-seven', until: /ERROR/ });
    assert.match(report, /user="seven"/);
  });
});

describe('an application without a subscriber', () => {
  const silent = serve('fixture', { env: { SUBSCRIBER: 'off' } });
  const muted = serve('fixture', { env: { SUBSCRIBER: 'off', LOG_TO_STDERR: 'off' } });

  test('says its errors on stderr', async (t) => {
    const socket = await connect(t, `${silent.url}/errors`);
    await failure(socket, 'boxed');
    const [report, ...more] = await lines(silent.process, { event: 'boxed', until: /ERROR/ });
    assert.match(report, /a handler failed error="invalid digit found in string"/);
    assert.equal(more.length, 1, 'one for each time it was sent');
    assert.doesNotMatch(silent.process.log, /INFO|DEBUG/);
  });

  test('says nothing where that is switched off', async (t) => {
    const socket = await connect(t, `${muted.url}/errors`);
    assert.equal((await failure(socket, 'boxed')).code, 'INTERNAL');
    assert.equal(muted.process.log, '');
  });

  test('says nothing twice where there is a subscriber', async (t) => {
    const socket = await connect(t, at());
    await failure(socket, 'anyhow');
    const reports = errors(await lines(server.process, { id: socket.id, event: 'anyhow' }));
    assert.equal(reports.length, 2, 'one for each time it was sent');
  });
});
