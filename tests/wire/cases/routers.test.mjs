// One application is one server, whatever router it stands in and whatever routes stand beside it.
// Public reports: https://github.com/Totodore/socketioxide/issues/36, https://github.com/tokio-rs/axum/issues/87

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, ask, connect, left, next, open, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('routers');
const all = async () => (await fetch(server.url)).json();

test('clients come in by every transport, and to the same server', async (t) => {
  const failed = [];
  const combinations = await all();
  for (const { pages, way, address, below } of combinations) {
    try {
      const sockets = await Promise.all(
        TRANSPORTS.map((transport) =>
          connect(t, `http://${address}/routed`, { transport, path: `${below}/socket.io` }),
        ),
      );
      const known = way === 'ours' || way === 'router with connect info';
      assert.deepEqual(await answer(sockets[0], 'count'), [TRANSPORTS.length, known]);
      for (const socket of sockets) socket.disconnect();
    } catch (error) {
      failed.push(`${pages}, ${way}: ${error.message}`);
    }
  }
  assert.deepEqual(failed, []);
  assert.equal(combinations.length, 72);
});

test('pages are where they were', async () => {
  for (const { pages, way, address, below } of await all()) {
    const status = async (path, method = 'GET') => {
      const response = await fetch(`http://${address}${path}`, { method });
      return [response.status, await response.text()];
    };
    // axum leaves a fallback behind where the router around it is nested once more.
    const left = way === 'nested deeply' && /^fallback|any method/.test(pages);
    if (pages !== 'none' && !left) {
      assert.deepEqual(await status(`${below}/some/page`), [200, 'page'], `${pages}, ${way}`);
    }
    // Below the server's path, routes are the application's.
    if (pages.includes('GET wildcard')) {
      assert.deepEqual(await status(`${below}/socket.io/socket.io.js`), [200, 'page']);
    }
    if (way === 'nested' || way === 'merged') {
      assert.deepEqual(await status('/outer/page'), [200, 'outer'], `${pages}, ${way}`);
    }
  }
});

test('a throttle of addresses lets nobody in where addresses are not known', async (t) => {
  const at = async (way) => (await all()).find((one) => one.way === way && one.pages === 'none').address;
  const refused = async (address) => {
    const socket = open(t, `http://${address}/limited`);
    const [told, gone] = [next(socket, 'exception'), left(socket)];
    const [{ code }] = await told;
    assert.equal(await gone, 'io server disconnect');
    return code;
  };
  for (const way of ['ours', 'router with connect info']) {
    const address = await at(way);
    const first = await connect(t, `http://${address}/limited`);
    assert.deepEqual(await ask(first, 'say'), [], way);
    assert.equal((await answer(first, 'say')).code, 'THROTTLED', way);
    assert.equal(await refused(address), 'THROTTLED', way);
  }
  const address = await at('router');
  assert.equal(await refused(address), 'UNAVAILABLE');
  assert.equal(await refused(address), 'UNAVAILABLE');
  const told = server.process.log.match(/ERROR.*Throttle::per_address.*with_connect_info/g);
  assert.equal(told?.length, 1, server.process.log);
});

test('routes around the application take its services, or are told how', async () => {
  const { address } = (await all()).find(({ way }) => way === 'nested');
  const get = async (path) => {
    const response = await fetch(`http://${address}/outer/${path}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get('motto'), [200, 'in a router']);
  const told = (what) => eventually(() => server.process.log, (log) => what.test(log), `${what}`);
  const error = JSON.stringify({ code: 'INTERNAL', message: 'Internal server error' });
  assert.deepEqual(await get('without'), [500, error]);
  await told(/ERROR.*`\.layer\(app\.services\(\)\)`/);
  assert.deepEqual(await get('nobody-provides'), [500, error]);
  await told(/ERROR.*nothing provides.*SocketAddr/);
});
