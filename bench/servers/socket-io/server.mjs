// The benchmark's chat on plain socket.io: a middleware that verifies the token, handlers
// registered on each socket, validation by hand. The same on Node and on Bun, but for who listens.
// With REDIS_URL it is one process of several.

import { createServer } from "node:http";

import jwt from "jsonwebtoken";
import { Server } from "socket.io";
import { v7 as uuid } from "uuid";

const secret = process.env.JWT_SECRET;
const [host, port] = (process.env.LISTEN ?? "127.0.0.1:0").split(":");

const io = new Server({ adapter: await adapter(process.env.REDIS_URL) });
const chat = io.of("/chat");

chat.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, secret, { algorithms: ["HS256"] });
    next();
  } catch {
    next(new Error("unauthorized"));
  }
});

chat.on("connection", (socket) => {
  socket.on("join-room", ({ roomId }, ack) => {
    socket.join(roomId);
    ack({ success: true });
  });

  socket.on("send-message", ({ roomId, content }, ack) => {
    const message = {
      id: uuid(),
      roomId,
      content,
      senderId: socket.data.user.sub,
      createdAt: new Date().toISOString(),
    };
    chat.to(roomId).emit("new-message", message);
    ack(message);
  });

  socket.on("echo", ({ text, n }, ack) => ack({ text, n }));

  socket.on("validated", (body, ack) => {
    const broken = brokenRule(body);
    ack(broken ? { status: "error", message: broken } : { text: body.text, n: body.n });
  });

  socket.on("text", (text, ack) => ack(text));

  socket.on("binary", (bytes, ack) => ack(bytes));
});

/** socket.io's own for Redis Streams, or what it has for a process that is alone. */
async function adapter(url) {
  if (!url) return undefined;
  const { createClient } = await import("redis");
  const { createAdapter } = await import("@socket.io/redis-streams-adapter");
  const client = createClient({ url });
  client.on("error", (error) => console.error(error));
  await client.connect();
  return createAdapter(client);
}

/** Which rule a small object breaks. */
function brokenRule(body) {
  if (typeof body !== "object" || body === null) return "must be an object";
  if (typeof body.text !== "string") return "text must be a string";
  if (body.text.length < 1 || body.text.length > 64) return "text must have 1 to 64 characters";
  if (!Number.isInteger(body.n)) return "n must be an integer";
  if (body.n < 0 || body.n > 1_000_000_000) return "n must be between 0 and 1000000000";
}

if (process.versions.bun) {
  await listenOnBun();
} else {
  listenOnNode();
}

function listenOnNode() {
  const http = createServer();
  io.attach(http);
  http.listen(Number(port), host, () => {
    const { address, port: bound } = http.address();
    console.log(`listening on http://${address}:${bound}`);
  });
}

/** With the engine that socket.io has for Bun, which uses Bun's own server instead of Node's. */
async function listenOnBun() {
  const { Server: Engine } = await import("@socket.io/bun-engine");
  const engine = new Engine({ path: "/socket.io/" });
  io.bind(engine);
  const server = Bun.serve({ hostname: host, port: Number(port), ...engine.handler() });
  console.log(`listening on http://${host}:${server.port}`);
}
