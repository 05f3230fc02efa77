// Programs of clients that stand in a page or a comment, run as they stand there but for the address.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

// Where they all say that the server is.
const ADDRESS = 'http://127.0.0.1:3000';

// Runs one against a server: the lines it prints, which become more.
export function runScript(t, code, url) {
  const own = code.replaceAll(ADDRESS, url);
  assert.notEqual(own, code, `the program talks to ${ADDRESS}`);
  const place = mkdtempSync(path.join(tmpdir(), 'wire-script-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  symlinkSync(path.join(import.meta.dirname, '../node_modules'), path.join(place, 'node_modules'));
  const file = path.join(place, 'client.mjs');
  writeFileSync(file, own);
  const client = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => client.kill());
  const lines = [];
  for (const stream of [client.stdout, client.stderr]) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  return lines;
}
