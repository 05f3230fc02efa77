// Below a message: the opening of a WebSocket, frames and bodies that are not allowed, and how who sent
// them, the log and `on_disconnect` are told.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answer, ask as asks, connect, label, open } from '../lib/client.mjs';
import { probe } from '../lib/probe.mjs';
import { ask, frame, polling, text, UPGRADE, websocket } from '../lib/raw.mjs';
import { serve, start } from '../lib/server.mjs';
import { eventually, within } from '../lib/wait.mjs';

// Warnings alone, as plain text, and none of the start.
const QUIET = { RUST_LOG: 'warn', LOG_LEVEL: 'warn', NO_COLOR: '1', JWT_SECRET: 'x'.repeat(32) };

const LARGE = 'y'.repeat(1_100_000);

const server = serve('fixture');

const logged = (process, words) => eventually(() => process.log, (log) => words.test(log), `${words} in the log`);

// The reason that `on_disconnect` is told, of a client that is in `/hooks` under this label.
async function reason(t, who) {
  const inside = await probe(t, server.url);
  const journal = await inside.until(who, (entries) => entries.some((entry) => entry?.gone), 'on_disconnect');
  return journal.find((entry) => entry?.gone).gone;
}

const greeting = (who) => `40/hooks,${JSON.stringify({ label: who })}`;

describe('the opening of a WebSocket', () => {
  // Totodore/socketioxide#341, socketio/engine.io-client#545
  for (const transport of ['websocket', 'upgrade']) {
    test(`a client that names subprotocols connects, by ${transport}`, async (t) => {
      const socket = await connect(t, `${server.url}/hooks`, { transport, protocols: ['my-app', 'other'] });
      assert.equal(await answer(socket, 'say', 'hello'), 'hello');
      assert.equal(socket.io.engine.transport.ws.protocol, 'my-app');
    });
  }

  test('the first subprotocol is spoken, and a header that names none is refused', async () => {
    const path = '/socket.io/?EIO=4&transport=websocket';
    const opened = (offered) =>
      ask(server.url, { path, headers: offered === undefined ? UPGRADE : { ...UPGRADE, 'Sec-WebSocket-Protocol': offered } });
    for (const [offered, spoken] of [[undefined, undefined], ['my-app', 'my-app'], ['b, a', 'b'], ['v1.json,v2', 'v1.json']]) {
      const { status, headers } = await opened(offered);
      assert.deepEqual([status, headers['sec-websocket-protocol']], [101, spoken]);
    }
    for (const offered of [',', 'a b', 'a,a', '"a"']) {
      const { status, text: body } = await opened(offered);
      assert.deepEqual([status, JSON.parse(body)], [400, { code: 3, message: 'Bad request' }], offered);
    }
  });

  test('another version of WebSocket is told which one there is', async () => {
    const headers = { ...UPGRADE, 'Sec-WebSocket-Version': '8' };
    const refused = await ask(server.url, { path: '/socket.io/?EIO=4&transport=websocket', headers });
    assert.deepEqual([refused.status, refused.headers['sec-websocket-version']], [426, '13']);
  });
});

describe('a client that is cut is told why', () => {
  const NOT_ALLOWED = {
    // socketio/socket.io#5140, #3817
    'a message that is too large': [1009, text(`42/hooks,["say","${LARGE}"]`)],
    'one in parts': [1009, frame(0x01, '42/hooks,["say","'), frame(0x80, LARGE)],
    'one of which only the head has come': [1009, frame(0x82, '', { length: 2_000_000 })],
    'a large attachment': [1009, text('451-/hooks,["say",{"_placeholder":true,"num":0}]'), frame(0x82, LARGE)],
    // snapview/tungstenite-rs#82
    'text that is not UTF-8': [1007, frame(0x81, Buffer.concat([Buffer.from('42/hooks,['), Buffer.from([0xff, 0xfe])]))],
    'text that ends inside of a character': [1007, frame(0x81, Buffer.from('42/hooks,[€').subarray(0, 11))],
    'a frame without a mask': [1002, frame(0x81, '42/hooks,["say",1]', { masked: false })],
    'a frame of an extension': [1002, frame(0xc1, '42/hooks,["say",1]')],
    'a frame of a kind there is not': [1002, frame(0x83, 'x')],
    'a ping in parts': [1002, frame(0x09, 'x')],
    'a large ping': [1002, frame(0x89, 'x'.repeat(126))],
    'the end of what has no beginning': [1002, frame(0x80, 'x')],
    'a message inside of another': [1002, frame(0x01, '42'), text('3')],
    'half a close code': [1002, frame(0x88, 'x')],
  };
  for (const [what, [code, ...frames]] of Object.entries(NOT_ALLOWED)) {
    test(`${what} closes with ${code}`, async (t) => {
      const who = label();
      const client = await websocket(t, server.url, { greet: greeting(who) });
      client.send(...frames);
      const closed = await client.closed();
      assert.equal(closed.code, code, JSON.stringify(closed));
      assert.ok(closed.reason.length > 10, closed.reason);
      await client.hears('the end', (one) => one === 'end');
      assert.equal(await reason(t, who), 'transport error');
    });
  }

  test('what came before is handled', async (t) => {
    const who = label();
    const client = await websocket(t, server.url, { greet: greeting(who) });
    client.send(Buffer.concat([text('42/hooks,1["say","before"]'), frame(0x83, 'x'), text('42/hooks,2["say","behind"]')]));
    await client.closed();
    // Its answer may come too late for a client that has been sent away.
    const inside = await probe(t, server.url);
    const journal = await inside.until(who, (entries) => entries.includes('before') && entries.some((entry) => entry?.gone));
    assert.ok(!journal.includes('behind'), JSON.stringify(journal));
  });

  test('who is still writing reads the close frame', async (t) => {
    const client = await websocket(t, server.url);
    client.send(frame(0x82, 'x'.repeat(500_000), { length: 50_000_000 }));
    for (let sent = 0; sent < 40; sent += 1) client.send(Buffer.alloc(500_000));
    assert.equal((await client.closed()).code, 1009);
  });

  test('the official client hears the code', async (t) => {
    const socket = await connect(t, `${server.url}/hooks`);
    const gone = new Promise((resolve) => socket.once('disconnect', (why, details) => resolve({ why, details })));
    socket.emit('say', LARGE);
    const { details } = await within(gone, 'the end');
    assert.equal(details.context?.code ?? details.description?.code ?? details.description, 1009);
  });

  test('a body on polling that is too large is answered 413, with or without its length', async (t) => {
    for (const headers of [{ 'Content-Length': LARGE.length }, { 'Transfer-Encoding': 'chunked' }]) {
      const who = label();
      const client = await polling(server.url, { label: who });
      const refused = await client.post(LARGE, headers);
      assert.equal(refused.status, 413);
      assert.deepEqual(JSON.parse(refused.text), { code: 3, maxPayload: 1_000_000, message: 'The body is too large' });
      assert.equal(await reason(t, who), 'transport error');
    }
  });

  test('a server that shuts down closes with 1001', async (t) => {
    const process = await start('fixture');
    t.after(() => process.kill());
    const client = await websocket(t, process.url);
    await process.stop();
    assert.deepEqual(await client.closed(), { code: 1001, reason: 'server shutting down' });
  });
});

describe('the log says it once, with the cure', () => {
  const LINES = {
    'a message that is too large': [/larger than max_payload.*max_payload\(\.\.\)/, text(`42/hooks,["say","${LARGE}"]`)],
    'text that is not UTF-8': [/not UTF-8/, frame(0x81, Buffer.from([0x32, 0xff]))],
    'a frame that is not allowed': [/RFC 6455/, frame(0x83, 'secret')],
    'a packet that cannot be read': [/packet that cannot be read/, text('42/hooks,["secret')],
  };
  for (const [what, [line, sent]] of Object.entries(LINES)) {
    test(what, async (t) => {
      const process = await start('fixture', { env: QUIET });
      t.after(() => process.kill());
      for (let count = 0; count < 5; count += 1) {
        const client = await websocket(t, process.url);
        client.send(sent);
        await client.hears('the end', (one) => one === 'end' || one.reason !== undefined);
      }
      await logged(process, line);
      const lines = process.log.trim().split('\n');
      assert.equal(lines.filter((one) => line.test(one)).length, 1, process.log);
      assert.doesNotMatch(process.log, /yyy|secret/);
    });
  }

  test('a body that is too large', async (t) => {
    const process = await start('fixture', { env: QUIET });
    t.after(() => process.kill());
    const client = await polling(process.url, { label: label() });
    await client.post(LARGE);
    await logged(process, /larger than max_payload/);
  });

  // socketio/socket.io-client 2, and whoever asks for no version.
  for (const version of ['EIO=3&', '']) {
    for (const transport of ['polling', 'websocket']) {
      test(`a client of Engine.IO ${version || 'without a version'}, by ${transport}`, async (t) => {
        const process = await start('fixture', { env: QUIET });
        t.after(() => process.kill());
        const path = `/socket.io/?${version}transport=${transport}`;
        const { status, text: body } = await ask(process.url, { path, headers: transport === 'websocket' ? UPGRADE : {} });
        assert.deepEqual([status, JSON.parse(body)], [400, { code: 5, message: 'Unsupported protocol version' }]);
        await logged(process, /EIO=4.*socket\.io-client 2/);
      });
    }
  }

  const FOREIGN = { 'bytes, as of msgpack': frame(0x82, Buffer.from([0x83, 0xa4])), JSON: text('4{"type":0}'), 'an event': text('42["say",1]') };
  for (const [what, first] of Object.entries(FOREIGN)) {
    test(`a first packet of another parser: ${what}`, async (t) => {
      const process = await start('fixture', { env: QUIET });
      t.after(() => process.kill());
      const client = await websocket(t, process.url, { greet: '' });
      client.send(first);
      assert.equal((await client.closed()).code, 1002);
      await logged(process, /default parser/);
    });
  }

  for (const first of ['bgg==', '4{"type":0}', '42["say",1]']) {
    test(`a first packet of another parser on polling: ${first}`, async (t) => {
      const process = await start('fixture', { env: QUIET });
      t.after(() => process.kill());
      const client = await polling(process.url);
      assert.equal((await client.post(first)).status, 400);
      await logged(process, /default parser/);
      await eventually(() => client.post('3'), ({ status }) => status === 400, 'the end of the session');
    });
  }
});

describe('on_disconnect is told the word of socket.io’s server', () => {
  const close = (code) => frame(0x88, Buffer.from([code >> 8, code & 0xff]));
  const ENDS = {
    'the connection ends': ['transport close', ({ socket }) => socket.end()],
    'the connection is reset': ['transport close', ({ socket }) => socket.resetAndDestroy()],
    'it is closed': ['transport close', ({ send }) => send(frame(0x88, ''))],
    'it is closed with 1001': ['transport close', ({ send }) => send(close(1001))],
    'it is closed with 4000': ['transport close', ({ send }) => send(close(4000))],
    'the session is closed': ['transport close', ({ send }) => send(text('1'))],
    'the client leaves': ['client namespace disconnect', ({ send }) => send(text('41/hooks,'))],
    'the client is sent away': ['server namespace disconnect', ({ send }) => send(text('42/hooks,["kick-me"]'))],
    'a packet is none': ['parse error', ({ send }) => send(text('x'))],
  };
  for (const [how, [expected, end]] of Object.entries(ENDS)) {
    test(`${how}: ${expected}`, async (t) => {
      const who = label();
      end(await websocket(t, server.url, { greet: greeting(who) }));
      assert.equal(await reason(t, who), expected);
    });
  }

  const POSTS = {
    'a session on polling is closed': ['transport close', (client) => client.post('1')],
    'a body is no packet': ['parse error', (client) => client.post('x')],
    'two polls come at once': ['transport error', (client) => Promise.all([client.get(), client.get()])],
  };
  for (const [how, [expected, end]] of Object.entries(POSTS)) {
    test(`${how}: ${expected}`, async (t) => {
      const who = label();
      await end(await polling(server.url, { label: who }));
      assert.equal(await reason(t, who), expected);
    });
  }
});

describe('bytes as text', () => {
  test('the official client with forceBase64', async (t) => {
    for (const transport of ['websocket', 'upgrade', 'polling']) {
      const socket = await connect(t, `${server.url}/arguments`, { transport, forceBase64: true });
      for (const bytes of [Buffer.alloc(0), Buffer.from([1, 2, 3]), Buffer.alloc(500_000, 7)]) {
        const [back] = await asks(socket, 'echo', bytes);
        assert.ok(bytes.equals(Buffer.from(back)), `${bytes.length} bytes by ${transport}`);
      }
      assert.ok(socket.connected);
    }
  });

  test('what is not base64 ends the session', async (t) => {
    const who = label();
    const client = await websocket(t, server.url, { greet: greeting(who) });
    client.send(text('451-/hooks,["say",{"_placeholder":true,"num":0}]'), text('b!!!'));
    assert.equal((await client.closed()).code, 1007);
    assert.equal(await reason(t, who), 'parse error');
  });
});

describe('what a request that is not taken is answered', () => {
  const SID = 'AAAAAAAAAAAAAAAA';
  const ANSWERS = [
    ['GET', '', 0, 'Transport unknown'],
    ['GET', '?EIO=4', 0, 'Transport unknown'],
    ['GET', '?EIO=4&transport=webtransport', 0, 'Transport unknown'],
    ['GET', `?EIO=4&transport=polling&sid=${SID}`, 1, 'Session ID unknown'],
    ['GET', '?EIO=4&transport=polling&sid=x', 1, 'Session ID unknown'],
    ['POST', `?EIO=4&transport=polling&sid=${SID}`, 1, 'Session ID unknown'],
    ['POST', '?EIO=4&transport=polling', 2, 'Bad handshake method'],
    ['PUT', '?EIO=4&transport=polling', 2, 'Bad handshake method'],
    ['GET', '?EIO=4&transport=websocket', 3, 'Bad request'],
    ['GET', '?EIO=3&transport=polling', 5, 'Unsupported protocol version'],
  ];
  for (const [method, query, code, message] of ANSWERS) {
    test(`${method} ${query}`, async () => {
      const refused = await ask(server.url, { method, path: `/socket.io/${query}` });
      assert.deepEqual([refused.status, JSON.parse(refused.text)], [400, { code, message }]);
      assert.equal(refused.headers['content-type'], 'application/json');
      assert.equal(refused.headers['cache-control'], 'no-store');
    });
  }

  test('an upgrade of a session that is none', async () => {
    const path = `/socket.io/?EIO=4&transport=websocket&sid=${SID}`;
    const refused = await ask(server.url, { path, headers: UPGRADE });
    assert.deepEqual([refused.status, JSON.parse(refused.text)], [400, { code: 1, message: 'Session ID unknown' }]);
  });

  test('two polls at once, and a body that is no packet', async () => {
    const twice = await polling(server.url, { label: label() });
    const answers = await Promise.all([twice.get(), twice.get()]);
    const refused = answers.find(({ status }) => status === 400);
    assert.deepEqual(JSON.parse(refused.text), { code: 3, message: 'Bad request' });
    const client = await polling(server.url, { label: label() });
    assert.deepEqual(JSON.parse((await client.post('x')).text), { code: 3, message: 'Bad request' });
  });

  test('an empty id is none', async (t) => {
    const opened = await ask(server.url, { path: '/socket.io/?EIO=4&transport=polling&sid=' });
    assert.match(opened.text, /^0\{"sid":/);
    const upgraded = await ask(server.url, { path: '/socket.io/?EIO=4&transport=websocket&sid=', headers: UPGRADE });
    assert.equal(upgraded.status, 101);
  });

  test('no answer is kept by a cache', async () => {
    const client = await polling(server.url, { label: label() });
    const opened = await ask(server.url, { path: '/socket.io/?EIO=4&transport=polling' });
    for (const answered of [opened, await client.post('42/hooks,1["say",1]'), await client.get()]) {
      assert.deepEqual([answered.status, answered.headers['cache-control']], [200, 'no-store']);
    }
  });
});

describe('transports that are not offered', () => {
  for (const [offered, other] of [['websocket', 'polling'], ['polling', 'websocket']]) {
    test(`${other}, where there is ${offered} alone`, async (t) => {
      const process = await start('fixture', { env: { TRANSPORTS: offered } });
      t.after(() => process.stop());
      const headers = other === 'websocket' ? UPGRADE : {};
      const refused = await ask(process.url, { path: `/socket.io/?EIO=4&transport=${other}`, headers });
      assert.deepEqual([refused.status, JSON.parse(refused.text)], [400, { code: 0, message: 'Transport unknown' }]);
      const socket = await connect(t, `${process.url}/hooks`, { transport: offered });
      assert.equal(await answer(socket, 'say', 1), 1);
    });
  }
});

describe('auth', () => {
  for (const auth of ['{', '"s"', '[]', 'null', 'true', '{"a":1']) {
    test(`${auth} is refused`, async (t) => {
      const client = await websocket(t, server.url, { greet: '' });
      client.send(text(`40/hooks,${auth}`));
      const refused = await client.hears('a refusal', (one) => one.startsWith?.('44/hooks,'));
      assert.equal(JSON.parse(refused.slice('44/hooks,'.length)).message, '`auth` is not a JSON object');
    });
  }

  for (const [sent, seen] of [['', {}], ['{}', {}], [' {"a":1}', { a: 1 }], ['{"a":"\\ud83d"}', undefined]]) {
    test(`${sent || 'none'} is let in`, async (t) => {
      const client = await websocket(t, server.url, { greet: `40/extractors,${sent}` });
      if (!seen) return;
      client.send(text('42/extractors,1["handshake"]'));
      const told = await client.hears('an answer', (one) => one.startsWith?.('43/extractors,1'));
      assert.deepEqual(JSON.parse(told.slice('43/extractors,1'.length))[0].auth, seen);
    });
  }
});

describe('another path than the server’s', () => {
  test('a client at /socket.io, where the server is elsewhere', async (t) => {
    const process = await start('fixture', { env: { ...QUIET, SOCKET_IO_PATH: '/realtime' } });
    t.after(() => process.stop());
    const { status } = await ask(process.url, { path: '/socket.io/?EIO=4&transport=polling' });
    assert.equal(status, 404);
    const log = await logged(process, /another path/);
    assert.match(log, /asked="\/socket\.io\/" served="\/realtime"/);
    const socket = await connect(t, `${process.url}/hooks`, { path: '/realtime' });
    assert.equal(await answer(socket, 'say', 1), 1);
  });

  test('a client elsewhere, where the server is at /socket.io', async (t) => {
    const process = await start('fixture', { env: QUIET });
    t.after(() => process.stop());
    const path = `/${'w'.repeat(1_000)}/?EIO=4&transport=websocket`;
    for (let count = 0; count < 5; count += 1) await ask(process.url, { path, headers: UPGRADE });
    const log = await logged(process, /served="\/socket\.io"/);
    assert.equal(log.trim().split('\n').length, 1);
    assert.ok(log.length < 600, log);
  });

  test('other requests are none of it', async (t) => {
    const process = await start('fixture', { env: QUIET });
    t.after(() => process.stop());
    for (const path of ['/nothing', '/orders?transport=rail', '/socket.iota']) {
      assert.equal((await ask(process.url, { path })).status, 404);
    }
    assert.equal(process.log, '');
  });
});
