// A server that has no room for one more client: who is refused comes back by itself, and is let in once
// there is room.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect, open, TRANSPORTS } from '../lib/client.mjs';
import { start } from '../lib/server.mjs';
import { within } from '../lib/wait.mjs';

const RETRY = { reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 200 };

for (const transport of TRANSPORTS) {
  test(`a client that finds no room comes back until there is some, by ${transport}`, async (t) => {
    const server = await start('fixture', { env: { LIMIT_sessions: '1' } });
    t.after(() => server.kill());
    const url = `${server.url}/own`;
    const auth = { name: 'guest' };
    const first = await connect(t, url, { transport, auth });
    const late = open(t, url, { transport, auth, ...RETRY });
    const failures = [];
    await within(
      new Promise((resolve) => {
        late.on('connect_error', (error) => {
          failures.push(error);
          if (failures.length === 3) resolve();
        });
      }),
      'three attempts',
    );
    // Of the transport: what a namespace says would be the end of its attempts.
    assert.ok(failures.every(({ type }) => type === 'TransportError'), `${failures}`);
    const response = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '5');
    assert.equal((await response.json()).code, 'OVERLOADED');
    assert.deepEqual(await (await fetch(`${server.url}/readyz`)).json(), { status: 'full' });

    const came = new Promise((resolve) => late.once('connect', resolve));
    first.disconnect();
    await within(came, 'the second client');
    assert.ok(late.connected);
  });
}
