// The messages of a pane, in the order of their ids, each once; those on their way stand last.

import { say } from './texts.js';

export class Room {
  #list;
  #me;

  constructor(list) {
    this.#list = list;
    this.close();
  }

  /** Shows an empty room for a user. */
  open(me) {
    this.#me = me;
    this.#empty('noMessages');
  }

  /** Shows that there is no room. */
  close() {
    this.#empty('noRoom');
  }

  /** The id of the newest message shown. */
  get newest() {
    return [...this.#list.querySelectorAll('[data-id]')].at(-1)?.dataset.id;
  }

  /** A message of mine is on its way. */
  send(clientId, content) {
    const item = this.#bubble({ senderId: this.#me, content });
    item.classList.add('pending');
    item.dataset.clientId = clientId;
    this.#place(item);
  }

  /** A message of mine has arrived. */
  sent(clientId, message) {
    this.#pending(clientId)?.remove();
    this.show(message);
  }

  /** A message of mine was refused. */
  refused(clientId) {
    this.#pending(clientId)?.remove();
  }

  /** Shows a message, unless it is there. */
  show(message) {
    if (this.#list.querySelector(`[data-id="${CSS.escape(message.id)}"]`)) return;
    const item = this.#bubble(message);
    item.dataset.id = message.id;
    // My own broadcast may be here before its acknowledgement: it takes the place of what is on its way.
    if (message.senderId === this.#me) {
      const twins = this.#list.querySelectorAll('.pending');
      [...twins].find((twin) => twin.querySelector('.content').textContent === message.content)?.remove();
    }
    this.#place(item);
  }

  /** Someone came or went. */
  note(key, id) {
    const item = document.createElement('li');
    item.className = 'note';
    item.dataset.testid = key;
    say(item, key, { id });
    this.#place(item);
  }

  #pending(clientId) {
    return this.#list.querySelector(`[data-client-id="${CSS.escape(clientId)}"]`);
  }

  #empty(key) {
    const item = document.createElement('li');
    item.className = 'empty';
    item.dataset.testid = 'empty';
    say(item, key);
    this.#list.replaceChildren(item);
  }

  #place(item) {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    list.querySelector('.empty')?.remove();
    list.insertBefore(item, this.#following(item));
    for (const each of list.querySelectorAll('.message')) {
      each.classList.toggle('follows', each.previousElementSibling?.dataset.sender === each.dataset.sender);
    }
    if (atEnd || item.classList.contains('mine')) list.scrollTop = list.scrollHeight;
  }

  #following(item) {
    if (item.classList.contains('pending')) return null;
    const later = [...this.#list.children].find((other) => other.dataset.id > item.dataset.id);
    return later ?? this.#list.querySelector('.pending');
  }

  #bubble({ senderId, content, createdAt }) {
    const item = document.createElement('li');
    item.className = senderId === this.#me ? 'message mine' : 'message';
    item.dataset.testid = 'message';
    item.dataset.sender = senderId;
    const name = document.createElement('span');
    name.className = 'sender';
    say(name, 'user', { id: senderId });
    const body = document.createElement('p');
    body.className = 'content';
    body.textContent = content;
    const time = document.createElement(createdAt ? 'time' : 'span');
    time.className = 'when';
    if (createdAt) {
      time.dateTime = createdAt;
      time.textContent = new Date(createdAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    } else {
      say(time, 'sending');
    }
    item.append(name, body, time);
    return item;
  }
}
