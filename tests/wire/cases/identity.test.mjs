// Who is let in, and that nobody else is served.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { answer, connect, connected, failureOnce, label, open, refusal, TRANSPORTS } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { inAnHour, sign, token } from '../lib/token.mjs';
import { within } from '../lib/wait.mjs';

// The client's own WebSocket, for what the client itself would never send.
const { WebSocket } = createRequire(createRequire(import.meta.url).resolve('engine.io-client'))('ws');

const SECRET = 'a secret of this suite';
const server = serve('fixture', { env: { JWT_SECRET: SECRET } });
const at = (namespace) => server.url + namespace;

const FORGED = {
  'no token at all': 'garbage',
  'three parts of nothing': 'a.b.c',
  'another secret': token(1, 'another secret'),
  'signed by nobody': sign({ sub: 1, exp: inAnHour() }, '', { alg: 'none' }),
  'another algorithm': sign({ sub: 1, exp: inAnHour() }, SECRET, { alg: 'HS512' }),
  'expired a second ago': token(1, SECRET, { exp: Math.floor(Date.now() / 1000) - 1 }),
  'no expiry': sign({ sub: 1 }, SECRET),
  'an expiry in words': token(1, SECRET, { exp: 'tomorrow' }),
  'other claims': sign({ exp: inAnHour(), name: 'no sub' }, SECRET),
  'changed claims': (() => {
    const [head, , signature] = token(1, SECRET).split('.');
    const claims = Buffer.from(JSON.stringify({ sub: 2, exp: inAnHour() })).toString('base64url');
    return [head, claims, signature].join('.');
  })(),
};

for (const transport of TRANSPORTS) {
  describe(`by ${transport}`, () => {
    test('a good token lets its bearer in, however it is given', async (t) => {
      const good = token(7, SECRET, { role: 'admin' });
      for (const options of [
        { auth: { token: good } },
        { auth: { token: `Bearer ${good}` } },
        { auth: { token: `bearer ${good}` } },
        { extraHeaders: { authorization: `Bearer ${good}` } },
        { extraHeaders: { authorization: good } },
        { auth: { token: good }, extraHeaders: { authorization: 'Bearer garbage' } },
      ]) {
        const socket = await connect(t, at('/private'), { transport, ...options });
        assert.deepEqual(await answer(socket, 'who-am-i'), { sub: 7, role: 'admin' });
      }
    });

    test('no other token does, and no hook runs', async (t) => {
      const inside = await probe(t, server.url);
      for (const [what, forged] of Object.entries(FORGED)) {
        const key = label();
        const auth = { label: key, token: forged };
        assert.equal(await refusal(t, at('/private'), { transport, auth }), 'bad token', what);
        assert.deepEqual(await inside.journal(key), [], what);
      }
      const key = label();
      for (const options of [{}, { query: { token: token(1, SECRET), label: key } }]) {
        const auth = { label: key };
        assert.equal(await refusal(t, at('/private'), { transport, auth, ...options }), 'no token');
      }
      assert.deepEqual(await inside.journal(key), []);
      await inside.empty('/private');
    });
  });
}

test('a refusal leaves the other namespaces of the client alone', async (t) => {
  const open = await connect(t, at('/probe'));
  const refused = open.io.socket('/private', { auth: { token: 'garbage' } });
  t.after(() => refused.disconnect());
  const error = await within(
    new Promise((resolve) => refused.once('connect_error', resolve)),
    'the refusal',
  );
  assert.equal(error.message, 'bad token');
  assert.equal(refused.connected, false);
  assert.deepEqual(await answer(open, 'journal', 'nothing'), []);
  assert.ok(open.connected);

  refused.auth = { token: token(3, SECRET) };
  refused.connect();
  await connected(refused);
  assert.equal((await answer(refused, 'who-am-i')).sub, 3, 'let in by a better token');
});

test('a message to a namespace that was never entered runs no handler', async (t) => {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  t.after(() => socket.terminate());
  const frames = [];
  const done = new Promise((resolve) => {
    socket.on('close', resolve);
    socket.on('message', (data) => {
      const text = String(data);
      frames.push(text);
      if (text.startsWith('0')) {
        socket.send('42/private,0["who-am-i"]');
        socket.send('40/private,{"token":"garbage"}');
        socket.send('42/private,1["who-am-i"]');
        socket.send('40/extractors,');
      }
      if (text.startsWith('40/extractors')) {
        socket.send('42/private,2["who-am-i"]');
        socket.send('42/extractors,3["event"]');
      }
      if (text.startsWith('43/extractors,3')) resolve();
    });
  });
  await within(done, 'an answer or the end');
  assert.deepEqual(
    frames.filter((frame) => frame.startsWith('43/private') || frame.startsWith('42/private')),
    [],
  );
});

test('a namespace that nobody serves is refused', async (t) => {
  assert.match(await refusal(t, at('/nowhere')), /./);
});

describe('an authenticator of the application', () => {
  for (const transport of TRANSPORTS) {
    test(`may take its time, by ${transport}`, async (t) => {
      const inside = await probe(t, server.url);
      const auth = { label: label(), name: 'Ada', ms: 300 };
      const socket = open(t, at('/own'), { transport, auth });
      const early = answer(socket, 'say', 1);
      const spoken = new Promise((resolve) => {
        socket.once('connect', () => resolve(answer(socket, 'say', 2)));
      });
      assert.deepEqual(await Promise.all([early, spoken]), ['Ada says 1', 'Ada says 2']);
      assert.deepEqual(await inside.journal(auth.label), ['at the door', 'Ada', 1, 2]);
    });
  }

  test('refuses in its own words', async (t) => {
    const inside = await probe(t, server.url);
    const auth = { label: label(), ms: 20 };
    assert.equal(await refusal(t, at('/own'), { auth }), 'no name, no entry');
    assert.deepEqual(await inside.journal(auth.label), ['at the door']);
  });

  test('that fails or panics refuses without a word about the inside', async (t) => {
    const inside = await probe(t, server.url);
    for (const name of ['internal', 'panic']) {
      const auth = { label: label(), name };
      const message = await refusal(t, at('/own'), { auth });
      assert.equal(message, 'Internal server error', name);
      assert.deepEqual(await inside.journal(auth.label), ['at the door']);
    }
  });

  test('whose client leaves meanwhile: hooks run both or not at all', async (t) => {
    const inside = await probe(t, server.url);
    const auths = await Promise.all(
      Array.from({ length: 30 }, async (_, number) => {
        const auth = { label: label(), name: 'Eve', ms: 100 };
        const socket = open(t, at('/own'), { auth });
        await inside.until(auth.label, (entries) => entries.length > 0);
        setTimeout(() => socket.disconnect(), number * 7);
        return auth;
      }),
    );
    for (const { label: key } of auths) {
      await inside.until(
        key,
        (entries) => entries.filter((entry) => entry === 'Eve').length === entries.filter((entry) => entry === 'gone').length,
        'both hooks or none',
      );
    }
  });
});

describe('an authenticator that hangs', () => {
  const hasty = serve('fixture', { env: { AUTHENTICATION_TIMEOUT_MS: '300' } });

  for (const transport of TRANSPORTS) {
    test(`is dropped, and its client refused, by ${transport}`, async (t) => {
      const inside = await probe(t, hasty.url);
      const auth = { label: label(), name: 'hang' };
      const message = await refusal(t, `${hasty.url}/own`, { transport, auth });
      assert.equal(message, 'Authentication took too long');
      assert.deepEqual(await inside.journal(auth.label), ['at the door', 'the doorman left']);
      const socket = await connect(t, `${hasty.url}/own`, { transport, auth: { name: 'Ada' } });
      assert.equal(await answer(socket, 'say', 1), 'Ada says 1');
    });
  }

  test('over a renewal is dropped, and the session stays what it was', async (t) => {
    const inside = await probe(t, hasty.url);
    const socket = await connect(t, `${hasty.url}/own`, { auth: { name: 'Ada' } });
    const auth = { label: label(), name: 'hang' };
    assert.equal((await failureOnce('exception', socket, 'reauthenticate', auth)).code, 'TIMEOUT');
    assert.deepEqual(await inside.journal(auth.label), ['at the door', 'the doorman left']);
    assert.equal(await answer(socket, 'say', 1), 'Ada says 1');
  });

  test('over a request of HTTP is dropped, and that answered', async (t) => {
    const inside = await probe(t, hasty.url);
    const response = await within(fetch(`${hasty.url}/guest?name=hang`), 'the answer');
    assert.equal(response.status, 503);
    assert.equal((await response.json()).code, 'TIMEOUT');
    assert.equal((await inside.journal('-')).at(-1), 'the doorman left');
    assert.equal(await (await fetch(`${hasty.url}/guest?name=Ada`)).text(), 'Ada');
  });
});

describe('over HTTP', () => {
  test('a refusal has the status it is one of', async () => {
    for (const [name, status, code] of [
      ['', 401, 'UNAUTHORIZED'],
      ['forbidden', 403, 'FORBIDDEN'],
      ['throttled', 429, 'THROTTLED'],
      ['internal', 500, 'INTERNAL'],
    ]) {
      const query = name && `?name=${name}`;
      const response = await within(fetch(`${server.url}/guest${query}`), 'the answer');
      assert.equal(response.status, status, name);
      assert.equal((await response.json()).code, code, name);
      // In whole seconds, and never too early.
      assert.equal(response.headers.get('retry-after'), name === 'throttled' ? '3' : null);
    }
  });

  test('a token of a subject in digits is that of the user with this number', async (t) => {
    const good = sign({ sub: '7', exp: inAnHour() }, SECRET);
    const response = await fetch(`${server.url}/me`, { headers: { authorization: `Bearer ${good}` } });
    assert.equal((await response.json()).sub, 7);
    const socket = await connect(t, at('/private'), { auth: { token: good } });
    assert.equal((await answer(socket, 'who-am-i')).sub, 7);
  });
});

test('who runs the server reads why a token was refused, now and then', async (t) => {
  const forged = token(1, 'another secret');
  assert.equal(await refusal(t, at('/private'), { auth: { token: forged } }), 'bad token');
  const lines = server.process.log.split('\n').filter((line) => line.includes('a client was refused'));
  assert.ok(lines.some((line) => line.includes('WARN') && line.includes('/private')), server.process.log);
  assert.ok(!server.process.log.includes(forged), 'never the token');
});
