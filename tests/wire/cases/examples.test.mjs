// The examples: each is run, and so is the client in its first comment, which says in comments of its
// own what it prints.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { runScript } from '../lib/script.mjs';
import { start } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const FOLDER = path.join(import.meta.dirname, '../../../examples');

const read = (file) => readFile(path.join(FOLDER, file), 'utf8');

const names = (await readdir(FOLDER)).filter((file) => file.endsWith('.rs')).map((file) => file.slice(0, -3));

// The JavaScript in the comment that an example begins with.
function client(text) {
  const header = text.match(/^(\/\/!.*\n)+/)[0].replaceAll(/^\/\/! ?/gm, '');
  return header.match(/^```js\n([^]*?)^```$/m)?.[1];
}

// What it prints, by its own comments: lines that begin with `//`, and ends of lines.
const promised = (code) => [...code.matchAll(/(?:^|\s)\/\/ (.+)$/gm)].map(([, line]) => line);

for (const name of names) {
  test(`the client of the example ${name} prints what it says`, async (t) => {
    const text = await read(`${name}.rs`);
    assert.match(text, new RegExp(`cargo run -p examples --example ${name}$`, 'm'), 'how it is run');
    const code = client(text);
    assert.ok(code, 'a client');
    const expected = promised(code);
    assert.ok(expected.length > 1, 'it prints something');

    const server = await start(`examples/${name}`, { env: { LISTEN: '127.0.0.1:0' } });
    t.after(() => server.stop());
    const lines = runScript(t, code, server.url);
    await eventually(() => lines, () => lines.length >= expected.length, expected.join('\n'));
    assert.deepEqual(lines, expected);
  });
}

test('the list of the examples is complete', async () => {
  const listed = [...(await read('README.md')).matchAll(/^\| \[`(.+?)`\]/gm)].map(([, name]) => name);
  assert.deepEqual(listed.toSorted(), names.map((name) => `${name}.rs`).toSorted());
});
