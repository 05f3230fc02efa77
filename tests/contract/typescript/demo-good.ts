// Every event of the demo's contract, as clients use them: this must compile.
import { io } from "socket.io-client";
import type { Chat, Presence, WsError } from "../../../demo-app/contract/events";

const chat = io("/chat", { auth: { token: "a token" } }) as Chat.Socket;
const presence = chat.io.socket("/presence") as Presence.Socket;

const takes = <T>(_: T): void => {};

// The demo's own errors have no status, as the framework's have: what both have, and no answer, is a code.
const isError = (reply: object): reply is Chat.AnyError | Presence.AnyError => "code" in reply;

// What clients are sent.
chat.on("new-message", ({ id, roomId, content, senderId, createdAt }) => {
  takes<string[]>([id, roomId, content, createdAt]);
  takes<number>(senderId);
});
chat.on("user-joined", ({ roomId, userId }) => takes<[string, number]>([roomId, userId]));
chat.on("user-left", ({ roomId, userId }) => takes<[string, number]>([roomId, userId]));
chat.on("order-update", ({ orderId, status, message }, ack) => {
  takes<string[]>([orderId, message]);
  takes<"confirmed">(status);
  ack();
});
chat.on("error", (error) => {
  takes<string[]>([error.code, error.message, error.timestamp]);
  takes<string | undefined>(error.errors?.[0]?.path);
});
chat.on("exception", (error) => takes<WsError>(error));
presence.on("user-online", ({ userId }) => takes<number>(userId));
presence.on("user-offline", ({ userId }) => takes<number>(userId));
presence.on("error", (error) => takes<Presence.FieldError[] | null | undefined>(error.errors));
presence.on("exception", (error) => takes<"error">(error.status));

// A new token, before the old one ends.
chat.emit("reauthenticate", "a newer token");
chat.emit("reauthenticate", { token: "a newer token" }, (reply) => {
  if (isError(reply)) takes<string>(reply.code);
  else takes<"ok">(reply.status);
});
presence.emitWithAck("reauthenticate", { token: "a newer token" }).then((reply) => takes<object>(reply));

// Without an acknowledgement.
chat.emit("join-room", { roomId: "lobby" });
chat.emit("leave-room", { roomId: "lobby" });
chat.emit("send-message", { roomId: "lobby", content: "hello" });
chat.emit("send-message", { roomId: "lobby", content: "hello", clientId: "mine" });
chat.emit("send-message", { roomId: "lobby", clientId: null });
chat.emit("history", { roomId: "lobby" });
presence.emit("get-online-users");

// With a callback.
chat.emit("join-room", { roomId: "lobby" }, (reply) => {
  if (isError(reply)) takes<string>(reply.code);
  else takes<boolean>(reply.success);
});
chat.emit("leave-room", { roomId: "lobby" }, (reply) => takes<Chat.Success | Chat.AnyError>(reply));
chat.emit("send-message", { roomId: "lobby", content: "hello" }, (reply) => {
  if ("status" in reply) takes<WsError>(reply);
  else if ("timestamp" in reply) takes<Chat.ErrorEvent>(reply);
  else takes<Chat.ChatMessage>(reply);
});
chat.emit("history", { roomId: "lobby", after: null, limit: null }, (reply) => {
  if ("messages" in reply) takes<Chat.ChatMessage[]>(reply.messages);
});
presence.emit("get-online-users", (reply) => {
  if ("onlineUserIds" in reply) takes<number[]>(reply.onlineUserIds);
});

// With a promise.
async function answers() {
  const said = await chat.emitWithAck("send-message", { roomId: "lobby", content: "hello" });
  if (isError(said)) return;
  const read = await chat.timeout(1_000).emitWithAck("history", { roomId: "lobby", after: said.id, limit: 200 });
  if (!isError(read)) takes<Chat.ChatMessage | undefined>(read.messages.at(-1));
  takes<Chat.Success | Chat.AnyError>(await chat.emitWithAck("join-room", { roomId: "lobby" }));
  takes<Chat.Success | Chat.AnyError>(await chat.emitWithAck("leave-room", { roomId: "lobby" }));
  takes<Presence.OnlineUserIds | Presence.AnyError>(await presence.timeout(1_000).emitWithAck("get-online-users"));
}
void answers;
