// HAProxy and nginx, with the files of `deploy/`. Only addresses and paths in them are those of the test.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { freePort } from './ports.mjs';
import { launch } from './server.mjs';
import { eventually, within } from './wait.mjs';

export const deploy = (file) => readFileSync(path.join(import.meta.dirname, '../../../deploy', file), 'utf8');

// nginx is given this file inside `http`, as its image does it, so the rest is ours.
const nginxAround = (place) => `
daemon off;
pid ${place}/pid;
error_log stderr notice;
events {}
http {
  client_body_temp_path ${place}/body;
  proxy_temp_path ${place}/proxy;
  fastcgi_temp_path ${place}/fastcgi;
  uwsgi_temp_path ${place}/uwsgi;
  scgi_temp_path ${place}/scgi;
  include ${place}/shipped.conf;
}`;

const BALANCERS = {
  haproxy: {
    file: 'haproxy.cfg',
    places: (port) => ({ 'bind :3000': `bind 127.0.0.1:${port}` }),
    command: (place) => ['haproxy', '-db', '-f', `${place}/shipped.conf`],
  },
  nginx: {
    file: 'nginx.conf',
    places: (port, place) => ({
      'listen 3000;': `listen 127.0.0.1:${port};`,
      '/var/log/nginx/access.log': `${place}/access.log`,
    }),
    command: (place) => {
      writeFileSync(path.join(place, 'nginx.conf'), nginxAround(place));
      // It opens the file of its log before it has read where that is.
      return ['nginx', '-p', place, '-e', 'stderr', '-c', `${place}/nginx.conf`];
    },
  },
};

export const NAMES = Object.keys(BALANCERS);

function replaceOnce(text, from, to) {
  assert.equal(text.split(from).length, 2, `"${from}" is there once`);
  return text.replace(from, to);
}

// In front of two servers; ended with the test.
export async function balance(t, name, [a, b]) {
  const { file, places, command } = BALANCERS[name];
  const port = await freePort();
  const place = mkdtempSync(path.join(tmpdir(), 'balancer-'));
  const all = { ...places(port, place), 'demo-a:3000': new URL(a).host, 'demo-b:3000': new URL(b).host };
  const text = Object.entries(all).reduce((text, [from, to]) => replaceOnce(text, from, to), deploy(file));
  writeFileSync(path.join(place, 'shipped.conf'), text);

  const { child, exited } = launch(command(place), { stdio: ['ignore', 'pipe', 'pipe'] });
  const balancer = {
    url: `http://127.0.0.1:${port}`,
    said: '',
    log: () => balancer.said + (existsSync(`${place}/access.log`) ? readFileSync(`${place}/access.log`) : ''),
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      balancer.said = (balancer.said + chunk).slice(-200_000);
    });
  }
  t.after(async () => {
    // nginx ends its workers; HAProxy is one process.
    child.kill('SIGTERM');
    await within(exited, `${name} to end`);
    rmSync(place, { recursive: true, force: true });
  });
  const ready = async () => {
    try {
      return (await fetch(`${balancer.url}/readyz`)).status;
    } catch {
      return undefined;
    }
  };
  await Promise.race([
    eventually(ready, (status) => status === 200, `${name} to pass requests on`),
    exited.then(({ code, error }) => {
      const missing = error?.code === 'ENOENT' && `; missing: ${name} (apt-get install ${name})`;
      throw new Error(`${name} ended with ${code}${missing || ''}\n${balancer.said}`);
    }),
  ]);
  return balancer;
}
