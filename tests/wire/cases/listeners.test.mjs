// What an application listens on: a Unix socket, and a port that is encrypted. Whatever it is, clients
// see the same server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { after, describe, test } from 'node:test';

import { answer, connect, label, left, open, TRANSPORTS } from '../lib/client.mjs';
import { serve, start } from '../lib/server.mjs';
import { eventually, within } from '../lib/wait.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gateway-listeners-'));
after(() => fs.rmSync(folder, { recursive: true }));
const file = (name) => path.join(folder, name);

// Asks for a page, and says what came.
function get(module, url, options = {}) {
  const asked = new Promise((resolve, reject) => {
    const request = module.get(url, options, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject);
  });
  return within(asked, `an answer from ${url}`);
}

// Stops a server of its own while clients of all transports wait for answers. `how` says how they reach it.
async function isDrained(t, env, how) {
  const server = await start('fixture', { env });
  t.after(() => server.kill());
  const { url, ...reached } = how(server);
  const clients = await Promise.all(
    TRANSPORTS.map(async (transport) => {
      const auth = { label: label() };
      const socket = await connect(t, `${url}/drain`, { transport, auth, ...reached });
      return { auth, gone: left(socket), answered: answer(socket, 'work', 7, 500) };
    }),
  );
  const told = (word) => server.lines.filter((line) => line.startsWith(`${word} `));
  await eventually(() => told('took').length, (taken) => taken === clients.length, 'all of them to be at work');
  await server.stop();
  for (const { gone, answered } of clients) {
    assert.equal(await answered, 7);
    assert.match(await gone, /transport close|io server disconnect/);
  }
  const expected = clients.map(({ auth }) => `left ${auth.label}`);
  assert.deepEqual(told('left').toSorted(), expected.toSorted(), 'every hook ran, once');
  assert.equal(server.lines.at(-1), 'stopped');
}

// What the server takes a connection for.
async function isSecure(t, url, options) {
  const { secure } = await answer(await connect(t, `${url}/closed`, options), 'since');
  return secure;
}

describe('a Unix socket', () => {
  const socketPath = file('chat.sock');
  const agent = new http.Agent({ socketPath });
  const server = serve('fixture', { env: { LISTEN: `unix:${socketPath}` } });
  const there = 'http://localhost/outside';

  for (const transport of TRANSPORTS) {
    test(`clients talk to it, by ${transport}`, async (t) => {
      const socket = await connect(t, there, { transport, agent });
      assert.equal(await answer(socket, 'echo', 'hello'), 'hello');
      const large = 'x'.repeat(500_000);
      assert.equal(await answer(socket, 'echo', large), large);
      assert.equal(await answer(socket, 'address'), null, 'nobody has an address');
    });
  }

  test('only those may connect whom its permissions allow', () => {
    assert.equal(fs.statSync(socketPath).mode & 0o777, 0o600);
  });

  test('a second application is told that it is taken, and takes nothing', async (t) => {
    await assert.rejects(start('fixture', { env: { LISTEN: `unix:${socketPath}` } }), /a process listens on it/);
    assert.equal(await answer(await connect(t, there, { agent }), 'echo', 'still'), 'still');
  });

  test('clients are let go and the file is removed when it stops', async (t) => {
    const socket = await connect(t, there, { agent });
    const gone = left(socket);
    await server.process.stop();
    assert.match(await gone, /transport close|io server disconnect/);
    assert.equal(fs.existsSync(socketPath), false);
  });

  test('what was taken is answered before it stops', async (t) => {
    const socketPath = file('drained.sock');
    const reached = { url: 'http://localhost', agent: new http.Agent({ socketPath }) };
    await isDrained(t, { LISTEN: `unix:${socketPath}` }, () => reached);
  });

  test('the file of one that was killed is replaced', async (t) => {
    const env = { LISTEN: `unix:${socketPath}` };
    const killed = await start('fixture', { env });
    await killed.kill();
    assert.equal(fs.existsSync(socketPath), true);
    const next = await start('fixture', { env });
    t.after(() => next.kill());
    assert.equal(await answer(await connect(t, there, { agent }), 'echo', 'back'), 'back');
  });
});

describe('a Unix socket that a proxy connects to', () => {
  const socketPath = file('proxied.sock');
  const agent = new http.Agent({ socketPath });
  serve('fixture', { env: { LISTEN: `unix:${socketPath}`, TRUSTED_PROXIES: 'unix' } });

  for (const transport of TRANSPORTS) {
    test(`clients have the address that the proxy says, by ${transport}`, async (t) => {
      const extraHeaders = { 'x-forwarded-for': '203.0.113.9' };
      const socket = await connect(t, 'http://localhost/outside', { transport, agent, extraHeaders });
      assert.equal(await answer(socket, 'address'), '203.0.113.9');
    });
  }
});

// Certificates for `localhost`, of an authority of their own.
function issue(name, chain = 'chain.pem', privateKey = 'key.pem') {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-keyout'];
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  if (!fs.existsSync(file('authority.pem'))) {
    openssl('req', '-x509', ...key, 'authority.key', '-out', 'authority.pem', '-subj', '/CN=authority');
  }
  openssl(
    ...['req', '-x509', ...key, privateKey, '-out', chain, '-subj', `/CN=${name}`],
    ...['-CA', 'authority.pem', '-CAkey', 'authority.key', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
  );
}

describe('a port that is encrypted', () => {
  const server = serve('fixture', () => {
    issue('first');
    return { env: { TLS_CHAIN: file('chain.pem'), TLS_KEY: file('key.pem') } };
  });
  const url = () => server.url.replace('127.0.0.1', 'localhost');
  const ca = () => fs.readFileSync(file('authority.pem'));

  for (const transport of TRANSPORTS) {
    test(`clients talk to it, by ${transport}`, async (t) => {
      const socket = await connect(t, `${url()}/outside`, { transport, ca: ca() });
      assert.equal(await answer(socket, 'echo', 'hello'), 'hello');
      const large = 'x'.repeat(500_000);
      assert.equal(await answer(socket, 'echo', large), large);
      assert.equal(await answer(socket, 'address'), '127.0.0.1');
    });
  }

  test('a client that does not know its authority does not connect', async (t) => {
    const socket = open(t, `${url()}/outside`);
    const refused = new Promise((resolve) => socket.once('connect_error', resolve));
    assert.match((await within(refused, 'a refusal')).message, /websocket error/);
  });

  test('only a page that was loaded by https is its own', async () => {
    const handshake = `${url()}/socket.io/?EIO=4&transport=polling`;
    const status = async (origin) => {
      const { status } = await get(https, handshake, { ca: ca(), headers: { origin } });
      return status;
    };
    assert.equal(await status(url()), 200);
    assert.equal(await status(url().replace('https', 'http')), 403);
  });

  for (const transport of TRANSPORTS) {
    test(`a connection is known to be secure, by ${transport}`, async (t) => {
      assert.equal(await isSecure(t, url(), { transport, ca: ca() }), true);
    });
  }

  test('without encryption, nothing is answered', async () => {
    await assert.rejects(get(http, url().replace('https', 'http')));
  });

  test('certificates are renewed while it runs, and kept if there are no better ones', async (t) => {
    const { hostname, port } = new URL(url());
    const shown = async () => {
      const socket = tls.connect({ host: hostname, port, servername: hostname, ca: ca() });
      await within(new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject)), 'TLS');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    const client = await connect(t, `${url()}/outside`, { ca: ca() });
    assert.equal(await shown(), 'first');
    issue('second');
    const told = (what) => eventually(() => server.process.lines.join('\n'), (lines) => what.test(lines), `${what}`);
    server.process.child.kill('SIGHUP');
    await told(/certificates renewed/);
    assert.equal(await shown(), 'second');
    fs.writeFileSync(file('chain.pem'), 'half of it');
    server.process.child.kill('SIGHUP');
    await told(/certificates kept: there is no certificate in it/);
    assert.equal(await shown(), 'second');
    assert.equal(await answer(client, 'echo', 'all the while'), 'all the while');
  });

  test('what was taken is answered before it stops', async (t) => {
    const env = { TLS_CHAIN: file('drained.pem'), TLS_KEY: file('drained-key.pem') };
    issue('drained', 'drained.pem', 'drained-key.pem');
    await isDrained(t, env, ({ url }) => ({ url: url.replace('127.0.0.1', 'localhost'), ca: ca() }));
  });

  test('clients are let go when it stops', async (t) => {
    const sockets = await Promise.all(
      TRANSPORTS.map((transport) => connect(t, `${url()}/outside`, { transport, ca: ca() })),
    );
    const gone = sockets.map(left);
    await server.process.stop();
    for (const reason of await Promise.all(gone)) {
      assert.match(reason, /transport close|io server disconnect/);
    }
  });
});

describe('a port that is not encrypted', () => {
  const EXTERNAL = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };
  const alone = serve('fixture');
  const proxied = serve('fixture', { env: { TRUSTED_PROXIES: '127.0.0.1' } });

  for (const transport of TRANSPORTS) {
    test(`a connection is secure if a trusted proxy says so, by ${transport}`, async (t) => {
      const secure = (server, extraHeaders) => isSecure(t, server.url, { transport, extraHeaders });
      assert.equal(await secure(proxied, EXTERNAL), true);
      assert.equal(await secure(proxied, { ...EXTERNAL, 'x-forwarded-proto': 'http' }), false);
      assert.equal(await secure(proxied, {}), false);
      assert.equal(await secure(alone, EXTERNAL), false, 'who is not trusted is not believed');
      assert.equal(await secure(alone, {}), false);
    });
  }
});
