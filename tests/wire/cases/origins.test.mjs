// Which pages may connect: browsers send `Origin`, and CORS does not stop a WebSocket.

import assert from 'node:assert/strict';
import http from 'node:http';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { answer, connect, refusal, TRANSPORTS } from '../lib/client.mjs';
import { serve, start } from '../lib/server.mjs';
import { eventually, within } from '../lib/wait.mjs';

const { WebSocket } = createRequire(createRequire(import.meta.url).resolve('engine.io-client'))('ws');

const server = serve('fixture');
const ALLOWED = 'http://allowed.example';
const FOREIGN = 'http://evil.example';

// `fetch` would not let us say who we are.
function request(method, headers, { to = server, path = '/socket.io/?EIO=4&transport=polling' } = {}) {
  return within(
    new Promise((resolve, reject) => {
      const sent = http.request(to.url + path, { method, headers }, (response) => {
        response.body = '';
        response.on('data', (data) => (response.body += data));
        response.on('end', () => resolve(response));
      });
      sent.on('error', reject);
      sent.end();
    }),
    'the response',
  );
}

// The status a WebSocket is refused with, or 101.
function handshake(origin, { to = server, headers = {} } = {}) {
  const url = `${to.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
  const socket = new WebSocket(url, origin ? { origin, headers } : { headers });
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

test('the port of a scheme may be written or not', async () => {
  for (const [host, origin] of [['chat.example:443', 'https://chat.example'], ['chat.example:80', 'http://chat.example']]) {
    assert.equal((await request('GET', { host, origin })).statusCode, 200, host);
    assert.equal(await handshake(origin, { headers: { host } }), 101, host);
    const elsewhere = { host: 'chat.example:8443', origin };
    assert.equal((await request('GET', elsewhere)).statusCode, 403, host);
  }
});

test('who runs the server reads which page was refused, and what to write', async (t) => {
  const own = await start('fixture');
  t.after(() => own.stop());
  for (let time = 0; time < 5; time += 1) {
    await request('GET', { host: '127.0.0.1:3000', origin: 'https://chat.example' }, { to: own });
  }
  const log = await eventually(() => own.log, (text) => text.includes('https://chat.example'), 'the line');
  const lines = log.split('\n').filter((line) => line.includes('https://chat.example'));
  assert.equal(lines.length, 1, 'one line for many');
  for (const part of ['WARN', '127.0.0.1:3000', 'cors(origins = ["https://chat.example"])', '.trusted_proxies(']) {
    assert.ok(lines[0].includes(part), `${part}: ${lines[0]}`);
  }
});

// What a proxy that ends TLS adds to a request of 198.51.100.7 for https://chat.example.
const FORWARDED = {
  host: '127.0.0.1:3000',
  'x-forwarded-for': '203.0.113.9, 198.51.100.7',
  'x-forwarded-host': 'chat.example',
  'x-forwarded-proto': 'https',
};

describe('behind a proxy that is trusted', () => {
  const behind = serve('fixture', { env: { TRUSTED_PROXIES: '127.0.0.1' } });

  test('the page is compared with the server as the client named it', async () => {
    const origin = 'https://chat.example';
    assert.equal((await request('GET', { ...FORWARDED, origin }, { to: behind })).statusCode, 200);
    assert.equal(await handshake(origin, { to: behind, headers: FORWARDED }), 101);
    for (const foreign of ['http://chat.example', 'https://chat.example:8443', 'http://127.0.0.1:3000', FOREIGN]) {
      const headers = { ...FORWARDED, origin: foreign };
      assert.equal((await request('GET', headers, { to: behind })).statusCode, 403, foreign);
    }
  });

  for (const transport of TRANSPORTS) {
    test(`its client is who it says, and comes into gateways with a list of their own, by ${transport}`, async (t) => {
      const extraHeaders = { ...FORWARDED, origin: 'https://chat.example' };
      const socket = await connect(t, `${behind.url}/extractors`, { transport, extraHeaders });
      assert.equal(await answer(socket, 'address'), '198.51.100.7');
      assert.ok((await connect(t, `${behind.url}/cors`, { transport, extraHeaders })).connected);
    });
  }

  test('routes see the same client', async () => {
    const { body } = await request('GET', FORWARDED, { to: behind, path: '/guest?name=address' });
    assert.equal(body, '198.51.100.7');
  });
});

test('who is not trusted is not believed', async (t) => {
  const headers = { ...FORWARDED, origin: 'https://chat.example' };
  assert.equal((await request('GET', headers)).statusCode, 403);
  const extraHeaders = { 'x-forwarded-for': '198.51.100.7' };
  const socket = await connect(t, `${server.url}/extractors`, { extraHeaders });
  assert.equal(await answer(socket, 'address'), '127.0.0.1');
  const { body } = await request('GET', extraHeaders, { path: '/guest?name=address' });
  assert.equal(body, '127.0.0.1');
});

describe('where hosts are named', () => {
  const named = serve('fixture', { env: { ALLOWED_HOSTS: 'chat.example,localhost:3000' } });

  test('a request to another one is refused, on both transports and every route', async () => {
    for (const host of ['chat.example', 'CHAT.example.', 'chat.example:8080', 'localhost:3000']) {
      assert.equal((await request('GET', { host }, { to: named })).statusCode, 200, host);
      assert.equal(await handshake(undefined, { to: named, headers: { host } }), 101, host);
    }
    // The last is what a page sees whose name was made to lead here.
    for (const host of ['evil.example', 'localhost', 'localhost:3001', 'chat.example.evil.example', '127.0.0.1']) {
      const headers = { host, origin: `http://${host}` };
      assert.equal((await request('GET', headers, { to: named })).statusCode, 421, host);
      assert.equal(await handshake(`http://${host}`, { to: named, headers: { host } }), 421, host);
      const route = await request('GET', headers, { to: named, path: '/guest?name=Ada' });
      assert.equal(route.statusCode, 421, host);
    }
    assert.match(named.process.log, /WARN.*evil\.example.*allowed_hosts/);
  });

  test('probes ask by whatever name they have', async () => {
    const probe = await request('GET', { host: '10.1.2.3:8080' }, { to: named, path: '/healthz' });
    assert.equal(probe.statusCode, 200);
  });
});
