// What stands around a server: layers, the question whether a session may begin, and what its first
// answer carries.

import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { answer, connect, connected, open, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const AUTHENTICATION_TIMEOUT_MS = 500;

const server = serve('fixture', {
  env: { OUTSIDE: 'on', AUTHENTICATION_TIMEOUT_MS: `${AUTHENTICATION_TIMEOUT_MS}` },
});
const handshake = (query = '') => `${server.url}/socket.io/?EIO=4&transport=polling${query}`;
const there = () => `${server.url}/outside`;

const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';

// The answer to the opening of a WebSocket.
function openWebSocket(t, url) {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const request = http.get(url, { headers });
  t.after(() => request.destroy());
  const answered = new Promise((resolve, reject) => {
    const told = (response, body) => resolve({ status: response.statusCode, headers: response.headers, body });
    request.on('upgrade', (response) => told(response)).on('error', reject);
    request.on('response', async (response) => told(response, Buffer.concat(await response.toArray()).toString()));
  });
  return within(answered, `an answer from ${url}`);
}

describe('a layer', () => {
  test('stands around handshakes, routes and health checks', async () => {
    for (const path of ['/healthz', '/readyz', '/nothing-here', '/socket.io/?EIO=3&transport=polling']) {
      const { headers } = await fetch(`${server.url}${path}`);
      assert.equal(headers.get('x-answered-by'), 'fixture', path);
    }
    assert.equal((await fetch(handshake())).headers.get('x-answered-by'), 'fixture');
  });

  test('may take its time, and clients wait for it', async (t) => {
    for (const transport of TRANSPORTS) {
      const began = performance.now();
      const socket = await connect(t, there(), { transport, query: { wait: 300 } });
      assert.ok(performance.now() - began >= 300, transport);
      assert.equal(await answer(socket, 'echo', 'late'), 'late');
    }
  });
});

describe('the answer with which a session begins', () => {
  test('carries headers and cookies, and no later one does', async () => {
    const first = await fetch(handshake('&name=alice'));
    assert.deepEqual(first.headers.getSetCookie(), ['instance=a; Path=/; HttpOnly']);
    assert.equal(first.headers.get('x-hello'), 'alice');
    const { sid } = JSON.parse((await first.text()).slice(1));
    const next = await fetch(handshake(`&sid=${sid}`), { method: 'POST', body: '40/outside,' });
    assert.equal(next.status, 200);
    assert.deepEqual(next.headers.getSetCookie(), []);
  });

  test('carries them by WebSocket, too', async (t) => {
    const { status, headers } = await openWebSocket(t, `${server.url}${WEBSOCKET}&name=bob`);
    assert.equal(status, 101);
    assert.deepEqual(headers['set-cookie'], ['instance=a; Path=/; HttpOnly']);
    assert.equal(headers['x-hello'], 'bob');
    assert.equal(headers['x-answered-by'], 'fixture');
  });
});

describe('whoever may not begin a session', () => {
  const asked = async (invitation) => {
    const response = await fetch(handshake(`&invitation=${invitation}`));
    return [response.status, await response.json()];
  };

  test('is refused as Engine.IO refuses, with the reason', async () => {
    assert.deepEqual(await asked('forged'), [403, { code: 4, message: 'You are not invited' }]);
    assert.equal((await fetch(handshake('&invitation=good'))).status, 200);
  });

  test('is told the same before there is a WebSocket', async (t) => {
    const { status, body, headers } = await openWebSocket(t, `${server.url}${WEBSOCKET}&invitation=forged`);
    assert.deepEqual([status, JSON.parse(body)], [403, { code: 4, message: 'You are not invited' }]);
    assert.equal(headers.upgrade, undefined);
    assert.equal((await openWebSocket(t, `${server.url}${WEBSOCKET}&invitation=good`)).status, 101);
  });

  for (const transport of ['polling', 'websocket']) {
    test(`sees that by ${transport}`, async (t) => {
      const socket = open(t, there(), { transport, query: { invitation: 'forged' } });
      const error = await within(new Promise((resolve) => socket.once('connect_error', resolve)), 'a refusal');
      assert.match(error.message, /xhr poll error|websocket error/);
      if (transport === 'polling') assert.equal(error.description, 403);
    });
  }

  test('is refused if the question fails, panics or takes too long', async () => {
    const error = { code: 'INTERNAL', message: 'Internal server error' };
    assert.deepEqual(await asked('fails'), [500, error]);
    assert.deepEqual(await asked('panics'), [500, error]);
    assert.match(server.process.log, /allow_request.*has failed/);
    const began = performance.now();
    const [status, { code }] = await asked('hangs');
    assert.deepEqual([status, code], [503, 'TIMEOUT']);
    assert.ok(performance.now() - began < AUTHENTICATION_TIMEOUT_MS + 2_000);
    assert.match(server.process.log, /authentication_timeout/);
  });

  test('is not asked again for the requests of its session', async (t) => {
    const socket = await connect(t, there(), { transport: 'upgrade', query: { invitation: 'good' } });
    assert.equal(await answer(socket, 'echo', 'in'), 'in');
  });
});

describe('without upgrades', () => {
  const polling = serve('fixture', { env: { ALLOW_UPGRADES: 'off' } });

  test('a default client stays on polling, and one by WebSocket may come', async (t) => {
    const socket = await connected(open(t, `${polling.url}/outside`, { transport: 'upgrade' }));
    assert.equal(await answer(socket, 'echo', 'x'.repeat(100_000)), 'x'.repeat(100_000));
    assert.equal(socket.io.engine.transport.name, 'polling');
    const direct = await connect(t, `${polling.url}/outside`, { transport: 'websocket' });
    assert.equal(await answer(direct, 'echo', 'in'), 'in');
  });

  test('whoever tries all the same is refused', async (t) => {
    const first = await fetch(`${polling.url}/socket.io/?EIO=4&transport=polling`);
    const open = JSON.parse((await first.text()).slice(1));
    assert.deepEqual(open.upgrades, []);
    const { status, headers } = await openWebSocket(t, `${polling.url}${WEBSOCKET}&sid=${open.sid}`);
    assert.deepEqual([status, headers.connection], [400, 'close']);
  });
});
