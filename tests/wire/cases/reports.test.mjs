// What people reported of other servers, tried on this one. docs/reports.md names the reports.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';

import { answer, ask, collect, connect, connected, cut, open, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { eventually, within } from '../lib/wait.mjs';

const server = serve('fixture');

const all = (stream) =>
  within(
    new Promise((resolve, reject) => {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('end', () => resolve(Buffer.concat(chunks).toString()));
      stream.on('error', reject);
    }),
    'the end of a response',
  );

// A proxy that speaks HTTP and no WebSocket: `upgrade` says what becomes of those.
function proxy(upgrade) {
  const running = {};
  before(async () => {
    running.server = http.createServer((request, response) => {
      const { pathname, search } = new URL(request.url, server.url);
      const { connection: _, upgrade: __, ...headers } = request.headers;
      const passed = http.request(server.url + pathname + search, { method: request.method, headers }, (answered) => {
        response.writeHead(answered.statusCode, answered.headers);
        answered.pipe(response);
      });
      passed.on('error', () => response.destroy());
      response.on('close', () => passed.destroy());
      request.pipe(passed);
    });
    if (upgrade) running.server.on('upgrade', upgrade);
    await new Promise((resolve) => running.server.listen(0, '127.0.0.1', resolve));
    running.url = `http://127.0.0.1:${running.server.address().port}`;
  });
  after(() => {
    running.server.closeAllConnections();
    running.server.close();
  });
  return running;
}

describe('behind a proxy without WebSockets', () => {
  const ways = {
    'that takes the upgrade away': undefined,
    'that answers it with 502': (request, socket) =>
      socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
  };
  for (const [what, upgrade] of Object.entries(ways)) {
    describe(what, () => {
      const between = proxy(upgrade);
      test('a client goes on by polling', async (t) => {
        const socket = await connect(t, `${between.url}/`, { transports: ['polling', 'websocket'] });
        const disconnects = collect(socket, 'disconnect');
        for (let number = 0; number < 20; number += 1) assert.equal(await answer(socket, 'message-with-ack', number), number);
        assert.equal(socket.io.engine.transport.name, 'polling');
        assert.deepEqual(disconnects, []);
      });
    });
  }
});

// All that comes back over a connection on which that was written.
async function exchange(text) {
  const { hostname, port } = new URL(server.url);
  const socket = net.connect(port, hostname);
  socket.write(text);
  return all(socket);
}

test('an upgrade by HTTP/1.0 costs nothing but its connection', async (t) => {
  const reply = await exchange(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.0\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  assert.match(reply, /^HTTP\/1\.[01] 400 /);
  const socket = await connect(t, `${server.url}/`);
  assert.equal(await answer(socket, 'message-with-ack', 1), 1);
  assert.doesNotMatch(server.process.log, /panicked/);
});

test('a body may be cut anywhere, within a character too', async () => {
  const request = (method, sid, write) =>
    within(
      new Promise((resolve, reject) => {
        const url = `${server.url}/socket.io/?EIO=4&transport=polling${sid ? `&sid=${sid}` : ''}`;
        const sent = http.request(url, { method, headers: { 'content-type': 'text/plain;charset=UTF-8' } }, (reply) => resolve(all(reply)));
        sent.on('error', reject);
        write?.(sent);
        sent.end();
      }),
      'a response',
    );
  const { sid } = JSON.parse((await request('GET')).slice(1));
  await request('POST', sid, (sent) => sent.write('40'));
  const said = '🎉 \u2028 \uffff é';
  const body = Buffer.from(`420["message-with-ack",${JSON.stringify(said)}]`);
  // Without a length it goes in chunks, here of a byte each.
  await request('POST', sid, (sent) => {
    for (const byte of body) sent.write(Buffer.of(byte));
  });
  const heard = await eventually(
    () => request('GET', sid),
    (text) => text.includes('430['),
    'the answer',
  );
  assert.ok(heard.split('\x1e').includes(`430[${JSON.stringify(said)}]`), heard);
});

for (const transport of TRANSPORTS) {
  test(`a large answer arrives whole, by ${transport}`, async (t) => {
    const socket = await connect(t, `${server.url}/raw`, { transport });
    for (let times = 0; times < 3; times += 1) {
      const text = await answer(socket, 'large');
      assert.equal(text.length, 3_300_000);
    }
  });
}

test('what is sent while there is no connection is sent with the next one, once and in order', async (t) => {
  const socket = open(t, `${server.url}/`, { prepare: () => {}, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
  const heard = collect(socket, 'message-back');
  const numbers = (from) => Array.from({ length: 50 }, (_, index) => from + index);
  // Before it was ever connected: `open` has it connect only after `prepare`.
  const first = numbers(0).map((number) => ask(socket, 'message-with-ack', number));
  for (const number of numbers(0)) socket.emit('message', number);
  await connected(socket);
  assert.deepEqual((await Promise.all(first)).flat(), numbers(0));
  await eventually(() => heard.length, (length) => length >= 50, 'all of the first');

  const gone = within(new Promise((resolve) => socket.once('disconnect', resolve)), 'the disconnect');
  cut(socket);
  await gone;
  const second = numbers(50).map((number) => ask(socket, 'message-with-ack', number));
  for (const number of numbers(50)) socket.emit('message', number);
  assert.deepEqual((await Promise.all(second)).flat(), numbers(50));
  await eventually(() => heard.length, (length) => length >= 100, 'all of the second');
  assert.deepEqual(heard, numbers(0).concat(numbers(50)));
});
