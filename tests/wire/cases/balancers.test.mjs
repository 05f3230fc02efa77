// Two instances behind HAProxy and behind nginx, with the files that are shipped.

import assert from 'node:assert/strict';
import http from 'node:http';
import { before, describe, test } from 'node:test';

import { balance, NAMES } from '../lib/balancer.mjs';
import { answer, collect, connected, label, open, refusal, TRANSPORTS, upgraded } from '../lib/client.mjs';
import { directory, samples, SECRET, startDemo } from '../lib/demo.mjs';
import { serve, start } from '../lib/server.mjs';
import { token } from '../lib/token.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

// A client of its own: from an address of this machine, and with the cookies that it is given.
const from = (address) => ({ agent: new http.Agent({ localAddress: address }), withCredentials: true });
const addresses = (count) => Array.from({ length: count }, (_, number) => `127.0.0.${10 + number}`);

const join = (t, url, user, options) => open(t, `${url}/chat`, { auth: { token: token(user, SECRET) }, ...options });

async function clients(t, url, options) {
  const sockets = addresses(12).map((address, number) => join(t, url, number + 1, { ...from(address), ...options }));
  await Promise.all(sockets.map(connected));
  return sockets;
}

const here = async ({ url }) => (await samples(url, 'gateway_connections'))['namespace="/chat"'] ?? 0;
const sessions = async ({ url }) => (await samples(url, 'gateway_connections_total'))['namespace="/chat",outcome="accepted"'] ?? 0;

let rooms = 0;
const room = () => {
  rooms += 1;
  return `room ${rooms}`;
};

for (const name of NAMES) {
  describe(`behind ${name}`, () => {
    // On one database; what is said at one is not heard at the other, as they are no cluster.
    const instances = [];
    const place = directory();
    before(async () => {
      for (const count of [1, 2]) instances[count - 1] = await startDemo(place, 0, ['--drain', '5s']);
    });
    const urls = () => instances.map(({ url }) => url);
    const each = (ask) => Promise.all(instances.map(ask));
    const leave = async (sockets) => {
      sockets.forEach((socket) => socket.disconnect());
      await eventually(() => each(here), ([a, b]) => a + b === 0, 'all to be gone');
    };

    for (const transport of TRANSPORTS) {
      test(`clients on ${transport} are at both instances, and each stays where it is`, async (t) => {
        const { url } = await balance(t, name, urls());
        const before = await each(sessions);
        const sockets = await clients(t, url, { transport });
        const ends = sockets.map((socket) => collect(socket, 'disconnect'));
        if (transport === 'upgrade') await Promise.all(sockets.map(upgraded));

        const counts = await each(here);
        assert.ok(counts.every((count) => count > 0), `at each: ${counts}`);
        // Of each client its own room, as the two are no cluster.
        for (let round = 0; round < 5; round += 1) {
          await Promise.all(
            sockets.map(async (socket, number) => {
              const roomId = `${transport} ${number}`;
              assert.deepEqual(await answer(socket, 'join-room', { roomId }), { success: true });
              const heard = collect(socket, 'new-message');
              await answer(socket, 'send-message', { roomId, content: `${round}` });
              await eventually(() => heard.length, (length) => length === 1, 'the message');
              socket.off('new-message');
            }),
          );
        }
        assert.deepEqual(ends.flat(), []);
        const made = (await each(sessions)).map((now, number) => now - before[number]);
        assert.equal(made[0] + made[1], sockets.length, 'no client came a second time');
        await leave(sockets);
      });
    }

    test('WebSockets alone need no cookie', async (t) => {
      const { url } = await balance(t, name, urls());
      const socket = join(t, url, 1, { transport: 'websocket' });
      await connected(socket);
      assert.deepEqual(await answer(socket, 'join-room', { roomId: room() }), { success: true });
      await leave([socket]);
    });

    test('a poll that reaches another instance is told that its session is unknown', async () => {
      const [a, b] = urls();
      const opened = await (await fetch(`${a}/socket.io/?EIO=4&transport=polling`)).text();
      const { sid } = JSON.parse(opened.slice(1));
      const strayed = await fetch(`${b}/socket.io/?EIO=4&transport=polling&sid=${sid}`);
      assert.deepEqual([strayed.status, (await strayed.json()).message], [400, 'Session ID unknown']);
    });

    test('the metrics are not to be had through it, nor are ids of sessions in its log', async (t) => {
      const balancer = await balance(t, name, urls());
      for (const path of ['/metrics', '/metrics?', '/%6detrics', '//metrics']) {
        const reply = await fetch(`${balancer.url}${path}`);
        assert.equal(reply.status, 404, path);
        assert.doesNotMatch(await reply.text(), /gateway_/);
      }
      const socket = join(t, balancer.url, 1, { ...from('127.0.0.10'), transport: 'polling' });
      await connected(socket);
      const sid = socket.io.engine.id;
      await answer(socket, 'join-room', { roomId: room() });
      await eventually(balancer.log, (log) => /200 POST \/socket\.io\//.test(log), 'the request in the log');
      assert.ok(!balancer.log().includes(sid));
      await leave([socket]);
    });

    // The last: it ends one of the instances.
    test('the clients of an instance that is stopped go on with the other', async (t) => {
      const { url } = await balance(t, name, urls());
      const sockets = [];
      for (const transport of TRANSPORTS) {
        sockets.push(...(await clients(t, url, { transport, reconnection: true, reconnectionDelay: 50 })));
      }
      const errors = sockets.map((socket) => collect(socket, 'connect_error'));
      const [stopped, stays] = instances;
      assert.ok((await here(stopped)) > 0 && (await here(stays)) > 0);

      const end = stopped.stop();
      await eventually(() => here(stays), (count) => count === sockets.length, 'all at the other');
      await end;
      await Promise.all(sockets.map(connected));
      for (const socket of sockets) {
        assert.deepEqual(await answer(socket, 'join-room', { roomId: room() }), { success: true });
      }
      t.diagnostic(`of ${sockets.length} clients, ${errors.flat().length} tries to connect were refused`);
      // Who comes now is let in at once.
      const newcomers = await clients(t, url, { transport: 'polling' });
      newcomers.concat(sockets).forEach((socket) => socket.disconnect());
      await stays.stop();
    });

    test('an instance that shuts down gets nobody new, and those it has are answered', async (t) => {
      const fixtures = [await start('fixture'), await start('fixture')];
      t.after(() => fixtures.map((fixture) => fixture.kill()));
      const { url } = await balance(t, name, fixtures.map((fixture) => fixture.url));
      const busy = addresses(12).map((address) => open(t, `${url}/drain`, { ...from(address), transport: 'polling' }));
      await Promise.all(busy.map(connected));
      // The second answer needs a poll that begins while the instance is not ready.
      const work = (ms) => Promise.all(busy.map((socket, number) => answer(socket, 'work', number, ms)));
      const answers = Promise.all([work(2_500), work(4_000)]);
      const taken = () => fixtures.map(({ lines }) => lines.filter((line) => line.startsWith('took')).length);
      await eventually(taken, ([a, b]) => a + b === 2 * busy.length && a > 0 && b > 0, 'both to be busy');

      const end = fixtures[0].stop();
      await eventually(() => fetch(`${fixtures[0].url}/readyz`), ({ status }) => status === 503, 'it not to be ready');
      await sleep(1_200);
      // Each is let in the first time. nginx learns of it from each refusal, so it can only pass on what is one request.
      const transport = name === 'nginx' ? 'websocket' : 'polling';
      const newcomers = addresses(12).map((address) => open(t, `${url}/drain`, { ...from(address), transport }));
      await Promise.all(newcomers.map(connected));
      const expected = busy.map((_, number) => number);
      assert.deepEqual(await answers, [expected, expected]);
      await end;
    });

    describe('that is trusted', () => {
      const env = { TRUSTED_PROXIES: '127.0.0.1', LOG_LEVEL: 'debug' };
      const fixtures = [serve('fixture', { env }), serve('fixture', { env })];

      for (const transport of TRANSPORTS) {
        test(`is believed which address a client on ${transport} has, and the client is not`, async (t) => {
          const { url } = await balance(t, name, fixtures.map((fixture) => fixture.url));
          for (const extraHeaders of [{}, { 'X-Forwarded-For': '192.0.2.1' }]) {
            const options = { ...from('127.0.0.77'), transport, extraHeaders };
            const socket = open(t, `${url}/extractors`, { auth: { label: label() }, ...options });
            await connected(socket);
            assert.equal(await answer(socket, 'address'), '127.0.0.77');
          }
        });
      }

      test('a page is compared with the address that its client knows', async (t) => {
        const { url } = await balance(t, name, fixtures.map((fixture) => fixture.url));
        for (const transport of ['polling', 'websocket']) {
          const as = (origin, more) => ({
            ...from('127.0.0.78'),
            ...{ transport, auth: { label: label() }, extraHeaders: { origin, ...more } },
          });
          await connected(open(t, `${url}/extractors`, as(url)));
          await refusal(t, `${url}/extractors`, as('http://evil.example'));
          // Nor can a client say what it is compared with.
          const forged = { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http' };
          await refusal(t, `${url}/extractors`, as('http://evil.example', forged));
        }
      });
    });
  });
}
