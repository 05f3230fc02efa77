// Which pages may connect: browsers send `Origin`, and CORS does not stop a WebSocket.

import assert from 'node:assert/strict';
import http from 'node:http';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { answer, connect, refusal, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const { WebSocket } = createRequire(createRequire(import.meta.url).resolve('engine.io-client'))('ws');

const server = serve('fixture');
const ALLOWED = 'http://allowed.example';
const FOREIGN = 'http://evil.example';

// `fetch` would not let us say who we are.
function request(method, headers) {
  const url = `${server.url}/socket.io/?EIO=4&transport=polling`;
  return within(
    new Promise((resolve, reject) => {
      const sent = http.request(url, { method, headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response));
      });
      sent.on('error', reject);
      sent.end();
    }),
    'the response',
  );
}

// The status a WebSocket is refused with, or 101.
function handshake(origin) {
  const url = `${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
  const socket = new WebSocket(url, origin ? { origin } : {});
  return within(
    new Promise((resolve) => {
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.on('open', () => resolve(101));
      socket.on('error', () => {});
    }).finally(() => socket.terminate()),
    'the handshake',
  );
}

describe('at the handshake', () => {
  test('a page no gateway allows is refused on both transports', async () => {
    assert.equal((await request('GET', { origin: FOREIGN })).statusCode, 403);
    assert.equal(await handshake(FOREIGN), 403);
  });

  test('a page some gateway allows, the own one, and who is no page are not', async () => {
    for (const origin of [ALLOWED, 'https://also.example:8443', server.url, undefined]) {
      const headers = origin ? { origin } : {};
      assert.equal((await request('GET', headers)).statusCode, 200, origin);
      assert.equal(await handshake(origin), 101, origin);
    }
  });

  test('polling gets the headers browsers ask for', async () => {
    const { headers } = await request('GET', { origin: ALLOWED });
    assert.equal(headers['access-control-allow-origin'], ALLOWED);
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.match(headers.vary, /origin/i);
    const own = await request('GET', {});
    assert.equal(own.headers['access-control-allow-origin'], undefined);
  });

  test('a preflight is answered', async () => {
    const preflight = (origin) =>
      request('OPTIONS', {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      });
    const yes = await preflight(ALLOWED);
    assert.equal(yes.statusCode, 204);
    assert.equal(yes.headers['access-control-allow-origin'], ALLOWED);
    assert.match(yes.headers['access-control-allow-methods'], /POST/);
    assert.equal(yes.headers['access-control-allow-headers'], 'content-type');
    const no = await preflight(FOREIGN);
    assert.equal(no.statusCode, 403);
    assert.equal(no.headers['access-control-allow-origin'], undefined);
  });
});

for (const transport of TRANSPORTS) {
  test(`at CONNECT, each gateway has its own list, by ${transport}`, async (t) => {
    const extraHeaders = { origin: ALLOWED };
    const socket = await connect(t, `${server.url}/cors`, { transport, extraHeaders });
    assert.equal(await answer(socket, 'ping'), 'pong');
    assert.equal(
      await refusal(t, `${server.url}/probe`, { transport, extraHeaders }),
      'Origin not allowed',
    );
    const own = { extraHeaders: { origin: server.url }, transport };
    assert.ok((await connect(t, `${server.url}/probe`, own)).connected);
  });
}
