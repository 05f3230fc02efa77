// A client that is nothing but its bytes: what no official client sends.

import { once } from 'node:events';
import { request } from 'node:http';
import net from 'node:net';

import { eventually, within } from './wait.mjs';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': KEY,
};

// A frame as a client sends it, masked by zeros. `length` is what its head says, where that is a lie.
export function frame(first, payload, { masked = true, length } = {}) {
  const bytes = Buffer.from(payload);
  const size = length ?? bytes.length;
  const mask = masked ? 0x80 : 0;
  let head;
  if (size < 126) head = Buffer.from([first, mask | size]);
  else if (size < 0x10000) {
    head = Buffer.from([first, mask | 126, 0, 0]);
    head.writeUInt16BE(size, 2);
  } else {
    head = Buffer.alloc(10);
    head.set([first, mask | 127]);
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), bytes]);
}

export const text = (payload) => frame(0x81, payload);

// A WebSocket whose frames are written and read by hand. `heard` is what came: texts, `{ code, reason }`
// of a close frame, and `end`.
export async function websocket(t, url, { headers = {}, greet = '40/hooks,' } = {}) {
  const { hostname, port, host } = new URL(url);
  const socket = net.connect(port, hostname);
  t.after(() => socket.destroy());
  const heard = [];
  let head;
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (head === undefined) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      head = bytes.subarray(0, end).toString();
      bytes = bytes.subarray(end + 4);
    }
    for (;;) {
      const short = bytes[1];
      const from = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < from) return;
      const size = from === 10 ? Number(bytes.readBigUInt64BE(2)) : from === 4 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < from + size) return;
      const payload = bytes.subarray(from, from + size);
      const opcode = bytes[0] & 0x0f;
      bytes = bytes.subarray(from + size);
      if (opcode === 1 && payload.toString() === '2') socket.write(text('3'));
      else if (opcode === 1) heard.push(payload.toString());
      else if (opcode === 8) {
        heard.push({ code: size ? payload.readUInt16BE(0) : undefined, reason: payload.toString('utf8', 2) });
      }
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => heard.push('end'));
  await once(socket, 'connect');
  const lines = Object.entries({ Host: host, ...UPGRADE, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${lines.join('')}\r\n`);
  await eventually(() => head, Boolean, 'the answer');
  const client = {
    head,
    heard,
    socket,
    send: (...frames) => frames.forEach((one) => socket.write(one)),
    hears: (what, holds) => eventually(() => heard.find(holds), Boolean, what),
    closed: () => client.hears('a close frame', (one) => one.reason !== undefined),
  };
  if (greet) {
    await client.hears('the session', (one) => one.startsWith?.('0{'));
    client.send(text(greet));
    await client.hears('to be let in', (one) => one.startsWith?.('40'));
  }
  return client;
}

// A plain request; the answer of an upgrade has status 101.
export function ask(url, { method = 'GET', path = '/socket.io/', headers = {}, body } = {}) {
  const answer = new Promise((resolve, reject) => {
    const asked = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() });
      });
    });
    asked.on('error', reject);
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, text: '' });
    });
    asked.end(body);
  });
  return within(answer, `the answer to ${method} ${path}`);
}

// A session on polling, in `/hooks`.
export async function polling(url, auth) {
  const path = '/socket.io/?EIO=4&transport=polling';
  const opened = await ask(url, { path });
  const session = `${path}&sid=${JSON.parse(opened.text.slice(1)).sid}`;
  const post = (body, headers) => ask(url, { method: 'POST', path: session, body, headers });
  const get = () => ask(url, { path: session });
  if (auth) {
    await post(`40/hooks,${JSON.stringify(auth)}`);
    // With the ping that each session begins with, so that the next poll waits.
    const heard = [];
    while (!heard.includes('2') || !heard.some((packet) => packet.startsWith('40/hooks'))) {
      heard.push(...(await get()).text.split('\x1e'));
    }
    await post('3');
  }
  return { get, post, path: session };
}
