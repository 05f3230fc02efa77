// What the contract of odd shapes refuses: each line that follows a comment must not compile.
import { io } from "socket.io-client";
import type { Chat, Root } from "../fixture/events";

const chat = io("/chat") as Chat.Socket;
const root = io("/") as Root.Socket;

// @ts-expect-error: no such event is taken
chat.emit("send-mesage", { roomId: "a", content: "b" });
// @ts-expect-error: no such field
chat.emit("send-message", { room: "a", content: "b" });
// @ts-expect-error: a field is missing
chat.emit("send-message", { roomId: "a" });
// @ts-expect-error: a field has another type
chat.emit("send-message", { roomId: 7, content: "b" });
// @ts-expect-error: no such variant
chat.emit("send-message", { roomId: "a", content: "b", attachments: [{ kind: "video", url: "" }] });
// @ts-expect-error: one argument is missing
chat.emit("step", 1);
// @ts-expect-error: one argument too many
chat.emit("step", 1, 2, 3);
// @ts-expect-error: no argument is taken
chat.emit("ping", "now");
// @ts-expect-error: of events with optional arguments, the type counts, too
chat.emit("history", { level: "high" });
// @ts-expect-error: no such event is sent
chat.on("new-mesage", () => {});
// @ts-expect-error: events of the other direction are not sent
chat.on("send-message", () => {});
chat.on("new-message", (message) => {
  // @ts-expect-error: no such field
  message.sender;
  // @ts-expect-error: it may be missing
  message.editedAt.length;
});
// @ts-expect-error: it is answered with a string or null
chat.on("order-update", (_status, ack) => ack(7));
chat.on("order-update", (status) => {
  // @ts-expect-error: no such value
  if (status === "lost") return;
});
chat.emit("send-message", { roomId: "a", content: "b" }, (reply) => {
  // @ts-expect-error: it may be an error
  reply.content;
});
chat.emit("leave", "a", (error) => {
  // @ts-expect-error: there may be none
  error.status;
});
// @ts-expect-error: text is no binary data
chat.emit("raw", "bytes");
// @ts-expect-error: a tuple has two elements
root.emit("adjacent", { type: "Pair", value: [1] });
// @ts-expect-error: a variant that nobody knows
root.emit("external", "Other");
async function answers() {
  const page = await chat.emitWithAck("history");
  // @ts-expect-error: it may be an error
  page.items;
  // @ts-expect-error: an argument is missing
  await chat.emitWithAck("leave");
}
void answers;
