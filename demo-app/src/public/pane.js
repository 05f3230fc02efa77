// One device of one user: it logs in, joins rooms, talks, orders, and sees who else is there.

/** @import { Chat } from '../../contract/events' */
/** @import { Heard, State } from './connection.js' */
/** @import { Room } from './room.js' */
/** @import { Key } from './texts.js' */

import { Connection, login } from './connection.js';
import { EventStream } from './events.js';
import { Frames } from './frames.js';
import { Orders } from './orders.js';
import { Presence } from './presence.js';
import { Rooms } from './rooms.js';
import { knows, say } from './texts.js';
import { paint, portray } from './users.js';

const PAGE = 200;

/**
 * What another device like it is made of: the form, and the rooms where it is in any, the one in view last.
 * @typedef {{ user: string | number, role?: string, token?: string, rooms?: string[] }} Settings
 */

/**
 * What the server says when it refuses a connection, which has no code.
 * @type {Record<string, Key>}
 */
const REFUSALS = {
  '认证失败': 'UNAUTHORIZED',
  '缺少 Token': 'noToken',
  'The server is shutting down': 'SHUTTING_DOWN',
  'Origin not allowed': 'originRefused',
};

export class Pane {
  #part;
  #avatar;
  #frames;
  #rooms;
  #orders;
  #presence;
  /** @type {Connection | undefined} */
  #connection;
  /** @type {EventStream | undefined} */
  #stream;
  /** @type {Chat.UserId | undefined} */
  #me;
  #on;
  /**
   * Messages not yet acknowledged, by client id, in the order of sending.
   * @type {Map<string, Required<Chat.SendMessage>>}
   */
  #outbox = new Map();

  /**
   * `changed`: who it is, where, or whether it is there.
   * @param {number} number
   * @param {Settings} settings
   * @param {{ changed: (pane: Pane) => void, closed: (pane: Pane) => void }} on
   */
  constructor(number, { user, role = 'user', token = '' }, on) {
    this.#on = on;
    this.number = number;
    const template = document.getElementById('pane').content.cloneNode(true);
    this.element = template.querySelector('.pane');
    this.element.id = `pane-${number}`;
    this.element.dataset.testid = `pane-${number}`;
    this.element.dataset.label = 'pane';
    this.element.dataset.values = JSON.stringify({ number });
    this.#part = (/** @type {string} */ testid) => this.element.querySelector(`[data-testid="${testid}"]`);
    this.#avatar = this.element.querySelector('.avatar');
    this.#frames = new Frames(this.#part('frames'), this.#part('frame-count'), this.#part('frames-clear'));
    this.#orders = new Orders(this.#part('orders'));
    this.#presence = new Presence(this.#part('online'));
    this.#rooms = new Rooms(this.#part('rooms'), this.#part('talk'), {
      enter: (room) => this.join(room),
      leave: (room) => this.#leave(room),
      turned: () => this.#showRoom(),
    });
    for (const [field, value] of Object.entries({ 'user-id': user, role, token })) this.#part(field).value = value;
    this.#submit('login-form', () => this.login());
    this.#submit('room-form', () => {
      const room = this.#part('room-id');
      this.join(room.value);
      room.value = '';
    });
    this.#submit('composer', () => this.#send());
    this.#part('user-id').addEventListener('input', () => this.#showUser());
    this.#part('events').addEventListener('change', () => this.#listen(this.#part('events').checked));
    this.#click('order', () => this.#order());
    this.#click('logout', () => {
      this.#fine();
      this.#logout();
    });
    this.#click('close', () => this.#close());
    this.#click('cut', () => this.#connection?.cut());
    this.#click('error-dismiss', () => this.#fine());
    this.#showUser();
    this.#showState('offline');
  }

  /** The user it is logged in as, or would be. */
  get user() {
    return this.#me ?? Number(this.#part('user-id').value);
  }

  get loggedIn() {
    return this.#connection !== undefined;
  }

  /** @returns {Settings} */
  get settings() {
    const [user, role, token] = this.#form;
    if (!this.loggedIn) return { user, role, token };
    const { all, current } = this.#rooms;
    const rooms = all.filter((room) => room !== current).concat(current ?? []);
    return { user, role, token, rooms: rooms.map(({ id }) => id) };
  }

  get #form() {
    return ['user-id', 'role', 'token'].map((field) => this.#part(field).value.trim());
  }

  /** Takes over the focus of what is gone. */
  focus() {
    this.element.focus({ preventScroll: true });
  }

  /** Logs in with what the form says. */
  async login() {
    if (this.#connection) return;
    this.#fine();
    const [userId, role, token] = this.#form;
    const connection = new Connection(async () => token || login(userId, role), this.#frames, {
      state: (state) => this.#showState(state),
      transport: (name) => (this.#part('transport').textContent = name),
      refused: (error) => {
        this.#fail({ key: REFUSALS[error.message], message: error.message });
        // A token of one's own does not get better by asking again.
        if (token) this.#logout();
      },
      connected: () => {
        this.#fine();
        this.#comeBack();
      },
      present: () => this.#lookAround(),
      event: (heard, answer) => this.#hear(heard, answer),
    });
    this.#connection = connection;
    this.#part('login').disabled = true;
    try {
      await connection.open();
      if (this.#connection !== connection) return;
      this.#me = token ? subjectOf(token) : Number(userId);
      this.#rooms.open(this.#me);
      this.#orders.open(connection);
      this.#presence.open(this.#me);
      this.#part('drawer').open = matchMedia('(min-width: 52rem) and (min-height: 46rem)').matches;
      this.#showUser();
    } catch (error) {
      this.#logout();
      this.#fail(error);
      if (error.key === 'loginOff') this.#part('token').closest('details').open = true;
    } finally {
      this.#part('login').disabled = false;
    }
  }

  /**
   * Joins a room, as soon as there is a connection; one it is in comes into view.
   * @param {string} id
   */
  async join(id) {
    if (this.#me === undefined || this.#rooms.get(id)) return this.#rooms.turnTo(id);
    const room = this.#rooms.add(id);
    if (this.#connection?.connected) await this.#enter(room);
  }

  /** Goes back into the rooms it was in. */
  async #comeBack() {
    const connection = this.#connection;
    for (const room of this.#rooms.all) if (this.#connection === connection) await this.#enter(room);
  }

  /**
   * Joins the room, reads what was missed, sends what was not acknowledged.
   * @param {Room} room
   */
  async #enter(room) {
    const connection = this.#connection;
    if (!connection) return;
    try {
      if (!this.#accept(await connection.ask('join-room', { roomId: room.id }))) return this.#rooms.remove(room.id);
      await this.#catchUp(room, connection);
    } catch (error) {
      if (connection.connected) this.#fail(error);
      return;
    }
    room.inside = true;
    for (const [clientId, { roomId }] of this.#outbox) if (roomId === room.id) this.#deliver(clientId);
  }

  /**
   * Reads page after page from where the room was left; on the first visit, only the newest page.
   * @param {Room} room
   * @param {Connection} connection
   */
  async #catchUp(room, connection) {
    for (let after = room.readTo, more = true; more; ) {
      const reply = await connection.ask('history', { roomId: room.id, limit: PAGE, ...(after && { after }) });
      if (!this.#accept(reply)) return;
      // Not up to the newest one shown: that may have been said meanwhile, with others still unread before it.
      room.read(reply.messages);
      more = after !== undefined && reply.messages.length === PAGE;
      after = room.readTo;
    }
  }

  #send() {
    const room = this.#rooms.current;
    if (!room) return;
    const input = this.#part('content');
    const clientId = uniqueName();
    this.#outbox.set(clientId, { roomId: room.id, content: input.value, clientId });
    room.send(clientId, input.value);
    input.value = '';
    if (room.inside) this.#deliver(clientId);
  }

  /**
   * @param {string} clientId
   * @returns {Promise<void>}
   */
  async #deliver(clientId) {
    const body = this.#outbox.get(clientId);
    const connection = this.#connection;
    if (!body || !connection) return;
    let reply;
    try {
      reply = await connection.ask('send-message', body);
    } catch (error) {
      // Not lost: it is sent again now or after the next connect, and stored once whatever had happened.
      if (!connection.connected) return;
      this.#fail(error);
      return this.#deliver(clientId);
    }
    this.#outbox.delete(clientId);
    const room = this.#rooms.get(body.roomId);
    if (this.#accept(reply)) {
      room?.sent(clientId, reply);
    } else {
      room?.refused(clientId);
      this.#part('content').value ||= body.content;
    }
  }

  /** @param {string} roomId */
  async #leave(roomId) {
    if (!this.#connection) return;
    try {
      const reply = await this.#connection.ask('leave-room', { roomId });
      if (this.#accept(reply)) this.#rooms.remove(roomId);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Asks who is online; who comes and goes meanwhile is not forgotten. */
  async #lookAround() {
    if (!this.#connection) return;
    this.#presence.asked();
    try {
      const reply = await this.#connection.askWhoIsOnline();
      if ('onlineUserIds' in reply) this.#presence.show(reply.onlineUserIds);
    } catch {
      // The next connection asks again.
    }
  }

  async #order() {
    const button = this.#part('order');
    button.disabled = true;
    try {
      await this.#orders.order();
      this.#fine();
    } catch (error) {
      this.#fail(error);
    }
    button.disabled = false;
  }

  /**
   * Also hears of orders without a socket, or no longer.
   * @param {boolean} on
   */
  #listen(on) {
    this.#stream?.close();
    this.#stream = on && this.#connection
      ? new EventStream(this.#connection, this.#frames, (event, body) => {
          if (event === 'order-update') this.#orders.updated(body, 'stream');
        })
      : undefined;
    this.#part('events').checked = on;
  }

  /**
   * @param {Heard} heard
   * @param {() => void} answer
   */
  #hear([event, body], answer) {
    if (event === 'error' || event === 'exception') return this.#fail(body);
    if (event === 'user-online') return this.#presence.changed(body.userId, true);
    if (event === 'user-offline') return this.#presence.changed(body.userId, false);
    if (event === 'order-update') {
      this.#orders.updated(body, 'socket');
      return answer();
    }
    const room = this.#rooms.get(body?.roomId);
    if (!room) return;
    if (event === 'new-message' && room.show(body)) this.#rooms.heard(room);
    if (event === 'user-joined') room.note('joined', body.userId);
    if (event === 'user-left') {
      // It was me, on another device: the membership is the user's, not the device's.
      if (body.userId === this.#me) this.#rooms.remove(room.id);
      else room.note('left', body.userId);
    }
  }

  #logout() {
    if (this.#stream) this.#listen(false);
    this.#connection?.close();
    this.#connection = undefined;
    this.#me = undefined;
    this.#outbox.clear();
    this.#rooms.open();
    this.#presence.clear();
    this.#showUser();
    this.#showState('offline');
  }

  #close() {
    this.#logout();
    this.element.remove();
    this.#on.closed(this);
  }

  /**
   * Whether the answer is one: errors have a code. The error itself came as an event, too.
   * @template {object} Answer
   * @param {Answer | Chat.AnyError} reply
   * @returns {reply is Answer}
   */
  #accept(reply) {
    if ('code' in reply) return false;
    this.#fine();
    return true;
  }

  /**
   * What the server says, or a sentence of the page (`key`).
   * @param {Partial<Chat.ErrorEvent> & { key?: Key }} failure
   */
  #fail({ key, message = '', code, errors }) {
    const line = this.#part('error-message');
    const sentence = key ?? (knows(code) ? code : undefined);
    if (sentence) {
      say(line, sentence);
    } else {
      delete line.dataset.text;
      line.textContent = message;
    }
    this.#part('error-code').textContent = code ?? '';
    this.#part('error-fields').replaceChildren(...(errors ?? []).map(({ path, message: reason }) => {
      const item = document.createElement('li');
      item.textContent = `${path}: ${reason}`;
      return item;
    }));
    this.#part('error').hidden = false;
  }

  #fine() {
    this.#part('error').hidden = true;
  }

  #showUser() {
    const known = this.#me !== undefined;
    const focusHere = () => this.element.contains(document.activeElement) && document.activeElement?.checkVisibility();
    const hadFocus = focusHere();
    paint(this.element, this.user);
    portray(this.#avatar, this.user);
    portray(this.#part('portrait'), this.user);
    if (this.#me !== undefined) say(this.#part('name'), 'user', { id: this.#me });
    else say(this.#part('name'), 'nobody');
    this.#avatar.hidden = !known;
    for (const part of ['cut', 'logout', 'device']) this.#part(part).hidden = !known;
    this.#part('login-form').hidden = known;
    if (hadFocus && !focusHere()) this.focus();
    this.#on.changed(this);
  }

  #showRoom() {
    const inside = this.#rooms?.current !== undefined;
    this.#part('composer').hidden = !inside;
    this.#on.changed(this);
  }

  /** @param {State} state */
  #showState(state) {
    if (state !== 'online') this.#rooms.outside();
    const element = this.#part('state');
    this.element.dataset.state = element.dataset.state = state;
    say(element, state);
    this.#part('cut').disabled = state !== 'online';
    this.#on.changed(this);
  }

  /**
   * @param {string} form
   * @param {() => void} action
   */
  #submit(form, action) {
    this.#part(form).addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      action();
    });
  }

  /**
   * @param {string} button
   * @param {() => void} action
   */
  #click(button, action) {
    this.#part(button).addEventListener('click', action);
  }
}

/**
 * Whose token it is, unverified: only for display.
 * @param {string} token
 */
function subjectOf(token) {
  try {
    const claims = token.replace(/^bearer\s+/i, '').split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return Number(JSON.parse(atob(claims)).sub);
  } catch {
    return NaN;
  }
}

/** `crypto.randomUUID` is not there on a page served over plain HTTP to another machine. */
function uniqueName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
