// Every event of the contract of odd shapes, as clients use them: this must compile.
import { io } from "socket.io-client";
import type { AdminOps, Chat, Root, WsError, WsErrorCode } from "../fixture/events";

const chat = io("/chat") as Chat.Socket;
const root = io("/") as Root.Socket;
const ops = io("/admin/ops") as AdminOps.Socket;

const takes = <T>(_: T): void => {};
const isError = (reply: unknown): reply is WsError =>
  typeof reply === "object" && reply !== null && "status" in reply && reply.status === "error";

// What clients are sent.
chat.on("new-message", (message) => {
  takes<string>(message.id);
  takes<number>(message.senderId);
  takes<string[]>(message.tags);
  takes<string | null | undefined>(message.editedAt);
});
chat.on("order-update", (status, ack) => {
  if (status === "shipped") ack(null);
  else ack("later");
  ack();
});
chat.on("are-you-there", (ack) => ack());
chat.on("cursor", (x, y) => takes<number>(x + y));
chat.on("page", (page) => takes<number[]>(page.items.map((item) => item.id)));
chat.on("picture", (picture) => {
  takes<Uint8Array>(new Uint8Array(picture.pixels));
  takes<ArrayBuffer | Uint8Array | null>(picture.thumbnail);
});
chat.on("pong", (time) => takes<number>(time));
chat.on("renamed", (base) => takes<number>(base.id));
chat.on("socket", (socket) => takes<string>(socket.id));
chat.on("problem", (problem) => takes<string | null>(problem.detail));
chat.on("exception", (error) => {
  if (error.code === "VALIDATION") takes<string>(error.errors?.[0]?.path ?? "");
  if (error.code === "A_CODE_OF_OUR_OWN") takes<string>(error.message);
  takes<number | undefined>(error.retryAfter);
  takes<unknown>(error.cause?.data);
});
ops.on("exception", (error) => takes<string>(error.message));
root.on("exception", (error) => takes<"error">(error.status));
chat.once("pong", () => {});
chat.off("pong");
takes<WsErrorCode>("THROTTLED");

// Without an acknowledgement.
chat.emit("send-message", { roomId: "a", content: "hello" });
chat.emit("leave", "a");
chat.emit("ping");
chat.emit("acknowledge", { of: "a" }, { of: "b" }, (error) => takes<Chat.AnyError | undefined>(error));
chat.emit("step", 1, 2);
chat.emit("history");
chat.emit("history", { level: 1 });
chat.emit("find", "text");
chat.emit("find", "text", 3);
chat.emit("maybe");
chat.emit("maybe", null);
chat.emit("secret", { anything: "goes" });
chat.emit("custom", 1, "two", [3]);
chat.emit("forward", 1, "two", [3]);
chat.volatile.emit("ping");
chat.compress(false).emit("ping");

// With a callback.
chat.emit("send-message", { roomId: "a", content: "", replyTo: null, attachments: [{ kind: "none" }] }, (reply) => {
  takes<Chat.ChatMessage | Chat.AnyError>(reply);
  if ("problem" in reply) takes<string>(reply.problem);
  else if ("status" in reply) takes<string>(reply.code);
  else takes<string>(reply.content);
});
chat.emit("leave", "a", (error) => {
  if (error && "denied" in error) takes<boolean>(error.denied);
  else if (error && "problem" in error) takes<string>(error.problem);
  else takes<WsError | undefined>(error);
});
chat.emit("ping", (error) => takes<Chat.AnyError | undefined>(error));
chat.emit("step", 1, 2, (sum) => takes<number | Chat.AnyError>(sum));
chat.emit("history", (page) => takes<Chat.Page2 | Chat.AnyError>(page));
chat.emit("history", { level: 1, mail: null }, (page) => takes<Chat.Page2 | Chat.AnyError>(page));
chat.emit("find", "text", (page) => takes<Chat.Page2 | Chat.AnyError>(page));
// Behind arguments of any number, TypeScript does not infer what the callback is given.
chat.emit("forward", 1, "two", (...reply: [number, string] | [Chat.AnyError]) => {
  if (reply.length === 2) takes<[number, string]>(reply);
  else takes<Chat.AnyError>(reply[0]);
});
chat.emit("custom", 1, (reply: null | Chat.AnyError) => takes<null | Chat.AnyError>(reply));

// With a promise.
async function answers(message: Chat.ChatMessageInput, odd: Chat.OddInput) {
  const said = await chat.timeout(1_000).emitWithAck("send-message", { roomId: "a", content: "hello" });
  if (!isError(said) && !("problem" in said)) takes<Chat.ChatMessage>(said);
  takes<number | Chat.AnyError>(await chat.emitWithAck("step", 1, 2));
  takes<boolean | Chat.AnyError>(await chat.emitWithAck("edit", message));
  takes<Chat.Odd | Chat.AnyError>(await chat.emitWithAck('2nd "one"', odd));
  takes<Chat.Page2 | Chat.AnyError>(await chat.emitWithAck("history"));
  takes<Chat.Page2 | Chat.AnyError>(await chat.emitWithAck("find", "text", null));
  takes<Chat.Base | null | Chat.AnyError>(await chat.emitWithAck("maybe", 7));
  const bytes = await chat.emitWithAck("raw", new Uint8Array([1, 2]));
  if (bytes instanceof ArrayBuffer || bytes instanceof Uint8Array) takes<number>(bytes.byteLength);
  const picture = await chat.emitWithAck("upload", { title: "", pixels: new ArrayBuffer(2), thumbnail: new DataView(new ArrayBuffer(1)) });
  if ("pixels" in picture) takes<Chat.Picture>(picture);
}
takes(answers);

// Shapes.
const file: Root.AttachmentInput = { kind: "file", name: "a", data: new Uint8Array(1) };
root.emit("attachment", file, (reply) => {
  if ("kind" in reply && reply.kind === "file") takes<ArrayBuffer | Uint8Array>(reply.data);
  if ("kind" in reply && reply.kind === "image") takes<number>(reply.width);
});
root.emit("adjacent", { type: "Pair", value: [1, "one"] });
root.emit("adjacent", { type: "Nothing" }, (reply) => {
  if ("type" in reply && reply.type === "Number") takes<number>(reply.value);
});
root.emit("external", "Unit");
root.emit("external", { Point: { x: 1, y: 2 } });
root.emit("untagged", [true, "text", ["deep"]]);
root.emit("flattened", { id: 1, type: "Number", value: 2, further: 3 });
root.emit("comment", { text: "a", answers: [{ text: "b", answers: [] }], parent: null });
root.emit("map", { a: { id: 1 } }, (reply) => {
  if (Array.isArray(reply)) takes<[string, Root.Base | null] | undefined>(reply[0]);
});
takes<Chat.OddInput>({
  "1st \"quoted\"": "c", anything: {}, argument: 1, by_number: { 1: true }, counts: { a: [1, null] }, long: [1], nested: { items: [{ items: [{ id: 1 }] }] },
  nothing: null, pair: ["a", 1], plain: "too-late", point: [1, 2], status: "confirmed", type: "t", "with-dash": true,
});
