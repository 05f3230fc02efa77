// Never silence: whoever asks for an acknowledgement gets one, and only one, however the message
// ends, whenever that is, and whatever the server is about.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, connect, connected, open, TRANSPORTS } from '../lib/client.mjs';
import { serve, start } from '../lib/server.mjs';
import { eventually, sleep, within } from '../lib/wait.mjs';

// Who answers, and what: a value, nothing at all, or an error by its code.
const ANSWERS = {
  value: 'value',
  nothing: undefined,
  event: undefined,
  stream: undefined,
  error: { code: 'WRONG' },
  panic: { code: 'INTERNAL' },
  'panic-when-written': { code: 'INTERNAL' },
  ack: 'ack',
  'ack-and-error': 'ack',
  'ack-elsewhere': 'ack',
  'ack-dropped': { code: 'NO_REPLY' },
  'ack-dropped-elsewhere': { code: 'NO_REPLY' },
  'ack-and-panic': { code: 'INTERNAL' },
  'ack-unreadable': { code: 'INTERNAL' },
  receipt: 'receipt',
  'receipt-dropped': { code: 'NO_REPLY' },
  'receipt-and-event': 'receipt',
  'receipt-and-value': { code: 'INTERNAL' },
  'receipt-sent-and-value': 'receipt',
  'receipt-beside-ack': { code: 'INTERNAL' },
  'receipt-in-vain': true,
  'guard-confirms': 'guard',
  'guard-confirms-value': 'guard',
  'instead-of-value': 'interceptor',
  'instead-of-ack': 'interceptor',
  'after-value': 'interceptor',
  'after-ack': 'ack',
  'after-ack-dropped': 'interceptor',
  'through-ack': 'ack',
  'through-ack-dropped': { code: 'NO_REPLY' },
  'interceptor-panic': { code: 'INTERNAL' },
  'interceptor-panic-ack': { code: 'INTERNAL' },
  timeout: { code: 'TIMEOUT' },
  'timeout-ack': { code: 'TIMEOUT' },
  guard: { code: 'FORBIDDEN' },
  'guard-ack': { code: 'FORBIDDEN' },
  'guard-panic': { code: 'INTERNAL' },
  filter: 'filter',
  'filter-ack': 'filter',
  'filter-panic': { code: 'WRONG' },
  'filter-reserved': { code: 'WRONG' },
  'nobody-handles-this': { code: 'UNKNOWN_EVENT' },
};

// At once, on the connection's read loop, and in a task of its own.
const TIMES = [0, 20];

// The ids of all acknowledgements that come, as they stand in the packets: a second one for the same
// message would be dropped by the client without a word.
function acknowledged(socket) {
  const ids = [];
  socket.io.engine.on('packet', ({ type, data }) => {
    const ack = type === 'message' && typeof data === 'string' && /^[36](?:\d+-)?(?:\/[^,]*,)?(\d+)\[/.exec(data);
    if (ack) ids.push(Number(ack[1]));
  });
  return ids;
}

function expect(event, [answer], expected = ANSWERS[event]) {
  if (expected?.code) assert.equal(answer?.code, expected.code, `${event}: ${JSON.stringify(answer)}`);
  else assert.equal(answer, expected, event);
}

async function all(socket, ms, check = expect) {
  const events = Object.keys(ANSWERS);
  await Promise.all(events.map(async (event) => check(event, await ask(socket, event, ms))));
  return events.length;
}

describe('every message is answered, once', () => {
  const server = serve('fixture');

  for (const transport of TRANSPORTS) {
    for (const ms of TIMES) {
      test(`${ms ? 'after a while' : 'at once'}, by ${transport}`, async (t) => {
        const socket = await connect(t, `${server.url}/silence`, { transport });
        const ids = acknowledged(socket);
        const asked = await all(socket, ms);
        // What comes twice comes soon.
        await sleep(100);
        assert.equal(ids.length, asked);
        assert.equal(new Set(ids).size, asked, 'each once');
        assert.ok(socket.connected);
      });
    }
  }

  test('while on_connection runs, when that has ended', async (t) => {
    const socket = await connect(t, `${server.url}/silence`, { auth: { connect_ms: 300 } });
    await all(socket, 0);
  });

  test('a payload of another form', async (t) => {
    const socket = await connect(t, `${server.url}/silence`);
    for (const event of Object.keys(ANSWERS)) {
      if (event.startsWith('timeout') || event === 'nobody-handles-this' || event === 'guard-ack') continue;
      const [answer] = await ask(socket, event, 'not a number');
      // A filter that reads the payload itself fails, and the next one answers; guards come first.
      const expected = ['filter', 'filter-ack'].includes(event) ? 'filter' : 'BAD_PAYLOAD';
      assert.equal(answer?.code ?? answer, expected, event);
    }
  });
});

// A server that has been asked to stop, and cannot yet: a message hangs, so the drain goes through all
// of its steps, each at its share of the time.
async function stopping(t, drain) {
  const server = await start('fixture', { env: { DRAIN_TIMEOUT_MS: String(drain) } });
  t.after(() => server.kill());
  const hangs = await connect(t, `${server.url}/silence`);
  hangs.emit('hang');
  const begin = async () => {
    await ask(hangs, 'nothing', 0);
    server.child.kill('SIGTERM');
    await eventually(() => server.log.includes('asked to stop'), Boolean, 'the signal');
    return Date.now();
  };
  return { server, begin };
}

describe('while the server shuts down', () => {
  test('what it had taken is answered as ever', async (t) => {
    const { server, begin } = await stopping(t, 4_000);
    const socket = await connect(t, `${server.url}/silence`);
    const answers = all(socket, 300);
    await ask(socket, 'nothing', 0);
    await begin();
    await answers;
  });

  // Shares of the time: messages in hand are waited for, then those that wait are refused, then hooks
  // run, slowly.
  for (const [share, what] of [[0.1, 'messages are waited for'], [0.65, 'messages are waited for no longer'], [0.75, 'its hook runs']]) {
    test(`what comes when ${what} is refused, with the reason`, async (t) => {
      const drain = 6_000;
      const { server, begin } = await stopping(t, drain);
      const socket = await connect(t, `${server.url}/silence`, { auth: { disconnect_ms: drain } });
      const begun = await begin();
      await sleep(begun + drain * share - Date.now());
      // A filter may say so in words of its own.
      const words = { filter: 'filter', 'filter-ack': 'filter' };
      const refused = (event, answer) => expect(event, answer, words[event] ?? { code: 'SHUTTING_DOWN' });
      await within(all(socket, 0, refused), 'the refusals', drain);
    });
  }
});

test('a client that is refused by on_connection has its messages answered with the reason', async (t) => {
  const server = await start('fixture');
  t.after(() => server.stop());
  const socket = open(t, `${server.url}/hooks`, { auth: { connect: 'refuse', connect_ms: 200 } });
  await connected(socket);
  const [answer] = await ask(socket, 'say', 'hello');
  assert.equal(answer.code, 'CLOSED', JSON.stringify(answer));
});
