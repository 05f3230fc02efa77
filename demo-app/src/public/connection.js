// A connection to /chat that comes back by itself, with a fresh token where one can be had.

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
 * One socket. `freshToken` is asked before the first connection and whenever a token was refused.
 * `on` has a function for each of `state`, `refused`, `connected`, `event`.
 */
export class Connection {
  #socket;
  #freshToken;
  #token;
  #frames;
  #on;
  #retryIn = RETRY.first;
  #closed = false;

  constructor(freshToken, frames, on) {
    this.#freshToken = freshToken;
    this.#frames = frames;
    this.#on = on;
  }

  async open() {
    this.#on.state('connecting');
    this.#token = await this.#freshToken();
    if (this.#closed) return;
    const socket = io('/chat', {
      auth: (send) => send({ token: this.#token }),
      forceNew: true, // each pane is a device of its own
      reconnectionDelayMax: 2_000,
    });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#retryIn = RETRY.first;
      this.#frames.noted('connect', { id: socket.id, transport: socket.io.engine.transport.name });
      socket.io.engine.once('upgrade', (transport) => this.#frames.noted('upgrade', { transport: transport.name }));
      this.#on.state('online', socket.id);
      this.#on.connected();
    });
    socket.on('disconnect', (reason) => {
      this.#frames.noted('disconnect', reason);
      if (this.#closed) return;
      this.#on.state('reconnecting');
      if (!socket.active) this.#retry();
    });
    socket.on('connect_error', (error) => {
      this.#frames.noted('connect_error', error.message);
      if (this.#closed) return;
      // The client goes on by itself unless it was the server who said no.
      if (socket.active) return this.#on.state('reconnecting');
      this.#on.state('refused');
      this.#on.refused(error);
      this.#retry();
    });
    socket.onAny((event, ...args) => {
      this.#frames.received(event, args);
      this.#on.event(event, args);
    });
  }

  get connected() {
    return this.#socket?.connected ?? false;
  }

  /** The server's answer to an event. Rejects when there is none. */
  ask(event, body) {
    const answered = this.#frames.sent(event, [body]);
    return new Promise((resolve, reject) => {
      this.#socket.timeout(ANSWER_WITHIN).emit(event, body, (error, reply) => {
        if (error) return reject(new Failure('noAnswer'));
        answered(reply);
        resolve(reply);
      });
    });
  }

  /** Drops the line as a broken network would. */
  cut() {
    this.#socket?.io.engine.close();
  }

  close() {
    this.#closed = true;
    this.#socket?.disconnect();
  }

  #retry() {
    setTimeout(async () => {
      if (this.#closed) return;
      try {
        this.#token = await this.#freshToken();
      } catch {
        return this.#retry();
      }
      if (!this.#closed) this.#socket.connect();
    }, this.#retryIn);
    this.#retryIn = Math.min(this.#retryIn * 2, RETRY.most);
  }
}
