// The demo application, with a secret that the suite knows and a database of its own.

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

const options = (place, port = 0, more = []) => ({
  args: [
    ...['--listen', `127.0.0.1:${port}`, '--jwt-secret', SECRET],
    ...['--database-url', `sqlite://${path.join(place, 'demo.db')}`],
    ...more,
  ],
});

export const serveDemo = (...more) => serve('demo-app', options(directory(), 0, more));

// On a database that may be there already, and where asked for on a certain port.
export const startDemo = (place, port) => start('demo-app', options(place, port));

// A device of that user in the chat, or in another namespace.
export function device(t, url, user, { namespace = '/chat', ...more } = {}) {
  return connect(t, `${url}${namespace}`, { auth: { token: token(user, SECRET) }, ...more });
}
