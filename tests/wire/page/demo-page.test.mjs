// The page of the demo in a browser: two users side by side, without a network.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

import { serveDemo } from '../lib/demo.mjs';

const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const PATIENCE = 20_000;

const server = serveDemo('--dev-login');
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: BROWSERS.find((candidate) => candidate && existsSync(candidate)),
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});
after(() => browser?.close());

// A page that may talk to nobody but the demo, and that must not complain.
async function visit(t) {
  const page = await browser.newPage();
  t.after(() => page.close());
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url)) complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(server.url);
  const panes = [1, 2].map((number) => {
    const pane = page.getByTestId(`pane-${number}`);
    const part = (testid) => pane.getByTestId(testid);
    const message = (text) => part('message').filter({ hasText: text }).waitFor();
    const state = (name) => pane.locator(`[data-testid=state][data-state=${name}]`).waitFor();
    const frame = (event, direction) =>
      pane
        .locator(`[data-testid=frame][data-event="${event}"][data-direction=${direction}]`)
        .first()
        .waitFor({ state: 'attached' });
    const say = async (text) => {
      await part('content').fill(text);
      await part('send').click();
    };
    return { part, message, state, frame, say };
  });
  return { page, panes, complaints };
}

test('two users log in, join a room, talk, and leave', async (t) => {
  const { panes, complaints } = await visit(t);
  const [one, two] = panes;

  for (const { part, state } of panes) {
    await part('login').click();
    await state('online');
    assert.match(await part('socket-id').textContent(), /\S/);
    await part('join').click();
    await part('leave').waitFor();
  }
  await one.part('joined').waitFor();

  await one.say('Hello from one');
  await two.message('Hello from one');
  await two.say('你好 from two');
  for (const pane of panes) {
    await pane.message('你好 from two');
    assert.equal(await pane.part('message').count(), 2, 'each message once');
    await pane.frame('join-room', 'out');
    await pane.frame('send-message', 'out');
    await pane.frame('new-message', 'in');
  }
  assert.notEqual(
    await one.part('socket-id').textContent(),
    await two.part('socket-id').textContent(),
  );

  await two.part('leave').click();
  await one.part('left').waitFor();
  assert.deepEqual(complaints, []);
});

test('one click starts both, and an error is shown', async (t) => {
  const { page, panes, complaints } = await visit(t);
  const [one, two] = panes;
  await page.getByTestId('start-both').click();
  for (const { part } of panes) await part('leave').waitFor();

  // Sent only once the room was entered.
  await one.frame('history', 'out');
  await one.say('   ');
  await one.part('error-code').filter({ hasText: 'EMPTY_MESSAGE' }).waitFor();
  assert.equal(await two.part('error').isHidden(), true);
  await one.say('better');
  await two.message('better');
  assert.deepEqual(complaints, []);
});

test('a line that was cut comes back, and nothing is missed', async (t) => {
  const { page, panes } = await visit(t);
  const [one, two] = panes;
  await page.getByTestId('start-both').click();
  for (const { part } of panes) await part('leave').waitFor();
  await one.say('before');
  await two.message('before');
  await two.part('cut').click();
  await one.say('meanwhile');
  await two.message('meanwhile');
  await two.state('online');
});
