// Ports for servers that must be told theirs.

import { once } from 'node:events';
import net from 'node:net';

// Below those that the system gives to whoever asks for any: thousands of clients of another suite may do that
// between our looking and the server's listening.
const FIRST = 10_000;
const COUNT = 10_000;

export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port) {
  const server = net.createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
