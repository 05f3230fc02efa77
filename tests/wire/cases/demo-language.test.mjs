// Whom the demo speaks English to: whoever names it first in `Accept-Language`, and nobody else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { failureAs, next, refusal, TRANSPORTS } from '../lib/client.mjs';
import { device, order, request, SECRET, serveDemo } from '../lib/demo.mjs';
import { openEvents } from '../lib/events.mjs';
import { token } from '../lib/token.mjs';

const server = serveDemo('--dev-login');

const ENGLISH = ['en', 'en-US,en;q=0.9', 'EN-gb', 'en;q=0.5, zh;q=0.9'];
const CHINESE = [undefined, '*', 'zh-CN', 'zh-CN,zh;q=0.9,en;q=0.8', 'de, en', '*, en'];

// Of a socket, and of a request; node's own `fetch` asks for `*`.
const extraHeaders = (language) => (language === undefined ? {} : { 'accept-language': language });

const isChinese = (text) => /\p{Script=Han}/u.test(text);

let users = 5_000;
const newUser = () => (users += 1);

describe('a refused connection', () => {
  for (const transport of TRANSPORTS) {
    test(`is told why in the language of its handshake, by ${transport}`, async (t) => {
      const refused = (language, auth) =>
        refusal(t, `${server.url}/chat`, { transport, auth, extraHeaders: extraHeaders(language) });
      const forged = { token: token(1, 'another secret') };
      for (const language of ENGLISH) {
        assert.equal(await refused(language), 'Missing token', language);
        assert.equal(await refused(language, forged), 'Authentication failed', language);
      }
      for (const language of CHINESE) {
        assert.equal(await refused(language), '缺少 Token', language);
        assert.equal(await refused(language, forged), '认证失败', language);
      }
    });
  }
});

describe('an error', () => {
  const failures = [
    ['join-room', { roomId: '' }, 'VALIDATION'],
    ['send-message', { roomId: 'r', content: ' ' }, 'EMPTY_MESSAGE', '消息内容不能为空'],
    ['send-message', { roomId: 'r', content: 'x'.repeat(4_001), clientId: '' }, 'VALIDATION'],
    ['send-message', { roomId: 'nobody is in it', content: 'x\0' }, 'VALIDATION'],
    ['send-message', { roomId: 'nobody is in it', content: 'x' }, 'NOT_A_MEMBER'],
    ['history', { roomId: 'r', after: 'x', limit: 0 }, 'VALIDATION'],
    ['history', { roomId: 'r', limit: 201 }, 'VALIDATION'],
    ['history', { roomId: 7 }, 'BAD_PAYLOAD'],
    ['nobody-knows', {}, 'UNKNOWN_EVENT'],
    ['reauthenticate', { token: 'garbage' }, 'UNAUTHORIZED', '认证失败'],
    ['reauthenticate', {}, 'UNAUTHORIZED', '缺少 Token'],
    ['reauthenticate', { token: token(1, SECRET) }, 'UNAUTHORIZED'],
  ];
  const said = (error) => [error.message, ...(error.errors ?? []).map(({ message }) => message)];
  for (const transport of TRANSPORTS) {
    test(`is told in the language of the socket's handshake, by ${transport}`, async (t) => {
      for (const [language, chinese] of [['en-US', false], [undefined, true], ['fr,en', true]]) {
        const socket = await device(t, server.url, newUser(), { transport, extraHeaders: extraHeaders(language) });
        for (const [event, body, code, text] of failures) {
          const error = await failureAs('error', socket, event, body);
          assert.equal(error.code, code);
          for (const sentence of said(error)) assert.equal(isChinese(sentence), chinese, `${language}: ${sentence}`);
          if (chinese && text) assert.equal(error.message, text);
        }
      }
    });
  }
});

describe('an order', () => {
  for (const transport of TRANSPORTS) {
    test(`is announced to each device in its own language, by ${transport}`, async (t) => {
      const user = newUser();
      const languages = ['en', undefined, 'zh-CN,en', 'en-GB', '*'];
      const devices = await Promise.all(
        languages.map((language) => device(t, server.url, user, { transport, extraHeaders: extraHeaders(language) })),
      );
      const stream = await openEvents(t, server.url, user, { headers: { 'accept-language': 'en' } });
      const heard = devices.map((socket) => next(socket, 'order-update'));
      // The language of the request that makes the order is not that of those who hear of it.
      const { id } = await order(server.url, user);
      const [english, chinese] = ['Your order is confirmed', '你的订单已确认'];
      const messages = [english, chinese, chinese, english, chinese];
      for (const [index, message] of messages.entries()) {
        const [update, acknowledge] = await heard[index];
        assert.deepEqual(update, { orderId: id, status: 'confirmed', message }, languages[index]);
        acknowledge();
      }
      assert.equal((await stream.next()).data.message, english);
    });
  }

  test('is streamed in the language of the request, also what was missed', async (t) => {
    const user = newUser();
    await order(server.url, user);
    for (const [language, message] of [['en-AU', 'Your order is confirmed'], ['*', '你的订单已确认'], ['zh', '你的订单已确认']]) {
      const stream = await openEvents(t, server.url, user, { headers: { 'last-event-id': '0', 'accept-language': language } });
      assert.equal((await stream.next()).data.message, message, language);
    }
  });
});

describe('an HTTP request', () => {
  const send = (path, language, { user = 1, bearer = token(user, SECRET), body } = {}) =>
    request(server.url, path, {
      bearer,
      method: body === undefined ? 'GET' : 'POST',
      body,
      headers: { 'content-type': 'application/json', ...extraHeaders(language) },
    });

  test('without a good token is refused in its language', async () => {
    for (const [language, bearer, message] of [
      ['en', '', 'Missing token'],
      ['en-US,zh', 'garbage', 'Authentication failed'],
      ['zh,en', '', '缺少 Token'],
      ['*', 'garbage', '认证失败'],
    ]) {
      const reply = await send('/orders/x', language, { bearer });
      assert.equal(reply.status, 401);
      assert.deepEqual(await reply.json(), { code: 'UNAUTHORIZED', message });
    }
  });

  test('with a bad body is told of every field in its language', async () => {
    const bodies = [
      ['/orders', '{', 422],
      ['/orders', '{"items": []}', 422],
      ['/orders', '{"items": [{"sku": "", "quantity": 0}, {"sku": "a\\u0000", "quantity": 1}]}', 422],
      ['/auth/login', '{"userId": "ann", "role": 7}', 422],
      ['/orders', 'x'.repeat(200_000), 413],
    ];
    for (const [language, chinese] of [['en', false], ['de,en', true], [undefined, true]]) {
      for (const [path, body, status] of bodies) {
        const reply = await send(path, language, { body });
        assert.equal(reply.status, status);
        assert.match(reply.headers.get('vary'), /accept-language/i);
        const { message, errors = [] } = await reply.json();
        assert.ok(message ?? errors.length);
        for (const text of [message, ...errors.map((error) => error.message)].filter(Boolean)) {
          assert.equal(isChinese(text), chinese, `${language}: ${text}`);
        }
      }
    }
  });

  test('for the page is answered with a document of its language', async () => {
    for (const [language, lang] of [['en-US,en;q=0.9', 'en'], ['zh-CN', 'zh-CN'], ['fr,en', 'zh-CN'], [undefined, 'zh-CN']]) {
      const reply = await fetch(server.url, { headers: extraHeaders(language) });
      assert.equal(reply.headers.get('content-language'), lang);
      assert.match(reply.headers.get('vary'), /accept-language/i);
      assert.ok((await reply.text()).includes(`<html lang="${lang}">`), language);
    }
  });
});
