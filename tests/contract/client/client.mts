// A client of the demo, written against its definitions, and nothing else.
import { io, type Socket } from "socket.io-client";
import type { Chat, Presence } from "../../../demo-app/contract/events.js";

/** The server has said no, and why. */
export class Refused extends Error {
  constructor(readonly error: Chat.AnyError) {
    super(error.message);
  }

  get fields(): string[] {
    return this.error.errors?.map(({ path }) => path) ?? [];
  }
}

/** What the server has told by itself. */
export interface Heard {
  messages: Chat.ChatMessage[];
  joined: Chat.UserJoined[];
  left: Chat.UserLeft[];
  orders: Chat.OrderUpdate[];
  online: number[];
  offline: number[];
  /** With their namespaces. */
  errors: [string, Chat.AnyError | Presence.AnyError][];
}

/** `watch` is given the connection's first socket before it connects. */
export interface Settings {
  url: string;
  token: string;
  watch: (socket: Socket) => void;
}

export class Client {
  readonly heard: Heard = { messages: [], joined: [], left: [], orders: [], online: [], offline: [], errors: [] };
  readonly #settings: Settings;
  readonly #chat: Chat.Socket;
  readonly #presence: Presence.Socket;

  constructor(settings: Settings) {
    this.#settings = settings;
    const auth = { token: settings.token };
    this.#chat = io(`${settings.url}/chat`, { auth, forceNew: true, reconnection: false });
    settings.watch(this.#chat);
    this.#presence = this.#chat.io.socket("/presence", { auth });
    this.#listen();
  }

  #listen() {
    const { heard } = this;
    this.#chat.on("new-message", (message) => heard.messages.push(message));
    this.#chat.on("user-joined", (joined) => heard.joined.push(joined));
    this.#chat.on("user-left", (left) => heard.left.push(left));
    this.#chat.on("order-update", (update, ack) => {
      heard.orders.push(update);
      ack();
    });
    this.#chat.on("error", (error) => heard.errors.push(["/chat", error]));
    this.#chat.on("exception", (error) => heard.errors.push(["/chat", error]));
    this.#presence.on("user-online", ({ userId }) => heard.online.push(userId));
    this.#presence.on("user-offline", ({ userId }) => heard.offline.push(userId));
    this.#presence.on("error", (error) => heard.errors.push(["/presence", error]));
    this.#presence.on("exception", (error) => heard.errors.push(["/presence", error]));
  }

  async connected(): Promise<void> {
    await Promise.all([this.#chat, this.#presence].map((socket) => once(socket, "connect")));
  }

  async join(roomId: string): Promise<boolean> {
    return answer(await this.#chat.timeout(10_000).emitWithAck("join-room", { roomId })).success;
  }

  async leave(roomId: string): Promise<boolean> {
    return answer(await this.#chat.timeout(10_000).emitWithAck("leave-room", { roomId })).success;
  }

  async say(message: Chat.SendMessage): Promise<Chat.ChatMessage> {
    return answer(await this.#chat.timeout(10_000).emitWithAck("send-message", message));
  }

  async history(request: Chat.HistoryRequest): Promise<Chat.ChatMessage[]> {
    return answer(await this.#chat.timeout(10_000).emitWithAck("history", request)).messages;
  }

  async online(): Promise<number[]> {
    return answer(await this.#presence.timeout(10_000).emitWithAck("get-online-users")).onlineUserIds;
  }

  /** Both sockets stay when the token they came with ends. */
  async renew(token: string): Promise<void> {
    answer(await this.#chat.timeout(10_000).emitWithAck("reauthenticate", token));
    answer(await this.#presence.timeout(10_000).emitWithAck("reauthenticate", { token }));
  }

  /** The id of an order: made by HTTP, and told by the sockets. */
  async order(): Promise<string> {
    const { url, token } = this.#settings;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ items: [{ sku: "A1", quantity: 1 }] });
    const { id }: { id: string } = await (await fetch(`${url}/orders`, { method: "POST", headers, body })).json();
    return id;
  }

  /** The end of both sockets, by the server. */
  async ended(): Promise<void> {
    await Promise.all([this.#chat, this.#presence].map((socket) => once(socket, "disconnect")));
  }

  close(): void {
    this.#presence.disconnect();
    this.#chat.disconnect();
  }
}

/** An answer of the demo has no `code`, and each of its errors has one. */
function answer<Answer extends object>(reply: Answer | Chat.AnyError): Answer {
  const isError = (reply: object): reply is Chat.AnyError => "code" in reply;
  if (isError(reply)) throw new Refused(reply);
  return reply;
}

function once(socket: Socket, event: "connect" | "disconnect"): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()));
}
