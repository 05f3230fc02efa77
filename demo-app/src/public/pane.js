// One device of one user: log in, join a room, talk, leave.

import { Connection, login } from './connection.js';
import { Frames } from './frames.js';
import { Room } from './room.js';
import { say } from './texts.js';

const PAGE = 200;

export class Pane {
  #part;
  #room;
  #frames;
  #connection;
  #me;
  /** The room this device is in, or goes back to once it is connected again. */
  #joined;
  /** Whether that room was entered on the present connection: only then may new messages follow the waiting ones. */
  #inside = false;
  /** Messages not yet acknowledged, by client id, in the order of sending. */
  #outbox = new Map();

  constructor(number, user, room) {
    const template = document.getElementById('pane').content.cloneNode(true);
    this.element = template.querySelector('.pane');
    this.element.dataset.testid = `pane-${number}`;
    this.element.dataset.label = 'pane';
    this.element.dataset.values = JSON.stringify({ number });
    this.#part = (testid) => this.element.querySelector(`[data-testid="${testid}"]`);
    this.#room = new Room(this.#part('messages'));
    this.#frames = new Frames(this.#part('frames'), this.#part('frame-count'), this.#part('frames-clear'));
    this.#part('user-id').value = user;
    this.#part('room-id').value = room;
    this.#part('drawer').open = matchMedia('(min-width: 56rem)').matches;

    this.#submit('login-form', () => this.login());
    this.#submit('room-form', () => this.join());
    this.#submit('composer', () => this.#send());
    this.#click('leave', () => this.#leave());
    this.#click('logout', () => {
      this.#fine();
      this.#logout();
    });
    this.#click('cut', () => this.#connection.cut());
    this.#click('error-dismiss', () => this.#fine());
    this.#showUser();
    this.#showState('offline');
  }

  /** Logs in with what the form says. */
  async login() {
    if (this.#connection) return;
    this.#fine();
    const [userId, role, token] = ['user-id', 'role', 'token'].map((field) => this.#part(field).value.trim());
    const connection = new Connection(() => token || login(userId, role), this.#frames, {
      state: (state, socketId) => this.#showState(state, socketId),
      refused: (error) => {
        this.#fail({ message: error.message });
        // A token of one's own does not get better by asking again.
        if (token) this.#logout();
      },
      connected: () => {
        this.#fine();
        this.#comeBack();
      },
      event: (event, args) => this.#hear(event, ...args),
    });
    this.#connection = connection;
    try {
      await connection.open();
      this.#me = token ? subjectOf(token) : Number(userId);
      this.#showUser();
    } catch (error) {
      this.#logout();
      this.#fail(error);
      if (error.key === 'loginOff') this.#part('token').closest('details').open = true;
    }
  }

  /** Joins the room the form names, as soon as there is a connection. */
  async join() {
    if (this.#joined !== undefined) return;
    this.#joined = this.#part('room-id').value;
    this.#room.open(this.#me);
    this.#showRoom();
    if (this.#connection?.connected) await this.#comeBack();
  }

  /** Goes (back) into the room: joins it, reads what was missed, sends what was not acknowledged. */
  async #comeBack() {
    const roomId = this.#joined;
    if (roomId === undefined) return;
    try {
      if (!this.#accept(await this.#connection.ask('join-room', { roomId }))) return this.#outside();
      await this.#catchUp(roomId);
    } catch (error) {
      if (this.#connection?.connected) this.#fail(error);
      return;
    }
    this.#inside = this.#joined === roomId;
    for (const clientId of this.#outbox.keys()) this.#deliver(clientId);
  }

  async #catchUp(roomId) {
    for (let more = true; more; ) {
      const after = this.#room.newest;
      const reply = await this.#connection.ask('history', { roomId, limit: PAGE, ...(after && { after }) });
      if (!this.#accept(reply) || this.#joined !== roomId) return;
      for (const message of reply.messages) this.#room.show(message);
      more = after !== undefined && reply.messages.length === PAGE;
    }
  }

  #send() {
    if (this.#joined === undefined) return;
    const input = this.#part('content');
    const clientId = uniqueName();
    this.#outbox.set(clientId, { roomId: this.#joined, content: input.value, clientId });
    this.#room.send(clientId, input.value);
    input.value = '';
    if (this.#inside) this.#deliver(clientId);
  }

  async #deliver(clientId) {
    const body = this.#outbox.get(clientId);
    let reply;
    try {
      reply = await this.#connection.ask('send-message', body);
    } catch (error) {
      // Not lost: it is sent again after the next connect, and stored once whatever had happened.
      if (this.#connection?.connected) this.#fail(error);
      return;
    }
    this.#outbox.delete(clientId);
    if (this.#accept(reply)) {
      if (reply.roomId === this.#joined) this.#room.sent(clientId, reply);
    } else {
      this.#room.refused(clientId);
      this.#part('content').value ||= body.content;
    }
  }

  async #leave() {
    try {
      const reply = await this.#connection.ask('leave-room', { roomId: this.#joined });
      if (this.#accept(reply)) this.#outside();
    } catch (error) {
      this.#fail(error);
    }
  }

  #hear(event, body) {
    if (event === 'error' || event === 'exception') return this.#fail(body);
    if (body?.roomId !== this.#joined) return;
    if (event === 'new-message') this.#room.show(body);
    if (event === 'user-joined') this.#room.note('joined', body.userId);
    if (event === 'user-left') {
      // It was me, on another device: the membership is the user's, not the device's.
      if (body.userId === this.#me) this.#outside();
      else this.#room.note('left', body.userId);
    }
  }

  #outside() {
    this.#joined = undefined;
    this.#inside = false;
    this.#outbox.clear();
    this.#room.close();
    this.#showRoom();
  }

  #logout() {
    this.#connection?.close();
    this.#connection = undefined;
    this.#me = undefined;
    this.#outside();
    this.#showUser();
    this.#showState('offline');
  }

  /** Whether the answer is one: errors have a code. The error itself came as an event, too. */
  #accept(reply) {
    if (reply?.code) return false;
    this.#fine();
    return true;
  }

  #fail({ key, message, code, errors = [] }) {
    const line = this.#part('error-message');
    if (key) {
      say(line, key);
    } else {
      delete line.dataset.text;
      line.textContent = message;
    }
    this.#part('error-code').textContent = code ?? '';
    this.#part('error-fields').replaceChildren(...errors.map(({ path, message: reason }) => {
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
    this.element.querySelector('.avatar').textContent = known ? this.#me : '·';
    if (known) say(this.#part('name'), 'user', { id: this.#me });
    else say(this.#part('name'), 'nobody');
    this.element.querySelector('.actions').hidden = !known;
    this.#part('login-form').hidden = known;
    this.#part('chat').hidden = !known;
    this.#showRoom();
  }

  #showRoom() {
    const inside = this.#joined !== undefined;
    this.#part('room-id').readOnly = inside;
    this.#part('join').hidden = inside;
    this.#part('leave').hidden = !inside;
    this.#part('content').disabled = !inside;
    this.#part('send').disabled = !inside;
  }

  #showState(state, socketId = '') {
    if (state !== 'online') this.#inside = false;
    const element = this.#part('state');
    element.dataset.state = state;
    say(element, state);
    this.#part('socket-id').textContent = socketId;
    this.#part('cut').disabled = state !== 'online';
  }

  #submit(form, action) {
    this.#part(form).addEventListener('submit', (event) => {
      event.preventDefault();
      action();
    });
  }

  #click(button, action) {
    this.#part(button).addEventListener('click', action);
  }
}

/** Whose token it is, unverified: only for display. */
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
