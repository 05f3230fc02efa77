// @ts-check
// Every row of the demo's contract for `/chat`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';

import { answer, ask, collect, failureAs, next, open, refusal, TRANSPORTS } from '../lib/client.mjs';
import { database, device, directory, SECRET, serveDemo, startDemo } from '../lib/demo.mjs';
import { inAnHour, sign, token } from '../lib/token.mjs';

const server = serveDemo();
const at = () => `${server.url}/chat`;

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const SUCCESS = { success: true };

let rooms = 0;
// A room that no other test has been in.
const room = () => `room-${(rooms += 1)}`;
let users = 0;
const user = () => (users += 1);

// The error object of the demo: of the event `error` and of the acknowledgement.
async function refused(socket, event, body) {
  const exceptions = collect(socket, 'exception');
  const { unasked, ...error } = await failureAs('error', socket, event, body);
  assert.match(error.timestamp, ISO_8601);
  assert.ok(Math.abs(Date.now() - Date.parse(error.timestamp)) < 60_000);
  assert.equal(typeof error.message, 'string');
  assert.equal(unasked.code, error.code);
  assert.deepEqual(exceptions, [], 'the filter\'s event instead of the default one');
  return error;
}

// Nothing is outstanding for this socket once it has been answered.
const settled = (socket) => ask(socket, 'history', { roomId: 'of nobody' });

for (const transport of TRANSPORTS) {
  test(`join, send, receive and leave, by ${transport}`, async (t) => {
    const [ada, bob] = [user(), user()];
    const roomId = room();
    const a = await device(t, server.url, ada, { transport });
    const b = await device(t, server.url, bob, { transport });
    assert.ok(a.id && a.id !== b.id);

    const [ownJoins, joins] = [collect(a, 'user-joined'), collect(b, 'user-joined')];
    assert.deepEqual(await ask(b, 'join-room', { roomId }), [SUCCESS]);
    assert.deepEqual(await ask(a, 'join-room', { roomId }), [SUCCESS]);
    await settled(b);
    assert.deepEqual(joins, [{ userId: ada, roomId }]);
    assert.deepEqual(ownJoins, [], 'not to oneself, and not before one was there');

    const [heardByA, heardByB] = [collect(a, 'new-message'), collect(b, 'new-message')];
    const message = await answer(a, 'send-message', { roomId, content: '你好 😀' });
    await settled(b);
    assert.deepEqual(heardByA, [message], 'the sender included');
    assert.deepEqual(heardByB, [message]);
    const { id, createdAt, ...rest } = message;
    assert.deepEqual(rest, { roomId, content: '你好 😀', senderId: ada });
    assert.match(id, UUID_V7);
    assert.match(createdAt, ISO_8601);
    assert.ok(Math.abs(Date.now() - Date.parse(createdAt)) < 60_000);

    const leaves = collect(b, 'user-left');
    const ownLeaves = collect(a, 'user-left');
    assert.deepEqual(await ask(a, 'leave-room', { roomId }), [SUCCESS]);
    await settled(b);
    assert.deepEqual(leaves, [{ userId: ada, roomId }]);
    assert.deepEqual(ownLeaves, []);

    await ask(b, 'send-message', { roomId, content: 'alone' });
    await settled(a);
    assert.equal(heardByA.length, 1, 'who left hears nothing more');
    assert.equal(heardByB.length, 2);
  });
}

describe('a refused connection', () => {
  /** @type {Record<string, [object, string]>} */
  const refusals = {
    'no token': [{}, '缺少 Token'],
    'an empty token': [{ auth: { token: '' } }, '缺少 Token'],
    'garbage': [{ auth: { token: 'Bearer eyJhbGci...' } }, '认证失败'],
    'another secret': [{ auth: { token: token(1, 'another') } }, '认证失败'],
    'expired': [{ auth: { token: token(1, SECRET, { exp: inAnHour() - 3_601 }) } }, '认证失败'],
    'no expiry': [{ auth: { token: sign({ sub: 1 }, SECRET) } }, '认证失败'],
    'a sub in words': [{ auth: { token: token('ann', SECRET) } }, '认证失败'],
    'unsigned': [{ auth: { token: sign({ sub: 1, exp: inAnHour() }, '', { alg: 'none' }) } }, '认证失败'],
    'a token in the query': [{ query: { token: token(1, SECRET) } }, '缺少 Token'],
  };
  for (const transport of TRANSPORTS) {
    test(`says why, by ${transport}`, async (t) => {
      for (const [what, [options, message]] of Object.entries(refusals)) {
        assert.equal(await refusal(t, at(), { transport, ...options }), message, what);
      }
    });
  }
});

test('a string of digits is the same user', async (t) => {
  const number = user();
  const roomId = room();
  const byNumber = await device(t, server.url, number);
  const byDigits = await device(t, server.url, `00${number}`);
  await ask(byNumber, 'join-room', { roomId });
  const { senderId } = await answer(byDigits, 'send-message', { roomId, content: 'the same' });
  assert.equal(senderId, number, 'and always a number');

  const other = await device(t, server.url, user());
  await ask(byDigits, 'join-room', { roomId });
  await ask(other, 'join-room', { roomId });
  const heard = collect(byDigits, 'new-message');
  await ask(byNumber, 'leave-room', { roomId });
  await ask(other, 'send-message', { roomId, content: 'gone?' });
  await settled(byDigits);
  assert.deepEqual(heard, [], 'who leaves takes all devices along');
});

test('the token may come in the header, with or without its prefix', async (t) => {
  const bearer = token(user(), SECRET);
  for (const authorization of [`Bearer ${bearer}`, `bearer ${bearer}`, bearer]) {
    const socket = await device(t, server.url, 0, { auth: {}, extraHeaders: { authorization } });
    assert.deepEqual(await answer(socket, 'join-room', { roomId: room() }), SUCCESS);
  }
});

describe('an error', () => {
  test('of a blank message', async (t) => {
    const roomId = room();
    const socket = await device(t, server.url, user());
    await ask(socket, 'join-room', { roomId });
    for (const content of ['', '   ', '\n\t\u3000']) {
      const { message, code } = await refused(socket, 'send-message', { roomId, content });
      assert.deepEqual({ message, code }, { message: '消息内容不能为空', code: 'EMPTY_MESSAGE' });
    }
    assert.deepEqual(await answer(socket, 'history', { roomId }), { messages: [] });
  });

  test('of someone who is not a member', async (t) => {
    const roomId = room();
    const member = await device(t, server.url, user());
    await ask(member, 'join-room', { roomId });
    const heard = collect(member, 'new-message');
    const stranger = await device(t, server.url, user());
    assert.equal((await refused(stranger, 'send-message', { roomId, content: 'hi' })).code, 'NOT_A_MEMBER');
    assert.equal((await refused(stranger, 'history', { roomId })).code, 'NOT_A_MEMBER');
    await settled(member);
    assert.deepEqual(heard, []);
    assert.deepEqual(await answer(member, 'history', { roomId }), { messages: [] });
  });

  test('of fields that break the rules', async (t) => {
    const socket = await device(t, server.url, user());
    const roomId = room();
    await ask(socket, 'join-room', { roomId });
    const fields = async (event, body) => {
      const { code, errors } = await refused(socket, event, body);
      assert.equal(code, 'VALIDATION', JSON.stringify(body));
      for (const { message } of errors) assert.equal(typeof message, 'string');
      return errors.map(({ path }) => path).toSorted();
    };
    for (const wrong of ['', 'x'.repeat(65), '房'.repeat(65)]) {
      for (const event of ['join-room', 'leave-room', 'history']) {
        assert.deepEqual(await fields(event, { roomId: wrong }), ['roomId']);
      }
      assert.deepEqual(await fields('send-message', { roomId: wrong, content: 'x' }), ['roomId']);
    }
    assert.deepEqual(await fields('send-message', { roomId, content: 'x'.repeat(4_001) }), ['content']);
    assert.deepEqual(
      await fields('send-message', { roomId: '', content: 'x'.repeat(4_001) }),
      ['content', 'roomId'],
      'every failing field at once',
    );
    for (const limit of [0, 201, -1]) {
      assert.deepEqual(await fields('history', { roomId, limit }), ['limit']);
    }
    assert.deepEqual(await fields('history', { roomId, after: 'not an id' }), ['after']);
  });

  test('does not touch what is just within the rules', async (t) => {
    const socket = await device(t, server.url, user());
    for (const roomId of ['x', '房'.repeat(64)]) {
      assert.deepEqual(await answer(socket, 'join-room', { roomId }), SUCCESS);
      const content = '😀'.repeat(4_000);
      assert.equal((await answer(socket, 'send-message', { roomId, content })).content, content);
      for (const limit of [1, 200]) {
        assert.ok((await answer(socket, 'history', { roomId, limit })).messages.length > 0);
      }
    }
  });

  test('of a body of another form, and of an unknown event', async (t) => {
    const socket = await device(t, server.url, user());
    for (const body of [null, 'text', 5, [], {}, { roomId: 5 }, { room: 'x' }]) {
      const { code } = await refused(socket, 'join-room', body);
      assert.equal(code, 'BAD_PAYLOAD', JSON.stringify(body));
    }
    assert.equal((await refused(socket, 'nobody-knows', {})).code, 'UNKNOWN_EVENT');
    assert.deepEqual(await answer(socket, 'join-room', { roomId: room() }), SUCCESS, 'and it goes on');
  });
});

describe('the history', () => {
  test('is oldest first, of the newest, and goes on after a message', async (t) => {
    const roomId = room();
    const socket = await device(t, server.url, user());
    await ask(socket, 'join-room', { roomId });
    const sent = await Promise.all(
      Array.from({ length: 230 }, (_, number) =>
        answer(socket, 'send-message', { roomId, content: `number ${number}` }),
      ),
    );
    assert.deepEqual(
      sent.map(({ id }) => id),
      sent.map(({ id }) => id).toSorted(),
      'ids sort by time',
    );
    const history = async (more) => (await answer(socket, 'history', { roomId, ...more })).messages;
    assert.deepEqual(await history(), sent.slice(-50), '50 unless asked otherwise');
    assert.deepEqual(await history({ limit: 200 }), sent.slice(-200));
    assert.deepEqual(await history({ limit: 1 }), sent.slice(-1));
    assert.deepEqual(await history({ after: sent[9].id }), sent.slice(10, 60), 'exclusive');
    assert.deepEqual(await history({ after: sent[9].id, limit: 3 }), sent.slice(10, 13));
    assert.deepEqual(await history({ after: sent.at(-1).id }), []);
  });

  test('is that of the room', async (t) => {
    const [one, two] = [room(), room()];
    const socket = await device(t, server.url, user());
    for (const roomId of [one, two]) await ask(socket, 'join-room', { roomId });
    const message = await answer(socket, 'send-message', { roomId: one, content: 'here' });
    await ask(socket, 'send-message', { roomId: two, content: 'there' });
    assert.deepEqual((await answer(socket, 'history', { roomId: one })).messages, [message]);
  });
});

describe('membership', () => {
  test('is the user\'s: told once, and kept over a disconnect', async (t) => {
    const [ada, bob] = [user(), user()];
    const roomId = room();
    const listener = await device(t, server.url, bob);
    await ask(listener, 'join-room', { roomId });
    const joins = collect(listener, 'user-joined');
    const leaves = collect(listener, 'user-left');

    const first = await device(t, server.url, ada);
    const second = await device(t, server.url, ada);
    await ask(first, 'join-room', { roomId });
    await ask(first, 'join-room', { roomId });
    await ask(second, 'join-room', { roomId });
    await settled(listener);
    assert.deepEqual(joins, [{ userId: ada, roomId }], 'it changed once');

    first.disconnect();
    second.disconnect();
    const third = await device(t, server.url, ada);
    const { content } = await answer(third, 'send-message', { roomId, content: 'still a member' });
    assert.equal(content, 'still a member');
    await settled(listener);
    assert.deepEqual(leaves, [], 'a disconnect does not end it');

    await ask(third, 'leave-room', { roomId });
    await ask(third, 'leave-room', { roomId });
    await settled(listener);
    assert.deepEqual(leaves, [{ userId: ada, roomId }], 'leaving does, once');
    assert.equal((await refused(third, 'history', { roomId })).code, 'NOT_A_MEMBER');
  });

  test('is not hearing: a socket hears a room from its own join on', async (t) => {
    const ada = user();
    const roomId = room();
    const [joined, other] = [await device(t, server.url, ada), await device(t, server.url, ada)];
    await ask(joined, 'join-room', { roomId });
    const heard = collect(other, 'new-message');
    await ask(joined, 'send-message', { roomId, content: 'one' });
    await settled(other);
    assert.deepEqual(heard, []);
    await ask(other, 'join-room', { roomId });
    const two = await answer(joined, 'send-message', { roomId, content: 'two' });
    await settled(other);
    assert.deepEqual(heard, [two]);
  });

  test('ends for all devices of the user', async (t) => {
    const [ada, bob] = [user(), user()];
    const roomId = room();
    const devices = [await device(t, server.url, ada), await device(t, server.url, ada)];
    const listener = await device(t, server.url, bob);
    for (const socket of [...devices, listener]) await ask(socket, 'join-room', { roomId });
    const heard = collect(devices[1], 'new-message');
    await ask(devices[0], 'leave-room', { roomId });
    await ask(listener, 'send-message', { roomId, content: 'not for those who left' });
    await settled(devices[1]);
    assert.deepEqual(heard, []);
    assert.equal((await refused(devices[1], 'send-message', { roomId, content: 'x' })).code, 'NOT_A_MEMBER');
  });

  test('no name of a room reaches anything but that room', async (t) => {
    const ada = await device(t, server.url, user());
    const eve = await device(t, server.url, user());
    const heard = collect(ada, 'new-message');
    for (const roomId of [ada.id, 'user:1', `user:${users - 1}`, `room:${ada.id}`]) {
      await ask(eve, 'join-room', { roomId });
      await ask(eve, 'send-message', { roomId, content: 'for you' });
    }
    await settled(ada);
    assert.deepEqual(heard, []);
  });
});

describe('what one socket sends', () => {
  for (const transport of TRANSPORTS) {
    test(`takes effect in that order, by ${transport}`, async (t) => {
      const roomId = room();
      const listener = await device(t, server.url, user(), { transport });
      await ask(listener, 'join-room', { roomId });
      const heard = collect(listener, 'new-message');

      const socket = await device(t, server.url, user(), { transport });
      const arrivals = [];
      socket.on('new-message', ({ content }) => arrivals.push(`event ${content}`));
      const contents = Array.from({ length: 100 }, (_, number) => String(number));
      // Not one of them waits for the one before.
      const acks = [
        answer(socket, 'join-room', { roomId }),
        ...contents.map(async (content) => {
          const message = await new Promise((resolve) => {
            socket.emit('send-message', { roomId, content }, (reply) => {
              arrivals.push(`ack ${content}`);
              resolve(reply);
            });
          });
          assert.equal(message.content, content);
        }),
        answer(socket, 'leave-room', { roomId }),
      ];
      const replies = await Promise.all(acks);
      assert.deepEqual([replies.at(0), replies.at(-1)], [SUCCESS, SUCCESS]);
      await settled(listener);
      assert.deepEqual(heard.map(({ content }) => content), contents);
      assert.deepEqual(
        arrivals,
        contents.flatMap((content) => [`event ${content}`, `ack ${content}`]),
        'acknowledgements and broadcasts leave in that order',
      );
    });
  }

  test('is seen by what the same socket asks right behind it', async (t) => {
    const roomId = room();
    const socket = await device(t, server.url, user());
    /** @type {Promise<unknown>[]} */
    const pairs = [ask(socket, 'join-room', { roomId })];
    for (let number = 0; number < 50; number += 1) {
      const sent = answer(socket, 'send-message', { roomId, content: String(number) });
      const history = answer(socket, 'history', { roomId, limit: 1 });
      pairs.push(
        Promise.all([sent, history]).then(([message, { messages }]) => {
          assert.deepEqual(messages, [message]);
        }),
      );
    }
    await Promise.all(pairs);
  });

  test('under one name is stored and heard once', async (t) => {
    const [ada, bob] = [user(), user()];
    const [roomId, other] = [room(), room()];
    const a = await device(t, server.url, ada);
    const b = await device(t, server.url, bob);
    for (const socket of [a, b]) {
      await ask(socket, 'join-room', { roomId });
      await ask(socket, 'join-room', { roomId: other });
    }
    const heard = collect(b, 'new-message');
    const body = { roomId, content: 'once', clientId: 'my name for it' };
    const [first, second] = await Promise.all([answer(a, 'send-message', body), answer(a, 'send-message', body)]);
    const again = await device(t, server.url, ada);
    const third = await answer(again, 'send-message', { ...body, content: 'changed meanwhile' });
    assert.deepEqual(second, first);
    assert.deepEqual(third, first, 'acked with the stored message, on another device too');
    await settled(b);
    assert.deepEqual(heard, [first]);

    const byBob = await answer(b, 'send-message', body);
    const elsewhere = await answer(a, 'send-message', { ...body, roomId: other });
    assert.notEqual(byBob.id, first.id, 'unique per sender');
    assert.notEqual(elsewhere.id, first.id, 'and per room');
    assert.deepEqual((await answer(a, 'history', { roomId })).messages, [first, byBob]);
  });
});

describe('a restart', () => {
  const place = directory();

  for (const [how, end] of Object.entries({ 'asked for': (demo) => demo.stop(), 'by kill': (demo) => demo.kill() })) {
    test(`keeps members and messages: ${how}`, async (t) => {
      const roomId = room();
      const ada = user();
      let demo = await startDemo(place);
      t.after(() => demo.kill());
      const before = await device(t, demo.url, ada);
      await ask(before, 'join-room', { roomId });
      const sent = [];
      for (const content of ['one', 'two', 'three']) {
        sent.push(await answer(before, 'send-message', { roomId, content, clientId: content }));
      }
      await end(demo);

      demo = await startDemo(place);
      const after = await device(t, demo.url, ada);
      assert.deepEqual((await answer(after, 'history', { roomId })).messages, sent);
      const repeated = await answer(after, 'send-message', { roomId, content: 'x', clientId: 'two' });
      assert.deepEqual(repeated, sent[1], 'names of messages are kept as well');
      const four = await answer(after, 'send-message', { roomId, content: 'four' });
      assert.ok(four.id > sent.at(-1).id);
      await demo.stop();
    });
  }

  test('is survived by a client that reconnects', async (t) => {
    const roomId = room();
    const ada = user();
    let demo = await startDemo(place);
    t.after(() => demo.kill());
    const { port } = new URL(demo.url);
    const socket = open(t, `${demo.url}/chat`, {
      auth: { token: token(ada, SECRET) },
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
    });
    await next(socket, 'connect');
    await ask(socket, 'join-room', { roomId });
    const back = next(socket, 'connect');
    await demo.kill();
    demo = await startDemo(place, port);
    await back;
    const { content } = await answer(socket, 'send-message', { roomId, content: 'back' });
    assert.equal(content, 'back');
    await demo.stop();
  });
});

// SQLite has one writer at a time, whatever the room.
if (process.env.TEST_POSTGRES_URL) {
  test('a room whose messages cannot be stored holds up no other', async (t) => {
    const place = directory();
    const demo = await startDemo(place);
    t.after(() => demo.kill());
    // More than there are connections to the database.
    const stuck = await Promise.all(Array.from({ length: 15 }, () => device(t, demo.url, user())));
    const free = await device(t, demo.url, user());
    for (const socket of stuck) await answer(socket, 'join-room', { roomId: 'stuck' });
    await answer(stuck[0], 'send-message', { roomId: 'stuck', content: 'first' });

    const psql = spawn('psql', [database(place), '--quiet', '--no-psqlrc'], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => psql.kill());
    psql.stdin.write("BEGIN;\nSELECT 'held' FROM rooms WHERE id = 'stuck' FOR UPDATE;\n");
    const [held] = await once(psql.stdout, 'data');
    assert.match(held.toString(), /held/);

    let answered = 0;
    const told = stuck.map(async (socket) => {
      const message = await answer(socket, 'send-message', { roomId: 'stuck', content: 'now' });
      answered += 1;
      return message;
    });
    const begun = Date.now();
    for (const roomId of ['lobby', 'attic']) {
      assert.deepEqual(await answer(free, 'join-room', { roomId }), SUCCESS);
      assert.ok((await answer(free, 'send-message', { roomId, content: 'hello' })).id);
      assert.deepEqual(await answer(free, 'leave-room', { roomId }), SUCCESS);
    }
    assert.equal(answered, 0, 'it was stuck all the while');
    assert.ok(Date.now() - begun < 3_000, 'and nobody else waited for it');

    psql.stdin.write('COMMIT;\n');
    for (const message of await Promise.all(told)) assert.ok(message.id, JSON.stringify(message));
  });
}
