// A device's line to the server: the namespaces on it, and requests beside it. It comes back by
// itself, with a fresh token where one can be had.

/* global io */

const ANSWER_WITHIN = 10_000;
const RETRY = { first: 500, most: 5_000 };

/** A sentence of the page instead of one of the server. */
export class Failure extends Error {
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/** Takes a token from the login of a server that has one. */
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

/**
 * The sockets in `/chat` and `/presence`. `freshToken` is asked before the first connection and
 * whenever a token was refused. `on` has a function for each of `state`, `refused`, `connected`
 * (of the chat), `present` (of the presence), `event`.
 */
export class Connection {
  #chat;
  #presence;
  #freshToken;
  #token;
  #frames;
  #on;
  #retryIn = RETRY.first;
  #retrying = false;
  #closed = false;

  constructor(freshToken, frames, on) {
    this.#freshToken = freshToken;
    this.#frames = frames;
    this.#on = on;
  }

  async open() {
    this.#on.state('connecting');
    await this.renew();
    if (this.#closed) return;
    const auth = (send) => send({ token: this.#token });
    // Each pane is a device of its own, with a line of its own.
    this.#chat = io('/chat', { auth, forceNew: true, reconnectionDelay: 500, reconnectionDelayMax: 2_000 });
    this.#presence = this.#chat.io.socket('/presence', { auth });
    const { io: manager } = this.#chat;
    const transport = () => this.#on.transport(this.connected ? manager.engine.transport.name : '');
    manager.on('open', () => manager.engine.once('upgrade', transport));

    this.#listen(this.#chat);
    this.#chat.on('connect', () => {
      this.#retryIn = RETRY.first;
      this.#on.state('online');
      transport();
      this.#on.connected();
    });
    this.#chat.on('disconnect', () => {
      transport();
      if (!this.#closed) this.#on.state('reconnecting');
    });
    this.#chat.on('connect_error', (error) => {
      if (this.#closed) return;
      // The client goes on by itself unless it was the server who said no.
      this.#on.state(this.#chat.active ? 'reconnecting' : 'refused');
      if (!this.#chat.active) this.#on.refused(error);
    });

    this.#listen(this.#presence);
    this.#presence.on('connect', () => this.#on.present());
  }

  #listen(socket) {
    const { nsp } = socket;
    socket.on('connect', () => this.#frames.noted(nsp, 'connect'));
    socket.on('disconnect', (reason) => {
      this.#frames.noted(nsp, 'disconnect', reason);
      if (!socket.active) this.#retry();
    });
    socket.on('connect_error', (error) => {
      this.#frames.noted(nsp, 'connect_error', error.message);
      if (!socket.active) this.#retry();
    });
    socket.onAny((event, ...args) => {
      const answer = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      const answered = this.#frames.received(nsp, event, args);
      this.#on.event(event, args, () => {
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

  /** The chat's answer to an event. Rejects when there is none. */
  ask(event, body) {
    return this.#ask(this.#chat, event, body);
  }

  /** The presence's answer to an event. */
  askPresence(event) {
    return this.#ask(this.#presence, event);
  }

  #ask(socket, event, ...args) {
    const answered = this.#frames.sent(socket.nsp, event, args);
    return new Promise((resolve, reject) => {
      socket.timeout(ANSWER_WITHIN).emit(event, ...args, (error, reply) => {
        if (error) return reject(new Failure('noAnswer'));
        answered(reply);
        resolve(reply);
      });
    });
  }

  /** The answer to an HTTP request, which must be one of the 200s. */
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
      this.#chat.connect();
      this.#presence.connect();
    }, this.#retryIn);
    this.#retryIn = Math.min(this.#retryIn * 2, RETRY.most);
  }
}
