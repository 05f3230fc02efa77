// The support desk in `examples/`, as its customers and agents see it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask, collect, connect, cut, failure, next, refusal, TRANSPORTS } from '../lib/client.mjs';
import { serve } from '../lib/server.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serve('examples/support-desk', { env: { LISTEN: '127.0.0.1:0' } });

let people = 0;

// A person that no other test knows.
const person = (role) => ({ sub: `${role}-${++people}`, role });

async function token(who) {
  const login = await fetch(`${server.url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(who),
  });
  return login.text();
}

async function enter(t, who, options) {
  return connect(t, `${server.url}/desk`, { auth: { token: await token(who) }, ...options });
}

async function ticket(t, options) {
  const [ada, ben] = [person('agent'), person('customer')];
  const [agent, customer] = [await enter(t, ada, options), await enter(t, ben, options)];
  const opened = next(agent, 'opened');
  const { id } = await answer(customer, 'open', 'No tea');
  assert.equal((await opened)[0].id, id);
  await answer(agent, 'follow', id);
  return { ada, ben, agent, customer, id };
}

for (const transport of TRANSPORTS) {
  test(`what is said in a ticket is heard by all who follow it, by ${transport}`, async (t) => {
    const { ada, agent, customer, id, ben } = await ticket(t, { transport });
    const [heard, echo] = [next(customer, 'said'), next(agent, 'said')];
    assert.deepEqual(await ask(agent, 'say', { ticket: id, text: 'It is on its way' }), []);
    const message = { ticket: id, from: ada.sub, text: 'It is on its way' };
    assert.deepEqual(await heard, [message]);
    assert.deepEqual(await echo, [message]);

    const device = await enter(t, ben, { transport });
    const seen = await answer(device, 'follow', id);
    assert.deepEqual(seen, { id, customer: ben.sub, subject: 'No tea', messages: [message] });
  });

  test(`a file arrives as it was sent, by ${transport}`, async (t) => {
    const { agent, customer, id } = await ticket(t, { transport });
    const content = Buffer.from([0, 255, 10, 13]);
    const heard = next(agent, 'attached');
    assert.equal(await answer(customer, 'attach', { ticket: id, name: 'tea.png', content }), 4);
    const [file] = await heard;
    assert.deepEqual({ ...file, content: Buffer.from(file.content) }, { ticket: id, name: 'tea.png', content });
  });
}

test('typing is told to the others, and only so often', async (t) => {
  const { ben, agent, customer, id } = await ticket(t);
  const heard = next(agent, 'typing');
  const complaints = collect(customer, 'exception');
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(customer, 'typing', id)));
  assert.deepEqual(await heard, [id, ben.sub]);
  assert.deepEqual(answers.map(([error]) => error?.code), [...Array(5).fill(undefined), 'THROTTLED']);
  assert.deepEqual(complaints, [], 'the refusal is no event');
});

test('agents hear who comes and who has gone', async (t) => {
  const agent = await enter(t, person('agent'));
  const who = person('customer');
  const [online, offline] = [collect(agent, 'online'), collect(agent, 'offline')];
  const customer = await enter(t, who);
  await eventually(() => online, (names) => names.includes(who.sub), 'the arrival');
  assert.ok((await answer(agent, 'who-is-online')).includes(who.sub));
  cut(customer);
  await eventually(() => offline, (names) => names.includes(who.sub), 'the departure');
});

test('a notice reaches every device of its person, and nobody else', async (t) => {
  const [ben, eve] = [person('customer'), person('customer')];
  const [phone, laptop, other] = [await enter(t, ben), await enter(t, ben), await enter(t, eve)];
  const unheard = collect(other, 'notice');
  const heard = Promise.all([next(phone, 'notice'), next(laptop, 'notice')]);
  const sent = await fetch(`${server.url}/people/${ben.sub}`, { method: 'POST', body: 'Tea is here' });
  assert.equal(sent.status, 202);
  assert.deepEqual(await heard, [['Tea is here'], ['Tea is here']]);
  await ask(other, 'follow', 0);
  assert.deepEqual(unheard, []);
});

describe('what is refused has a code:', () => {
  const cases = [
    ['a customer who closes a ticket', 'FORBIDDEN', ({ customer, id }) => failure(customer, 'close', id)],
    ['an agent who opens one', 'FORBIDDEN', ({ agent }) => failure(agent, 'open', 'No tea')],
    ['a ticket that does not exist', 'NO_SUCH_TICKET', ({ agent }) => failure(agent, 'follow', 999_999)],
    ['an empty message', 'VALIDATION', ({ agent, id }) => failure(agent, 'say', { ticket: id, text: '' })],
    ['a message without its ticket', 'BAD_PAYLOAD', ({ agent }) => failure(agent, 'say', { text: 'Hello' })],
  ];
  for (const [name, code, fails] of cases) {
    test(`${name} is ${code}`, async (t) => {
      assert.equal((await fails(await ticket(t))).code, code);
    });
  }

  test("another customer's ticket is NO_SUCH_TICKET, whatever is done to it", async (t) => {
    const { id } = await ticket(t);
    const eve = await enter(t, person('customer'));
    const file = { ticket: id, name: 'x', content: Buffer.from('x') };
    for (const [event, body] of [['follow', id], ['say', { ticket: id, text: 'x' }], ['attach', file], ['typing', id]]) {
      assert.equal((await failure(eve, event, body)).code, 'NO_SUCH_TICKET', event);
    }
  });

  test('a closed ticket is NO_SUCH_TICKET', async (t) => {
    const { agent, customer, id } = await ticket(t);
    const heard = next(customer, 'closed');
    await ask(agent, 'close', id);
    assert.deepEqual(await heard, [id]);
    assert.equal((await failure(customer, 'say', { ticket: id, text: 'Thanks' })).code, 'NO_SUCH_TICKET');
  });

  test('a client without a token is told so', async (t) => {
    assert.equal(await refusal(t, `${server.url}/desk`), 'Missing token');
  });
});
