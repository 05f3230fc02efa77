// A device's line to the server: the namespaces on it, and requests beside it. It comes back by
// itself, with a fresh token where one can be had.

/* global io */

/** @import { Socket } from 'socket.io-client' */
/** @import { Chat, Presence } from '../../contract/events' */
/** @import { Frames } from './frames.js' */
/** @import { Key } from './texts.js' */

/**
 * What clients are sent: an event, and its body.
 * @template Events
 * @typedef {{
 *   [Name in keyof Events]: Events[Name] extends (body: infer Body, ...more: any[]) => void ? [Name, Body] : never
 * }[keyof Events]} Told
 */
/** @typedef {Told<Chat.ServerToClientEvents> | Told<Presence.ServerToClientEvents>} Heard */

/** @typedef {'offline' | 'connecting' | 'online' | 'reconnecting' | 'refused'} State */

/**
 * @typedef {object} Listener
 * @property {(state: State) => void} state
 * @property {(name: string) => void} transport
 * @property {(error: Error) => void} refused
 * @property {() => void} connected of the chat
 * @property {() => void} present of the presence
 * @property {(heard: Heard, answer: () => void) => void} event
 */

const [CHAT, PRESENCE] = ['/chat', '/presence'];
const ANSWER_WITHIN = 10_000;
const RETRY = { first: 500, most: 5_000 };

/** A sentence of the page instead of one of the server. */
export class Failure extends Error {
  /** @param {Key} key */
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/**
 * Takes a token from the login of a server that has one.
 * @param {string} userId
 * @param {string} role
 * @returns {Promise<string>}
 */
export async function login(userId, role) {
  const response = await fetch('/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId: /^\d+$/.test(userId) ? Number(userId) : userId, ...(role && { role }) }),
  }).catch(() => {
    throw new Failure('unreachable');
  });
  if (response.status === 404) throw new Failure('loginOff');
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Failure('loginFailed'), body);
  return body.access_token;
}

/** The sockets in `/chat` and `/presence`. */
export class Connection {
  /** @type {Chat.Socket | undefined} */
  #chat;
  /** @type {Presence.Socket | undefined} */
  #presence;
  #freshToken;
  /** @type {string | undefined} */
  #token;
  #frames;
  #on;
  #retryIn = RETRY.first;
  #retrying = false;
  #closed = false;

  /**
   * @param {() => Promise<string>} freshToken asked before the first connection and whenever a token was refused
   * @param {Frames} frames
   * @param {Listener} on
   */
  constructor(freshToken, frames, on) {
    this.#freshToken = freshToken;
    this.#frames = frames;
    this.#on = on;
  }

  async open() {
    this.#on.state('connecting');
    await this.renew();
    if (this.#closed) return;
    const auth = (/** @type {(auth: object) => void} */ send) => send({ token: this.#token });
    // Each pane is a device of its own, with a line of its own.
    /** @type {Chat.Socket} */
    const chat = io(CHAT, { auth, forceNew: true, reconnectionDelay: 500, reconnectionDelayMax: 2_000 });
    const { io: manager } = chat;
    /** @type {Presence.Socket} */
    const presence = manager.socket(PRESENCE, { auth });
    this.#chat = chat;
    this.#presence = presence;
    const transport = () => this.#on.transport(this.connected ? manager.engine.transport.name : '');
    manager.on('open', () => manager.engine.once('upgrade', transport));

    this.#listen(CHAT, chat);
    chat.on('connect', () => {
      this.#retryIn = RETRY.first;
      this.#on.state('online');
      transport();
      this.#on.connected();
    });
    chat.on('disconnect', () => {
      transport();
      if (!this.#closed) this.#on.state('reconnecting');
    });
    chat.on('connect_error', (error) => {
      if (this.#closed) return;
      // The client goes on by itself unless it was the server who said no.
      this.#on.state(chat.active ? 'reconnecting' : 'refused');
      if (!chat.active) this.#on.refused(error);
    });

    this.#listen(PRESENCE, presence);
    presence.on('connect', () => this.#on.present());
  }

  /**
   * @param {string} where
   * @param {Socket} socket
   */
  #listen(where, socket) {
    socket.on('connect', () => this.#frames.noted(where, 'connect'));
    socket.on('disconnect', (reason) => {
      this.#frames.noted(where, 'disconnect', reason);
      if (!socket.active) this.#retry();
    });
    socket.on('connect_error', (error) => {
      this.#frames.noted(where, 'connect_error', error.message);
      if (!socket.active) this.#retry();
    });
    socket.onAny((event, ...args) => {
      const answer = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      const answered = this.#frames.received(where, event, args);
      this.#on.event([event, args[0]], () => {
        answer?.();
        if (answer) answered();
      });
    });
  }

  get connected() {
    return this.#chat?.connected ?? false;
  }

  get token() {
    return this.#token;
  }

  /** Takes a fresh token, for whatever begins from now on. */
  async renew() {
    this.#token = await this.#freshToken();
  }

  /**
   * The chat's answer to an event. Rejects when there is none.
   * @template {keyof Chat.ClientToServerEvents} Name
   * @param {Name} event
   * @param {Parameters<Chat.ClientToServerEvents[Name]>[0]} body
   * @returns {Promise<Parameters<Parameters<Chat.ClientToServerEvents[Name]>[1]>[0]>}
   */
  ask(event, body) {
    return this.#ask(CHAT, this.#chat, event, body);
  }

  /**
   * The presence's answer to who is online.
   * @returns {Promise<Parameters<Parameters<Presence.ClientToServerEvents['get-online-users']>[0]>[0]>}
   */
  askWhoIsOnline() {
    return this.#ask(PRESENCE, this.#presence, 'get-online-users');
  }

  /**
   * @param {string} where
   * @param {Socket | undefined} socket
   * @param {string} event
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  async #ask(where, socket, event, ...args) {
    if (!socket) throw new Failure('noAnswer');
    const answered = this.#frames.sent(where, event, args);
    const reply = await socket.timeout(ANSWER_WITHIN).emitWithAck(event, ...args).catch(() => {
      throw new Failure('noAnswer');
    });
    answered(reply);
    return reply;
  }

  /**
   * The answer to an HTTP request, which must be one of the 200s.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async request(method, path, body) {
    const answered = this.#frames.sent('http', `${method} ${path}`, body ? [body] : []);
    const response = await fetch(path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new Failure('unreachable');
    });
    const reply = await response.json().catch(() => ({}));
    answered(reply);
    if (!response.ok) throw Object.assign(new Failure('requestFailed'), reply);
    return reply;
  }

  /** Drops the line as a broken network would. */
  cut() {
    this.#chat?.io.engine.close();
  }

  close() {
    this.#closed = true;
    this.#presence?.disconnect();
    this.#chat?.disconnect();
  }

  /** The server has ended a namespace, or refused it: with this token it would again. */
  #retry() {
    if (this.#retrying || this.#closed) return;
    this.#retrying = true;
    setTimeout(async () => {
      this.#retrying = false;
      if (this.#closed) return;
      try {
        await this.renew();
      } catch {
        return this.#retry();
      }
      if (this.#closed) return;
      this.#chat?.connect();
      this.#presence?.connect();
    }, this.#retryIn);
    this.#retryIn = Math.min(this.#retryIn * 2, RETRY.most);
  }
}
