// The demo application, with a secret that the suite knows and a database of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

import { connect } from './client.mjs';
import { serve, start } from './server.mjs';
import { token } from './token.mjs';

export const SECRET = 'the secret of this suite';

// A directory that goes with the tests of the file or `describe` it is made in.
export function directory() {
  const made = mkdtempSync(path.join(tmpdir(), 'wire-'));
  after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

// The database of a directory: a file in it or, where `TEST_POSTGRES_URL` names a server, a schema
// there that has its name.
export function database(place) {
  const postgres = process.env.TEST_POSTGRES_URL;
  if (!postgres) return `sqlite://${path.join(place, 'demo.db')}`;
  const schema = `"${path.basename(place)}"`;
  execFileSync('psql', [postgres, '--quiet', '--command', `CREATE SCHEMA IF NOT EXISTS ${schema}`], {
    env: { ...process.env, PGOPTIONS: '--client-min-messages=warning' },
  });
  return `${postgres}?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
}

const options = (url, port = 0, more = []) => ({
  args: [
    ...['--listen', `127.0.0.1:${port}`, '--jwt-secret', SECRET],
    ...['--database-url', url],
    ...more,
  ],
});

export const serveDemo = (...more) => serve('demo-app', options(database(directory()), 0, more));

// On a database that may be there already, and where asked for on a certain port.
export const startDemo = (place, port, more) => startDemoOn(database(place), port, more);
export const startDemoOn = (url, port, more, limits) =>
  start('demo-app', { ...options(url, port, more), ...limits });

// A request of that user, or of whoever has `token`; `body` is sent as it is.
export function request(url, path, { user, bearer = token(user, SECRET), ...options } = {}) {
  const authorization = bearer && { authorization: `Bearer ${bearer}` };
  return fetch(`${url}${path}`, { ...options, headers: { ...authorization, ...options.headers } });
}

export function postOrder(url, user, items = [{ sku: 'A1', quantity: 2 }]) {
  return request(url, '/orders', {
    user,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items }),
  });
}

// The order that user has made now.
export async function order(url, user, items) {
  const reply = await postOrder(url, user, items);
  assert.equal(reply.status, 201, `the order of user ${user}`);
  return reply.json();
}

// The samples of a metric: its labels in order, and the value.
export async function samples(url, name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = {};
  for (const line of text.split('\n')) {
    const sample = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample?.[1] === name) found[(sample[2] ?? '').split(',').toSorted().join(',')] = Number(sample[3]);
  }
  return found;
}

// A device of that user in the chat, or in another namespace.
export function device(t, url, user, { namespace = '/chat', ...more } = {}) {
  return connect(t, `${url}${namespace}`, { auth: { token: token(user, SECRET) }, ...more });
}
