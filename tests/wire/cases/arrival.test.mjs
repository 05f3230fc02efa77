// The first messages of a client are not lost, however soon they come.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';

import { answer, connect, connected, label, open, TRANSPORTS, upgraded } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { serve } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const server = serve('fixture');

const CLIENTS = 300;

for (const transport of TRANSPORTS) {
  for (const connect_ms of [0, 50]) {
    const hook = connect_ms ? 'a slow connection hook' : 'a quick one';

    test(`${CLIENTS} clients speak in the tick of connect, by ${transport}, ${hook}`, async (t) => {
      const inside = await probe(t, server.url);
      const clients = Array.from({ length: CLIENTS }, () => {
        const auth = { label: label(), connect_ms };
        const socket = open(t, `${server.url}/hooks`, { transport, auth });
        // One word before it is connected, two in the tick it is.
        const acks = [answer(socket, 'say', 0)];
        const spoken = new Promise((resolve, reject) => {
          socket.once('connect', () => {
            acks.push(answer(socket, 'say', 1), answer(socket, 'say', 2));
            resolve(Promise.all(acks));
          });
          socket.once('connect_error', reject);
        });
        return { auth, socket, spoken };
      });
      for (const { auth, socket, spoken } of clients) {
        assert.deepEqual(await spoken, [0, 1, 2]);
        if (transport === 'upgrade') await upgraded(socket);
        const entries = await inside.journal(auth.label);
        assert.deepEqual(entries, ['connecting', 'connected', 0, 1, 2]);
      }
    });
  }
}

test('a client that leaves in the tick of connect, and asks again at once, is let in', async (t) => {
  const TIMES = 200;

  await Promise.all(
    Array.from({ length: 10 }, async () => {
      // Another namespace on the same line keeps it open meanwhile.
      const other = await connect(t, `${server.url}/order`);
      const socket = other.io.socket('/hooks', {});
      for (let time = 0; time < TIMES; time += 1) {
        if (!socket.active) socket.connect();
        await connected(socket);
        socket.disconnect();
      }
      assert.equal(await answer(other, 'step', { number: 0, ms: 0 }), 0);
    }),
  );
});

test('a message is not lost while its client upgrades', async (t) => {
  const clients = Array.from({ length: 50 }, () => open(t, `${server.url}/order`, { transport: 'upgrade' }));
  await Promise.all(
    clients.map(async (socket) => {
      const numbers = [];
      const acks = [];
      // Speaks all the time from connect until well after the upgrade.
      while (numbers.length < 200) {
        const number = numbers.length;
        numbers.push(number);
        acks.push(answer(socket, 'step', { number, ms: 0 }));
        if (number % 10 === 9) await acks.at(-1);
      }
      assert.deepEqual(await Promise.all(acks), numbers);
      await upgraded(socket);
      assert.deepEqual((await answer(socket, 'report')).started, numbers);
    }),
  );
});

// A proxy may leave out the header that asks for it. Nothing can follow the answer, which comes all the same.
test('a handshake without an upgrade is answered', async (t) => {
  const { hostname, port } = new URL(server.url);
  const socket = net.connect(port, hostname);
  t.after(() => socket.destroy());
  let answered = '';
  socket.on('data', (chunk) => (answered += chunk));
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${hostname}\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await within(once(socket, 'close'), 'the end');
  assert.match(answered, /^HTTP\/1\.1 \d{3} /);
});
