// A Redis of one's own: on a free port, in a directory that goes with the test. It can be killed, frozen, emptied,
// and started again, with what it had or without.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { freePort } from './ports.mjs';
import { launch } from './server.mjs';
import { eventually, within } from './wait.mjs';

export class Redis {
  #place = mkdtempSync(path.join(tmpdir(), 'redis-'));
  #running;

  // `keeps`: whether what is in it outlives its process.
  constructor(port, keeps) {
    this.port = port;
    this.keeps = keeps;
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start() {
    const keep = this.keeps ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    this.#running = launch(
      ['redis-server', ...['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#place, '--save', ''], ...keep],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const { exited } = this.#running;
    await Promise.race([
      eventually(() => this.#answers(), Boolean, 'Redis to answer'),
      exited.then(({ code, error }) => {
        const missing = error?.code === 'ENOENT' && '; missing: redis-server (apt-get install redis-server)';
        throw new Error(`redis-server ended with ${code}${missing || ''}`);
      }),
    ]);
  }

  #answers() {
    try {
      return this.command('ping') === 'PONG';
    } catch {
      return false;
    }
  }

  // As an operator says it; what it has answered.
  command(...words) {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5_000 };
    return execFileSync('redis-cli', ['-p', `${this.port}`, ...words], options).trim();
  }

  async kill() {
    const { child, exited } = this.#running;
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await within(exited, 'Redis to be gone');
  }

  // It does not answer, and nobody is told.
  freeze() {
    this.#running.child.kill('SIGSTOP');
  }

  thaw() {
    this.#running.child.kill('SIGCONT');
  }

  // Cuts the connections of all clients.
  cut() {
    for (const type of ['normal', 'pubsub']) this.command('client', 'kill', 'type', type);
  }

  empty() {
    this.command('flushall');
  }

  async end() {
    await this.kill();
    rmSync(this.#place, { recursive: true, force: true });
  }
}

// Running, and ended with the test.
export async function startRedis(t, { keeps = false } = {}) {
  const redis = new Redis(await freePort(), keeps);
  await redis.start();
  t.after(() => redis.end());
  return redis;
}
