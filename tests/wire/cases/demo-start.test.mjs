// How the demo starts, and what it answers over HTTP.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { answer, connect, refusal } from '../lib/client.mjs';
import { directory, SECRET } from '../lib/demo.mjs';
import { serve } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';

const post = (url, body) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

// The events of each namespace, as `docs/demo.md` has them.
async function documented() {
  const page = await readFile(path.join(import.meta.dirname, '../../../docs/demo.md'), 'utf8');
  const namespaces = page.matchAll(/^## `(\/\w+)`\n([^]*?)(?=^## )/gm);
  return [...namespaces].flatMap(([, namespace, text]) =>
    [...text.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, event]) => `${namespace} ${event}`),
  );
}

describe('without a secret', () => {
  const place = directory();
  const server = serve('demo-app', {
    args: ['--listen', '127.0.0.1:0'],
    env: { DATABASE_URL: `sqlite://${path.join(place, 'demo.db')}` },
  });

  test('anyone may log in, and chats with that token', async (t) => {
    const reply = await post(`${server.url}/auth/login`, { userId: 1, role: 'user' });
    assert.equal(reply.status, 200);
    const { access_token: bearer } = await reply.json();
    const socket = await connect(t, `${server.url}/chat`, { auth: { token: bearer } });
    assert.deepEqual(await answer(socket, 'join-room', { roomId: 'room-1' }), { success: true });
    const { senderId } = await answer(socket, 'send-message', { roomId: 'room-1', content: 'Hello' });
    assert.equal(senderId, 1);
  });

  test('a token of nobody\'s secret is refused, that of an empty one as well', async (t) => {
    for (const secret of ['', 'secret', SECRET]) {
      const auth = { token: token(1, secret) };
      assert.equal(await refusal(t, `${server.url}/chat`, { auth }), '认证失败');
    }
  });

  test('a login that makes no sense is refused', async () => {
    for (const body of [{}, { userId: 'ann' }, { userId: -1 }, [], null]) {
      const reply = await post(`${server.url}/auth/login`, body);
      assert.equal(reply.status, 422, JSON.stringify(body));
      assert.equal((await reply.json()).code, 'VALIDATION');
    }
  });

  test('the official client is where pages look for it', async () => {
    for (const name of ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js']) {
      const reply = await fetch(`${server.url}/socket.io/${name}`);
      assert.equal(reply.status, 200);
      assert.match(reply.headers.get('content-type'), /^text\/javascript/);
      const official = path.join(import.meta.dirname, '../node_modules/socket.io-client/dist', name.replace('io.js', 'io.min.js'));
      assert.equal(await reply.text(), await readFile(official, 'utf8'), 'that of the official package');
      const again = await fetch(reply.url, { headers: { 'if-none-match': reply.headers.get('etag') } });
      assert.equal(again.status, 304);
    }
  });

  test('the table of routes stands on stdout, without the secret', async () => {
    const table = server.process.lines.join('\n');
    const served = table.matchAll(/^(\/\w+) +([a-z-]+) /gm);
    assert.deepEqual([...served].map(([, namespace, event]) => `${namespace} ${event}`).toSorted(), (await documented()).toSorted());
    assert.match(server.process.log, /random/i, 'the random secret is logged as such');
  });
});

describe('with a secret', () => {
  const server = serve('demo-app', {
    args: ['--listen', '127.0.0.1:0', '--database-url', 'sqlite::memory:'],
    env: { JWT_SECRET: SECRET },
  });

  test('there is no login', async () => {
    assert.equal((await post(`${server.url}/auth/login`, { userId: 1 })).status, 404);
  });

  test('a database in memory will do', async (t) => {
    const auth = { token: token(1, SECRET) };
    const sockets = [];
    for (let count = 0; count < 20; count += 1) sockets.push(await connect(t, `${server.url}/chat`, { auth }));
    await answer(sockets[0], 'join-room', { roomId: 'r' });
    const sent = await Promise.all(sockets.map((socket) => answer(socket, 'send-message', { roomId: 'r', content: 'x' })));
    const { messages } = await answer(sockets[1], 'history', { roomId: 'r' });
    assert.equal(messages.length, sent.length);
  });

  test('the secret is never told', async () => {
    assert.ok(!server.process.log.includes(SECRET));
    assert.ok(!server.process.lines.join('\n').includes(SECRET));
  });
});

describe('for pages of other origins', () => {
  const OWN = 'https://app.example';
  const server = serve('demo-app', {
    args: ['--listen', ':0', '--database-url', 'sqlite::memory:'],
    env: { CORS_ORIGIN: OWN },
  });
  const preflight = (origin, method) =>
    fetch(`${server.url}/orders`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,last-event-id',
      },
    });

  test('a port alone is one of this machine', () => {
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test('the routes answer those that are allowed, and no others', async () => {
    const { headers } = await preflight(OWN, 'POST');
    assert.equal(headers.get('access-control-allow-origin'), OWN);
    for (const header of ['authorization', 'content-type', 'last-event-id']) {
      assert.ok(headers.get('access-control-allow-headers').includes(header), header);
    }
    const foreign = await preflight('https://evil.example', 'POST');
    assert.equal(foreign.headers.get('access-control-allow-origin'), null);
    const login = await fetch(`${server.url}/auth/login`, {
      method: 'POST',
      headers: { origin: OWN, 'content-type': 'application/json' },
      body: '{"userId":1}',
    });
    assert.equal(login.headers.get('access-control-allow-origin'), OWN);
    assert.ok((await login.json()).access_token);
  });
});

describe('with a secret and the login', () => {
  const server = serve('demo-app', {
    args: ['--listen', '127.0.0.1:0', '--database-url', 'sqlite::memory:', '--jwt-secret', SECRET, '--dev-login'],
  });

  test('a token of the login is one of that secret', async () => {
    const { access_token: bearer } = await (await post(`${server.url}/auth/login`, { userId: '7' })).json();
    const claims = JSON.parse(Buffer.from(bearer.split('.')[1], 'base64url'));
    assert.equal(claims.sub, 7);
    assert.ok(claims.exp > Date.now() / 1000);
  });
});
