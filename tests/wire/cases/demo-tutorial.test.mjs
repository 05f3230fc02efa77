// The tutorial's front-end code, as it stands there but for the address and the token.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { io } from 'socket.io-client';

import { device, SECRET, serveDemo } from '../lib/demo.mjs';
import { ask, collect } from '../lib/client.mjs';
import { token } from '../lib/token.mjs';
import { eventually } from '../lib/wait.mjs';

const server = serveDemo();

describe('the front-end example', () => {
  test('talks', async (t) => {
    const told = [];
    const console = { log: (...line) => told.push(line), error: (...line) => told.push(line) };
    const until = (what) => eventually(() => told.find(([first]) => first === what), Boolean, what);

    const other = await device(t, server.url, 2);
    await ask(other, 'join-room', { roomId: 'room-1' });
    const joined = collect(other, 'user-joined');
    const heard = collect(other, 'new-message');
    const left = collect(other, 'user-left');

    // 前端 socket.io 客户端(TypeScript)
    const socket = io(`${server.url}/chat`, {
      auth: { token: `Bearer ${token(1, SECRET)}` },
      transports: ['websocket'],  // 跳过 HTTP 轮询,直接 WebSocket
      reconnection: true,
      reconnectionAttempts: 5,
      reconnectionDelay: 1000,
    });
    t.after(() => socket.disconnect());

    socket.on('connect', () => console.log('已连接:', socket.id));
    socket.on('connect_error', (err) => console.error('连接失败:', err.message));
    socket.on('disconnect', (reason) => console.log('断开:', reason));

    // 加入房间
    socket.emit('join-room', { roomId: 'room-1' });

    // 监听新消息
    socket.on('new-message', (message) => {
      console.log('收到新消息:', message);
    });

    // 发送消息(带 ACK 回调)
    socket.emit('send-message', { roomId: 'room-1', content: 'Hello' }, (ack) => {
      console.log('消息已发送,服务端确认:', ack);
    });

    const [, id] = await until('已连接:');
    assert.equal(id, socket.id);
    const [, ack] = await until('消息已发送,服务端确认:');
    assert.deepEqual(
      { roomId: ack.roomId, content: ack.content, senderId: ack.senderId },
      { roomId: 'room-1', content: 'Hello', senderId: 1 },
    );
    const [, message] = await until('收到新消息:');
    assert.deepEqual(message, ack);
    await eventually(() => heard.length, (length) => length === 1, 'the other side to hear it');
    assert.deepEqual(heard, [ack]);
    assert.deepEqual(joined, [{ userId: 1, roomId: 'room-1' }]);

    await ask(socket, 'leave-room', { roomId: 'room-1' });
    await eventually(() => left.length, (length) => length === 1, 'the other side to see it leave');
    assert.deepEqual(left, [{ userId: 1, roomId: 'room-1' }]);

    // 断开连接
    socket.disconnect();
    assert.deepEqual(await until('断开:'), ['断开:', 'io client disconnect']);
    assert.equal(told.some(([first]) => first === '连接失败:'), false);
  });

  test('in the order of the tutorial, a message before its room is refused', async (t) => {
    const socket = await device(t, server.url, 3);
    const errors = collect(socket, 'error');
    const ack = await new Promise((resolve) => {
      socket.emit('send-message', { roomId: 'room-2', content: 'Hello' }, resolve);
      socket.emit('join-room', { roomId: 'room-2' });
    });
    assert.equal(ack.code, 'NOT_A_MEMBER');
    assert.deepEqual(errors, [ack]);
  });

  for (const [what, auth, message] of [
    ['a bad token', { token: 'Bearer eyJhbGci...' }, '认证失败'],
    ['no token', {}, '缺少 Token'],
  ]) {
    test(`fails to connect with ${what}`, async (t) => {
      const told = [];
      const socket = io(`${server.url}/chat`, { auth, transports: ['websocket'] });
      t.after(() => socket.disconnect());
      socket.on('connect', () => told.push('已连接:'));
      socket.on('connect_error', (err) => told.push('连接失败:', err.message));
      await eventually(() => told.length, Boolean, 'connect_error');
      assert.deepEqual(told, ['连接失败:', message]);
    });
  }
});
