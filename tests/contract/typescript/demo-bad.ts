// What the demo's contract refuses: each line that follows a comment must not compile.
import { io } from "socket.io-client";
import type { Chat, Presence } from "../../../demo-app/contract/events";

const chat = io("/chat") as Chat.Socket;
const presence = io("/presence") as Presence.Socket;

// @ts-expect-error: no such event is taken
chat.emit("join", { roomId: "lobby" });
// @ts-expect-error: fields are named as JavaScript does it
chat.emit("join-room", { room_id: "lobby" });
// @ts-expect-error: a room is no text, but an object with one
chat.emit("leave-room", "lobby");
// @ts-expect-error: the room is missing
chat.emit("send-message", { content: "hello" });
// @ts-expect-error: who says it is in the token
chat.emit("send-message", { roomId: "lobby", content: "hello", senderId: 1 });
// @ts-expect-error: content may be left out, and is never null
chat.emit("send-message", { roomId: "lobby", content: null });
// @ts-expect-error: a number is no text
chat.emit("history", { roomId: "lobby", limit: "50" });
// @ts-expect-error: it is another namespace that knows who is online
chat.emit("get-online-users");
// @ts-expect-error: a token is a text
chat.emit("reauthenticate", 7);
// @ts-expect-error: nothing is taken
presence.emit("get-online-users", {});
// @ts-expect-error: presence has no rooms
presence.emit("join-room", { roomId: "lobby" });
// @ts-expect-error: no such event is sent
chat.on("message", () => {});
// @ts-expect-error: what clients send comes back under another name
chat.on("send-message", () => {});
// @ts-expect-error: it is another namespace that tells who comes
chat.on("user-online", () => {});
// @ts-expect-error: no acknowledgement is asked for
chat.on("new-message", (_message, ack) => ack());
// @ts-expect-error: it is acknowledged without a value
chat.on("order-update", (_update, ack) => ack(true));
chat.on("order-update", ({ status }) => {
  // @ts-expect-error: no such status
  if (status === "shipped") return;
});
chat.on("new-message", (message) => {
  // @ts-expect-error: it is a number
  takes<string>(message.senderId);
  // @ts-expect-error: only its sender knows that name
  message.clientId;
});
chat.on("error", (error) => {
  // @ts-expect-error: most errors have no fields
  error.errors.length;
});
chat.emit("send-message", { roomId: "lobby", content: "hello" }, (reply) => {
  // @ts-expect-error: it may be an error
  reply.content;
});
presence.emit("get-online-users", (reply) => {
  // @ts-expect-error: it may be an error
  reply.onlineUserIds;
});
async function answers() {
  const read = await chat.emitWithAck("history", { roomId: "lobby" });
  // @ts-expect-error: it may be an error
  read.messages;
  // @ts-expect-error: the room is missing
  await chat.emitWithAck("join-room");
}
void answers;

function takes<T>(_: T): void {}
