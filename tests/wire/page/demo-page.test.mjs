// The page of the demo in a browser: several users, several devices, and no network but the demo.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';

import { device as client, order, serveDemo } from '../lib/demo.mjs';
import { eventually } from '../lib/wait.mjs';

const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const PATIENCE = 20_000;

const server = serveDemo('--dev-login', '--presence-grace', '500ms');
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

// No two tests share a room or a user, whatever they leave behind.
let last = 100;
const someone = () => (last += 1);
const someRoom = () => `room ${(last += 1)}`;

// A page in a browser of its own that may talk to nobody but the demo, and that must not complain.
async function visit(t, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1440, height: 900 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
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
  return { context, page, complaints, one: device(page, 1), two: device(page, 2), three: device(page, 3) };
}

function device(page, number) {
  const pane = page.getByTestId(`pane-${number}`);
  const part = (testid) => pane.getByTestId(testid);
  const state = (name) => pane.locator(`[data-testid=state][data-state=${name}]`).waitFor();
  const online = () => part('online-user').evaluateAll((users) => users.map((user) => Number(user.dataset.user)));
  return {
    pane,
    part,
    state,
    message: (text) => part('message').filter({ hasText: text }).waitFor(),
    frame: (event, direction) =>
      pane
        .locator(`[data-testid=frame][data-event="${event}"][data-direction=${direction}]`)
        .first()
        .waitFor({ state: 'attached' }),
    tickets: () => part('order-ticket').evaluateAll((tickets) => tickets.map((ticket) => ticket.dataset.order)),
    sees: (user) => eventually(online, (users) => users.includes(user), `user ${user} online`),
    missesSoon: (user) => eventually(online, (users) => !users.includes(user), `user ${user} offline`),
    online,
    login: async (user) => {
      await part('user-id').fill(String(user));
      await part('login').click();
      await state('online');
    },
    join: async (room) => {
      await part('room-id').fill(room);
      await part('join').click();
      await part('composer').waitFor();
    },
    say: async (text) => {
      await part('content').fill(text);
      await part('send').click();
    },
  };
}

test('two users log in, join a room, talk, and leave', async (t) => {
  const { one, two, complaints } = await visit(t);
  const [ada, bob] = [someone(), someone()];
  const room = someRoom();
  await one.login(ada);
  await two.login(bob);
  for (const each of [one, two]) await each.join(room);
  await one.part('joined').waitFor();

  await one.say('Hello from one');
  await two.message('Hello from one');
  await two.say('你好 from two');
  for (const each of [one, two]) {
    await each.message('你好 from two');
    assert.equal(await each.part('message').count(), 2, 'each message once');
    await each.frame('join-room', 'out');
    await each.frame('send-message', 'out');
    await each.frame('new-message', 'in');
    assert.match(await each.part('ack-time').last().textContent(), /^\d+\.\d ms$/);
  }

  await two.part('leave').click();
  await one.part('left').waitFor();
  await two.part('empty').waitFor();
  assert.deepEqual(complaints, []);
});

test('one click starts both, and an error is shown', async (t) => {
  const { page, one, two, complaints } = await visit(t);
  await page.getByTestId('start-both').click();
  for (const each of [one, two]) await each.part('composer').waitFor();
  assert.equal(await page.getByTestId('start-both').isHidden(), true, 'once is enough');

  // Sent only once the room was entered.
  await one.frame('history', 'out');
  await one.say('   ');
  await one.part('error-code').filter({ hasText: 'EMPTY_MESSAGE' }).waitFor();
  assert.equal(await two.part('error').isHidden(), true);
  await one.say('better');
  await two.message('better');
  assert.deepEqual(complaints, []);
});

test('each room has its history, and says what is unread', async (t) => {
  const { one, two, complaints } = await visit(t);
  const [first, second] = [someRoom(), someRoom()];
  await one.login(someone());
  await one.join(first);
  await one.say('said before');
  await one.frame('new-message', 'in');

  await two.login(someone());
  await two.join(first);
  await two.message('said before');
  await two.join(second);
  await one.say('said meanwhile');
  await one.say('and again');
  await two.part('unread').filter({ hasText: '2' }).waitFor();
  assert.equal(await two.part('message').count(), 0, 'of the room in view');
  await two.part('room').first().click();
  await two.message('and again');
  assert.equal(await two.part('unread').first().isHidden(), true);
  assert.equal(await two.part('message').count(), 3);
  assert.deepEqual(complaints, []);
});

test('a page that is loaded again is where it was', async (t) => {
  const { page, one, two, complaints } = await visit(t);
  const [ada, bob] = [someone(), someone()];
  const [first, second] = [someRoom(), someRoom()];
  await one.login(ada);
  await two.login(bob);
  for (const room of [first, second]) await one.join(room);
  await one.say('in the second');
  await one.message('in the second');
  await one.part('room').filter({ hasText: first }).click();
  await one.say('in the first');
  await one.message('in the first');
  await two.part('logout').click();

  await page.reload();
  await one.state('online');
  assert.equal(await one.part('name').textContent(), `User ${ada}`);
  await one.message('in the first');
  const rooms = await one.pane.locator('[data-room]').evaluateAll((chips) => chips.map(({ dataset }) => dataset.room));
  assert.deepEqual(rooms, [second, first]);
  await one.part('room').filter({ hasText: second }).click();
  await one.message('in the second');
  await two.state('offline');
  assert.equal(await two.part('user-id').inputValue(), String(bob));

  // Another tab begins anew, and so does one in which something else was left.
  const other = await page.context().newPage();
  await other.goto(server.url);
  await device(other, 1).state('offline');
  for (const left of ['[null, 7]', '{}', 'no JSON']) {
    await other.evaluate((text) => sessionStorage.setItem('devices', text), left);
    await other.reload();
    for (const number of [1, 2]) await device(other, number).state('offline');
  }
  assert.deepEqual(complaints, []);
});

test('who is online is seen everywhere, until the last device is closed', async (t) => {
  const here = await visit(t);
  const there = await visit(t);
  const [ada, bob, eve] = [someone(), someone(), someone()];
  await here.one.login(ada);
  await here.two.login(bob);
  await there.one.login(eve);
  await there.two.login(bob);
  for (const each of [here.one, here.two, there.one, there.two]) {
    for (const user of [ada, bob, eve]) await each.sees(user);
    const users = await each.online();
    assert.deepEqual(users, users.toSorted((a, b) => a - b), 'in ascending order');
  }

  // A pane: bob has another device, elsewhere.
  await here.two.part('close').click();
  assert.equal(await here.two.pane.count(), 0);
  // The whole tab: with it go eve, and bob's last device.
  await there.context.close();
  await here.one.missesSoon(eve);
  await here.one.missesSoon(bob);
  assert.ok((await here.one.online()).includes(ada));
  assert.deepEqual(here.complaints, []);

  // Without a device the page says so, and has one more.
  await here.one.part('close').click();
  await here.page.getByTestId('add-first').click();
  await here.three.part('login').waitFor();
});

test('the update of an order arrives on every device of its user, in every tab', async (t) => {
  const here = await visit(t);
  const there = await visit(t);
  const [ada, bob] = [someone(), someone()];
  await here.one.login(ada);
  await here.two.login(bob);
  await there.one.login(ada);
  const room = someRoom();
  await here.one.join(room);
  // One more device is one of the same user, in the same rooms.
  await here.page.getByTestId('add-device').click();
  await here.three.state('online');
  await here.three.part('room').filter({ hasText: room }).waitFor();

  await here.one.part('order').click();
  const devices = [here.one, here.three, there.one];
  for (const each of devices) {
    await each.part('order-ticket').waitFor();
    await each.part('order-items').filter({ hasText: /[123] × [a-z]/ }).waitFor();
    await each.frame('order-update', 'in');
    await each.part('acked').waitFor({ state: 'attached' });
  }
  const [[orderId], ...others] = await Promise.all(devices.map((each) => each.tickets()));
  assert.deepEqual(others, [[orderId], [orderId]]);
  assert.deepEqual(await here.two.tickets(), [], 'nobody else is told');
  assert.deepEqual([...here.complaints, ...there.complaints], []);
});

test('what was ordered while nobody was there is told on logging in', async (t) => {
  const { one, complaints } = await visit(t);
  const ada = someone();
  const made = [];
  for (let count = 0; count < 3; count += 1) made.push((await order(server.url, ada)).id);
  await one.login(ada);
  await eventually(one.tickets, (tickets) => tickets.length === 3, 'all tickets');
  assert.deepEqual(await one.tickets(), made.toReversed(), 'the newest in front');
  assert.deepEqual(complaints, []);
});

test('orders are heard of without a socket, too', async (t) => {
  const { one, complaints } = await visit(t);
  await one.login(someone());
  await one.part('events').check();
  await one.frame('open', 'info');
  await one.part('order').click();
  const ticket = one.part('order-ticket');
  await ticket.filter({ hasText: 'socket' }).filter({ hasText: 'stream' }).waitFor();
  assert.equal(await ticket.count(), 1, 'told twice, one order');
  await one.part('events').uncheck();
  await one.part('order').click();
  await eventually(one.tickets, (tickets) => tickets.length === 2, 'the second ticket');
  assert.equal(await ticket.first().filter({ hasText: 'stream' }).count(), 0);
  assert.deepEqual(complaints, []);
});

test('a line that was cut comes back, and nothing is missed', async (t) => {
  const { one, two } = await visit(t);
  const room = someRoom();
  for (const each of [one, two]) {
    await each.login(someone());
    await each.join(room);
  }
  await one.say('before');
  await two.message('before');
  await two.part('cut').click();
  await one.say('meanwhile');
  await two.message('meanwhile');
  await two.state('online');
});

test('whoever logs out while rooms are entered again enters no more of them', async (t) => {
  const { one, complaints } = await visit(t);
  await one.login(someone());
  for (const room of [someRoom(), someRoom()]) await one.join(room);
  const entered = one.pane.locator('[data-testid=frame][data-event=join-room]');
  assert.equal(await entered.count(), 2);
  await one.pane.evaluate((pane) => new Promise((resolve) => {
    const click = (part) => pane.querySelector(`[data-testid=${part}]`).click();
    // It is back: the first room has been asked for, and not answered.
    new MutationObserver((_, observer) => {
      if (pane.dataset.state !== 'online') return;
      observer.disconnect();
      click('logout');
      resolve();
    }).observe(pane, { attributes: true, attributeFilter: ['data-state'] });
    click('cut');
  }));
  await one.login(someone());
  assert.equal(await entered.count(), 3);
  assert.deepEqual(complaints, []);
});

test('the network goes and comes back, and nothing is missed or sent twice', async (t) => {
  const here = await visit(t);
  const there = await visit(t);
  const [ada, bob] = [someone(), someone()];
  const room = someRoom();
  await here.one.login(ada);
  await there.one.login(bob);
  for (const each of [here.one, there.one]) await each.join(room);
  await here.one.part('events').check();
  await here.one.say('before');
  await there.one.message('before');

  await here.context.setOffline(true);
  await here.one.state('reconnecting');
  await here.one.say('written without a network');
  await there.one.missesSoon(ada);
  await there.one.say('said meanwhile');
  const { id } = await order(server.url, ada);
  await here.one.part('order').click();
  await here.one.part('error').waitFor();
  assert.equal(await here.one.part('message').filter({ hasText: 'meanwhile' }).count(), 0);

  await here.context.setOffline(false);
  await here.one.state('online');
  for (const each of [here.one, there.one]) {
    await each.message('said meanwhile');
    await each.message('written without a network');
  }
  // No longer on its way.
  await eventually(() => here.one.pane.locator('.pending').count(), (count) => count === 0, 'its acknowledgement');
  for (const each of [here.one, there.one]) assert.equal(await each.part('message').count(), 3, 'each once');
  await eventually(here.one.tickets, (tickets) => tickets.length === 1, 'the order made meanwhile');
  assert.deepEqual(await here.one.tickets(), [id]);
  for (const each of [here.one, there.one]) for (const user of [ada, bob]) await each.sees(user);
});

for (const [what, before] of [
  ['a room with messages', 1],
  ['a room that was empty', 0],
]) {
  test(`after a break everything said in ${what} is shown once and in order, however much it is`, async (t) => {
    const { context, one } = await visit(t);
    const room = someRoom();
    const bob = await client(t, server.url, someone());
    await bob.emitWithAck('join-room', { roomId: room });
    const ids = [];
    const say = async () => ids.push((await bob.emitWithAck('send-message', { roomId: room, content: `${ids.length}` })).id);
    const shown = () => one.part('message').evaluateAll((messages) => messages.map((message) => message.dataset.id));
    await one.login(someone());
    await one.join(room);
    await one.frame('history', 'out');
    for (let count = 0; count < before; count += 1) await say();
    await eventually(shown, (messages) => messages.length === before, 'what was said before');

    await context.setOffline(true);
    await one.state('reconnecting');
    for (let count = 0; count < 230; count += 1) await say();
    // More than a page is missed, and more is said while the pages are read.
    await context.setOffline(false);
    for (let count = 0; count < 150; count += 1) {
      await say();
      await setTimeout(5);
    }
    await eventually(shown, (messages) => messages.includes(ids.at(-1)), 'the last message');
    assert.deepEqual(await shown(), ids);
  });
}

test('it speaks both languages, and remembers which', async (t) => {
  const { page, one, complaints } = await visit(t, { locale: 'zh-CN' });
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  assert.equal(await one.part('login').textContent(), '登录');
  await one.login(someone());
  await one.join(someRoom());
  await one.part('order').click();
  await one.part('acked').waitFor({ state: 'attached' });
  await page.getByTestId('language-en').click();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  assert.equal(await one.part('state').textContent(), 'Connected');
  const chinese = await page.evaluate(() =>
    [...document.querySelectorAll('[data-text], [aria-label], [title], [placeholder]')]
      .filter((element) => element.dataset.testid !== 'language-zh')
      .flatMap((element) => [element.dataset.text && element.textContent, element.title, element.placeholder, element.ariaLabel])
      .filter((text) => /\p{Script=Han}/u.test(text ?? '')),
  );
  assert.deepEqual(chinese, [], 'no sentence is left behind');
  assert.equal(await one.part('acked').textContent(), 'ack ✓');
  await page.reload();
  assert.equal(await one.part('login').textContent(), 'Log in');
  assert.deepEqual(complaints, []);
});

test('it speaks English where that is what the browser asks for first, and Chinese elsewhere', async (t) => {
  for (const [locale, lang] of [['en-GB', 'en'], ['fr-FR', 'zh-CN'], ['zh-CN', 'zh-CN']]) {
    const { page, one } = await visit(t, { locale });
    assert.equal(await page.locator('html').getAttribute('lang'), lang, locale);
    assert.equal(await one.part('login').textContent(), lang === 'en' ? 'Log in' : '登录', locale);
  }
});

for (const [what, viewport] of [
  ['a phone', { width: 390, height: 844 }],
  ['a small phone', { width: 320, height: 568 }],
]) {
  test(`it fits on ${what}`, async (t) => {
    const { page, one, two, complaints } = await visit(t, { viewport, hasTouch: true });
    await page.getByTestId('start-both').tap();
    for (const each of [one, two]) await each.part('composer').waitFor();
    const fits = () => page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth);
    assert.ok(await fits());

    // One device at a time.
    const inView = (pane) => pane.evaluate((element) => element.getBoundingClientRect().left);
    const near = (target) => (left) => Math.abs(left - target) < 20;
    await eventually(() => inView(one.pane), near(0), 'the first device');
    await page.getByTestId('devices').locator('a').nth(1).tap();
    await eventually(() => inView(two.pane), near(0), 'the second device');
    await two.say(`from ${what}`);
    await one.message(`from ${what}`);
    await two.part('order').tap();
    await two.part('order-ticket').waitFor();
    assert.ok(await fits());
    const { width } = await two.part('online').boundingBox();
    assert.ok(width > viewport.width * 0.8, 'room for those who are online');

    // Whatever can be tapped can be hit, and nothing that is typed into makes the page zoom.
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, input:not([type=checkbox]), nav a')]
        .filter((element) => element.checkVisibility())
        .filter((element) => {
          const { width, height } = element.getBoundingClientRect();
          return width < 30 || height < 32 || (element.matches('input') && parseFloat(getComputedStyle(element).fontSize) < 16);
        })
        .map((element) => element.outerHTML),
    );
    assert.deepEqual(small, []);
    assert.deepEqual(complaints, []);
  });
}

test('the keyboard keeps its place when what it was on goes', async (t) => {
  const { page, one, two, complaints } = await visit(t);
  const focused = () => page.evaluate(() => document.activeElement.dataset.testid);
  const isOn = (place) => eventually(focused, (seen) => seen === place, `the focus on ${place}`);
  await one.part('user-id').fill(String(someone()));
  await one.part('user-id').press('Enter');
  await one.state('online');
  await isOn('pane-1');
  await one.part('suggestion').first().press('Enter');
  await isOn('room');
  await one.part('leave').press('Enter');
  await isOn('suggestion');
  await one.part('logout').press('Enter');
  await one.state('offline');
  await isOn('pane-1');
  await two.part('close').press('Enter');
  await isOn('pane-1');
  await one.part('close').press('Enter');
  await isOn('add-first');
  assert.deepEqual(complaints, []);
});

test('everything has a name for those who do not see it, and a focus for those who do not click', async (t) => {
  const { page, one } = await visit(t);
  await one.login(someone());
  await one.join(someRoom());
  await one.part('order').click();
  await one.part('order-ticket').waitFor();
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('button, input, summary, nav, section, ol[tabindex]')]
      .filter((element) => element.checkVisibility())
      .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.closest('label')?.textContent.trim()))
      .map((element) => element.outerHTML),
  );
  assert.deepEqual(nameless, []);
  assert.equal(await one.pane.evaluate((element) => element.ariaLabel), 'Device 1');
  const invisible = [];
  await page.getByTestId('language-en').focus();
  for (let count = 0; count < 25; count += 1) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    });
    if (!seen) invisible.push(await page.evaluate(() => document.activeElement.outerHTML));
  }
  assert.deepEqual(invisible.filter((html) => !html.startsWith('<body')), []);
});
