// SIGTERM: every disconnect hook runs once, to its end, and the process ends well.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, connect, label, left, TRANSPORTS } from '../lib/client.mjs';
import { start } from '../lib/server.mjs';

test('hooks of all clients run before the server ends', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  const clients = await Promise.all(
    Array.from({ length: 30 }, async (_, number) => {
      const auth = { label: label(), disconnect_ms: 300 };
      const transport = TRANSPORTS[number % 3];
      const socket = await connect(t, `${server.url}/hooks`, { transport, auth });
      await answer(socket, 'say', 'hello');
      return { auth, socket, gone: left(socket) };
    }),
  );
  await server.stop();
  for (const { auth, gone } of clients) {
    await gone;
    const lines = server.lines.filter((line) => line.startsWith(`gone ${auth.label}:`));
    assert.deepEqual(lines, [`gone ${auth.label}: server shutting down`]);
  }
  assert.equal(server.lines.at(-1), 'stopped');
});

test('a server nobody is connected to ends at once', async (t) => {
  const server = await start('fixture');
  t.after(() => server.kill());
  await server.stop();
});
