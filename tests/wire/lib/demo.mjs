// @ts-check
// The demo application, with a secret that the suite knows and a database of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

/** @import { Chat, Presence } from '../../../demo-app/contract/events.d.ts' */

import { connect } from './client.mjs';
import { serve, start } from './server.mjs';
import { token } from './token.mjs';

/** @typedef {{ '/chat': Chat.Socket, '/presence': Presence.Socket }} Sockets */

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
export const startDemo = (place, port, more, program) => startDemoOn(database(place), port, more, { program });
export const startDemoOn = (url, port, more, { program = 'demo-app', ...limits } = {}) =>
  start(program, { ...options(url, port, more), ...limits });

/**
 * A request of that user, or of whoever has `token`; `body` is sent as it is.
 * @param {string} url
 * @param {string} path
 * @param {Record<string, any>} [options]
 */
export function request(url, path, { user, bearer = token(user, SECRET), ...options } = {}) {
  const authorization = bearer && { authorization: `Bearer ${bearer}` };
  const json = options.body !== undefined && { 'content-type': 'application/json' };
  return fetch(`${url}${path}`, { ...options, headers: { ...authorization, ...json, ...options.headers } });
}

export function postOrder(url, user, items = [{ sku: 'A1', quantity: 2 }]) {
  return request(url, '/orders', {
    user,
    method: 'POST',
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

/**
 * A device of that user in the chat, or in another namespace.
 * @template {keyof Sockets} [Namespace='/chat']
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {number | string} user
 * @param {{ namespace?: Namespace, prepare?: (socket: Sockets[Namespace]) => void } & Record<string, any>} [options]
 * @returns {Promise<Sockets[Namespace]>}
 */
export function device(t, url, user, { namespace, ...more } = {}) {
  return connect(t, `${url}${namespace ?? '/chat'}`, { auth: { token: token(user, SECRET) }, ...more });
}
