// The files that the demo is deployed with say what the demo does.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';

import { deploy } from '../lib/balancer.mjs';
import { answer } from '../lib/client.mjs';
import { device, serveDemo } from '../lib/demo.mjs';
import { run } from '../lib/server.mjs';

const root = (file) => readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8');

const DOCKERFILE = root('Dockerfile');
const instruction = (name) => {
  const found = [...DOCKERFILE.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, rest]) => rest);
  assert.equal(found.length, 1, `one ${name}`);
  return found[0];
};
const COMPOSE = parse(root('compose.yaml'), { merge: true });
const KUBERNETES = parseAllDocuments(deploy('kubernetes.yaml')).map((document) => document.toJS());
const kind = (name) => KUBERNETES.find((one) => one.kind === name);
const POD = kind('Deployment').spec.template.spec;
const [CONTAINER] = POD.containers;
const seconds = (text) => Number(/^(\d+)s$/.exec(text)[1]);

describe('the image', () => {
  const demo = serveDemo();

  test('is built with the toolchain of the repository', () => {
    const { channel } = /channel = "(?<channel>[^"]+)"/.exec(root('rust-toolchain.toml')).groups;
    assert.match(DOCKERFILE, new RegExp(`^FROM rust:${channel}-alpine AS build$`, 'm'));
    assert.match(DOCKERFILE, new RegExp(`^ENV RUSTUP_TOOLCHAIN=${channel}$`, 'm'));
  });

  test('runs what it has copied, as somebody who is not root', () => {
    const entry = JSON.parse(instruction('ENTRYPOINT'));
    assert.ok(DOCKERFILE.includes(`COPY --from=build ${entry[0]} ${entry[0]}\n`));
    assert.deepEqual(entry.slice(1), []);
    const [user, group] = instruction('USER').split(':').map(Number);
    assert.ok(user > 0 && group > 0);
    assert.deepEqual(
      [POD.securityContext.runAsUser, POD.securityContext.runAsGroup, POD.securityContext.runAsNonRoot],
      [user, group, true],
    );
  });

  test('knows by its own command whether it is well', async () => {
    const command = JSON.parse(/^HEALTHCHECK .* CMD (\[.*\])$/m.exec(DOCKERFILE)[1]);
    assert.equal(command[0], JSON.parse(instruction('ENTRYPOINT'))[0]);
    const check = (listen) => run('demo-app', { args: command.slice(1), env: { LISTEN: listen } });
    const { host } = new URL(demo.url);
    assert.equal((await check(host)).code, 0);
    // Nobody listens on the port of a discarded address.
    assert.equal((await check('127.0.0.1:9')).code, 1);
  });

  test('listens where the balancers and the probes look', () => {
    const listen = /^ENV LISTEN=0\.0\.0\.0:(\d+)$/m.exec(DOCKERFILE)[1];
    assert.equal(instruction('EXPOSE'), listen);
    assert.deepEqual(CONTAINER.ports.map(({ containerPort }) => String(containerPort)), [listen]);
    assert.equal(CONTAINER.env.find(({ name }) => name === 'LISTEN').value, `0.0.0.0:${listen}`);
    for (const file of ['haproxy.cfg', 'nginx.conf']) {
      const servers = [...deploy(file).matchAll(/^ *server (?:\w+ )?([\w-]+):(\d+)/gm)];
      assert.deepEqual(servers.map(([, name]) => name), Object.keys(COMPOSE.services).filter((name) => /^demo-/.test(name)));
      assert.deepEqual(new Set(servers.map(([, , port]) => port)), new Set([listen]));
    }
  });
});

describe('an instance', () => {
  const demo = serveDemo();

  test('is given more time to end than it takes', () => {
    const { value: drain } = CONTAINER.env.find(({ name }) => name === 'DRAIN');
    assert.ok(POD.terminationGracePeriodSeconds > seconds(drain));
    for (const [name, service] of Object.entries(COMPOSE.services)) {
      if (!name.startsWith('demo-')) continue;
      assert.ok(seconds(service.stop_grace_period) > seconds(service.environment.DRAIN), name);
    }
  });

  test('is set by what the demo knows as settings', async () => {
    const { stdout: help } = await run('demo-app', { args: ['--help'] });
    const known = new Set([...help.matchAll(/\[env: ([A-Z_]+)/g)].map(([, name]) => name));
    const inImage = [...DOCKERFILE.split(/^FROM scratch$/m)[1].matchAll(/^ENV (\w+)=/gm)].map(([, name]) => name);
    const inPods = CONTAINER.env.map(({ name }) => name);
    const inCompose = ['demo-a', 'demo-b'].flatMap((name) => Object.keys(COMPOSE.services[name].environment));
    assert.ok(inImage.length > 0 && inPods.length > 0 && inCompose.length > 0);
    for (const name of [...inImage, ...inPods, ...inCompose]) assert.ok(known.has(name), `${name} of ${[...known]}`);
    for (const name of ['JWT_SECRET', 'DATABASE_URL', 'REDIS_URL', 'TRUSTED_PROXIES']) {
      assert.ok(inPods.includes(name) && inCompose.includes(name), `${name} is set everywhere`);
    }
  });

  test('answers the probes, and is not ended for what a restart does not mend', async () => {
    const { readinessProbe, livenessProbe } = CONTAINER;
    assert.deepEqual([readinessProbe.httpGet.path, livenessProbe.httpGet.path], ['/readyz', '/healthz']);
    for (const { httpGet } of [readinessProbe, livenessProbe]) {
      assert.equal((await fetch(`${demo.url}${httpGet.path}`)).status, 200);
      assert.ok(CONTAINER.ports.some(({ name }) => name === httpGet.port));
    }
  });

  test('is found by its service, and only what is meant for clients by its ingress', async () => {
    const service = kind('Service');
    const labels = kind('Deployment').spec.template.metadata.labels;
    assert.deepEqual(service.spec.selector, labels);
    assert.deepEqual(kind('PodDisruptionBudget').spec.selector.matchLabels, labels);
    const paths = kind('Ingress').spec.rules.flatMap(({ http }) => http.paths);
    for (const { path, backend } of paths) {
      assert.deepEqual(backend.service, { name: service.metadata.name, port: { name: service.spec.ports[0].name } });
      assert.ok(!'/metrics'.startsWith(path) && !'/readyz'.startsWith(path), path);
      assert.notEqual((await fetch(`${demo.url}${path}`)).status, 404, path);
    }
  });
});

describe('the dashboard', () => {
  const demo = serveDemo();
  const dashboard = JSON.parse(deploy('grafana.json'));
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const expressions = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
  const metrics = (text) => [...text.matchAll(/\b(?:gateway|demo)_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));

  const declared = ['gateway-core/src/metrics.rs', 'demo-app/src/limits.rs'].flatMap((file) =>
    [...root(file).matchAll(/^const [A-Z_]+: &str =\s*"([a-z_]+)";$/gm)].map(([, name]) => name),
  );

  test('shows metrics that exist, and all of them', () => {
    assert.ok(declared.includes('gateway_connections') && declared.includes('demo_limits_reached_total'), declared.join());
    for (const { title, expr } of expressions) {
      const named = metrics(expr);
      assert.ok(named.length > 0, `${title}: ${expr}`);
      for (const name of named) assert.ok(declared.includes(name), `${title} asks for ${name}`);
    }
    const shown = new Set(expressions.flatMap(({ expr }) => metrics(expr)));
    assert.deepEqual(declared.filter((name) => !shown.has(name)), [], 'not shown anywhere');
    const variables = dashboard.templating.list.filter(({ type }) => type === 'query');
    for (const { query } of variables) for (const name of metrics(query.query)) assert.ok(declared.includes(name), name);
  });

  test('asks for labels that they have', async (t) => {
    const socket = await device(t, demo.url, 1, { transport: 'upgrade' });
    await answer(socket, 'join-room', { roomId: 'lobby' });
    await fetch(`${demo.url}/socket.io/?EIO=3&transport=polling`);
    await fetch(`${demo.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin: 'https://evil.example' } });
    const text = await (await fetch(`${demo.url}/metrics`)).text();
    const labels = new Map();
    for (const [, name, those] of text.matchAll(/^([a-z_]+)\{(.*)\} \S+$/gm)) {
      const found = labels.get(name) ?? new Set(['job', 'instance']);
      for (const [, label] of those.matchAll(/([a-z_]+)="/g)) found.add(label);
      labels.set(name, found);
    }
    let compared = 0;
    for (const { title, expr } of expressions) {
      const [name] = /\b(?:gateway|demo)_[a-z_]+/.exec(expr);
      if (!labels.has(name)) continue;
      compared += 1;
      const by = /\bby \(([^)]*)\)/.exec(expr)[1].split(', ');
      const where = [...expr.matchAll(/([a-z_]+)(?:!=|=~|=)"/g)].map(([, label]) => label);
      for (const label of [...by, ...where]) assert.ok(labels.get(name).has(label), `${title}: ${label} of ${name}`);
    }
    assert.ok(compared >= 12, `${compared} of ${expressions.length}`);
  });
});
