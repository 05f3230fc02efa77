// A member of the cluster of another make: the official Node server with the official adapter.

import { createAdapter } from '@socket.io/redis-streams-adapter';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createClient } from 'redis';
import { Server } from 'socket.io';

import { eventually } from './wait.mjs';

// Its namespace, with clients that join what rooms they like; ended with the test. `server` is the namespace, as an
// application of Node's has it.
export async function nodeMember(t, redis, namespace = '/cluster') {
  const client = createClient({ url: redis.url });
  client.on('error', () => {});
  await client.connect();
  const http = createServer();
  const io = new Server(http, { adapter: createAdapter(client), transports: ['polling', 'websocket'] });
  const server = io.of(namespace);
  server.on('connection', (socket) => {
    socket.data = socket.handshake.auth.data ?? {};
    socket.on('join', (rooms, done) => {
      // A room may be a number.
      socket.join(rooms);
      done();
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  let open = true;
  const close = async () => {
    if (!open) return;
    open = false;
    await io.close();
    client.destroy();
  };
  t.after(close);
  // It reads from the end of the log: what is written before it does, it does not hear. And it is asked by others once it
  // listens on its channel.
  await eventually(
    () => redis.command('pubsub', 'numsub', `socket.io#${namespace}#`),
    (answer) => Number(answer.split('\n')[1]) > 0,
    'the node server to listen',
  );
  await eventually(() => redis.command('client', 'list'), (list) => /cmd=xread/i.test(list), 'the node server to read');
  return { url: `http://127.0.0.1:${http.address().port}`, server, close };
}
