// A proxy that lets the handshakes of WebSockets pass, and does something to their frames.

import { once } from 'node:events';
import net from 'node:net';

// What it does to the bytes of a WebSocket behind its handshake, by the side they come from.
export const SPOILING = {
  'closes at the first frame': { client: ({ end }) => end() },
  'closes at the first answer': { server: ({ end }) => end() },
  "swallows the client's frames": { client: () => {} },
  "swallows the server's frames": { server: () => {} },
  'swallows all frames': { client: () => {}, server: () => {} },
};

// Answers arrive so late that a poll is over long before.
export const LATE = { server: ({ pass }) => setTimeout(pass, 250) };

// `counts` says how many polls and WebSockets it has seen.
export async function proxy(t, url, spoil) {
  const { hostname, port } = new URL(url);
  const counts = { polls: 0, websockets: 0 };
  const ends = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, hostname);
    const end = () => {
      near.destroy();
      far.destroy();
    };
    let asked = false;
    let accepted = false;
    const spoilt = (side, chunk, to) => {
      const pass = () => to.write(chunk);
      (spoil[side] ?? pass)({ pass, end });
    };
    near.on('data', (chunk) => {
      if (asked) return spoilt('client', chunk, far);
      const text = chunk.toString('latin1');
      if (/^GET \S*transport=polling/m.test(text)) counts.polls += 1;
      if (/^upgrade: websocket/im.test(text)) {
        counts.websockets += 1;
        asked = true;
      }
      return far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (accepted) return spoilt('server', chunk, near);
      accepted = asked;
      return near.write(chunk);
    });
    for (const socket of [near, far]) {
      ends.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        ends.delete(socket);
        end();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of ends) socket.destroy();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, counts };
}
