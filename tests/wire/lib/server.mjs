// Starts the programs under test on a free port, and ends them.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { after, before } from 'node:test';
import { createInterface } from 'node:readline';

import { within } from './wait.mjs';

let directory;

// Where cargo puts programs; `WIRE_PROGRAMS` names another place, and `OLDER_PROGRAMS` that of an older version.
function programs() {
  directory ??= process.env.WIRE_PROGRAMS ?? path.join(targetDirectory(), 'debug');
  return directory;
}

export function program(name) {
  return path.resolve(programs(), name);
}

// The same of an older version, where there is one: what is there when its instances begin to be replaced.
export function older(name) {
  return path.resolve(process.env.OLDER_PROGRAMS ?? programs(), name);
}

function targetDirectory() {
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version=1'], {
    cwd: import.meta.dirname,
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(metadata).target_directory;
}

// Whatever happens to a suite, none of its servers outlives it.
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// How the runner ends a file that takes too long.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// Starts what must not outlive the suite.
export function launch([file, ...args], options) {
  const child = spawn(file, args, options);
  running.add(child);
  const exited = new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }));
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  return { child, exited };
}

export class Server {
  // `bytes`: how large the files may become that it writes.
  constructor(name, { args = [], env = {}, bytes } = {}) {
    this.lines = [];
    this.log = '';
    const command = [program(name), ...args];
    if (bytes !== undefined) {
      // What is too much is an error of the write, and no signal that ends the process.
      command.unshift('sh', '-c', `trap '' XFSZ && exec prlimit --fsize=${bytes}: -- "$0" "$@"`);
    }
    const { child, exited } = launch(command, {
      env: { PATH: process.env.PATH, RUST_LOG: 'info', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    Object.assign(this, { child, exited });
    this.child.stderr.on('data', (chunk) => {
      this.log = (this.log + chunk).slice(-200_000);
    });
    this.listening = new Promise((resolve, reject) => {
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        this.lines.push(line);
        const bound = /listening on (https?:\/\/\S+|unix:\S+)/.exec(line);
        if (bound) resolve(bound[1]);
      });
      this.exited.then((end) => {
        const how = JSON.stringify({ ...end, error: end.error?.message });
        reject(new Error(`${name} did not start: ${how}\n${this.log}`));
      });
    });
    this.listening.catch(() => {});
  }

  async ready() {
    this.url = await within(this.listening, 'the server to listen', 30_000);
    return this;
  }

  // As an operator does it; a server that does not end as it should is a failure of its own.
  async stop({ code = 0 } = {}) {
    this.child.kill('SIGTERM');
    let end;
    try {
      end = await within(this.exited, 'the server to end after SIGTERM', 20_000);
    } finally {
      this.child.kill('SIGKILL');
    }
    assert.deepEqual(end, { code, signal: null }, `the end of the server\n${this.log}`);
  }

  mayWrite(bytes) {
    execFileSync('prlimit', [`--pid=${this.child.pid}`, `--fsize=${bytes}:`]);
  }

  // As the machine does it when it has run out of memory.
  async kill() {
    this.child.kill('SIGKILL');
    await within(this.exited, 'the server to be gone', 20_000);
  }

  get ended() {
    return !running.has(this.child);
  }
}

// A program that ends by itself, and what it has said.
export async function run(name, { args = [], env = {} } = {}) {
  const options = { env: { PATH: process.env.PATH, ...env }, timeout: 20_000 };
  const { error, stdout, stderr } = await new Promise((resolve) => {
    execFile(program(name), args, options, (error, stdout, stderr) => resolve({ error, stdout, stderr }));
  });
  // The number a program ends with, or what kept it from that.
  return { code: error ? (error.code ?? error.signal) : 0, stdout, stderr };
}

export function start(name, options) {
  return new Server(name, options).ready();
}

// A server for all the tests of a file or a `describe`.
export function serve(name, options) {
  const server = {};
  before(async () => {
    server.process = await start(name, typeof options === 'function' ? options() : options);
    server.url = server.process.url;
  });
  after(async () => {
    if (server.process && !server.process.ended) await server.process.stop();
  });
  return server;
}
