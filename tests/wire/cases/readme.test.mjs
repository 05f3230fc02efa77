// The README's program, and the README's client beside it: both as they stand there, but for the
// address.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { serveDemo } from '../lib/demo.mjs';
import { runScript } from '../lib/script.mjs';
import { Server } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const demo = serveDemo('--dev-login');

// The README's blocks of JavaScript, in their order: the client, and what it does with orders.
async function blocks() {
  const readme = await readFile(path.join(import.meta.dirname, '../../../README.md'), 'utf8');
  return [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// How often the message was printed: as everyone in the room hears it, and as its sender reads it in
// the acknowledgement.
const printed = (lines) => lines.join('\n').match(/content: 'Hello'/g)?.length ?? 0;

test('the client talks to the program above it', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  const program = new Server('readme', { env: { LISTEN: address } });
  t.after(() => program.kill());
  await eventually(
    () => fetch(`http://${address}/auth/login`).then(({ status }) => status, () => 0),
    (status) => status === 405,
    'the program to listen',
  );
  const [client] = await blocks();
  const lines = runScript(t, client, `http://${address}`);
  await eventually(() => printed(lines), (times) => times === 2, 'the message, heard and acknowledged');
  assert.match(lines.join('\n'), /roomId: 'room-1'/);
  assert.match(lines.join('\n'), /senderId: 1/);
  assert.match(program.lines.join('\n'), /send-message/, 'the table of routes');
  assert.match(program.lines.join('\n'), /user 1 has connected/);
});

test('the client talks to the demo, and hears of its order', async (t) => {
  const [client, orders] = await blocks();
  const lines = runScript(t, client + orders, demo.url);
  await eventually(() => lines.join('\n'), (text) => /status: 'confirmed'/.test(text), 'the order');
  assert.equal(printed(lines), 2);
  assert.match(lines.join('\n'), /message: '你的订单已确认'/, 'Node says nothing of a language');
});
