// One room of a device: its messages in the order of their ids, each once; those on their way stand last.

/** @import { Chat } from '../../contract/events' */

import { said, say } from './texts.js';
import { avatarOf } from './users.js';

/** Before the id of every message. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
/** How much later than the next one a message may be told, in ms: as long as instances keep what they cannot pass on. */
const LATE = 15_000;

/** When a message was said: its id begins with that. */
const timeOf = (/** @type {string} */ id) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

export class Room {
  /** Whether it was entered on the present connection: only then may new messages follow the waiting ones. */
  inside = false;
  /**
   * The message up to which none is missing; unknown before the first was read.
   * @type {string | undefined}
   */
  readTo;
  unread = 0;
  #me;
  #atEnd = true;

  /**
   * @param {string} id
   * @param {Chat.UserId} me
   */
  constructor(id, me) {
    this.id = id;
    this.#me = me;
    this.element = document.createElement('ol');
    this.element.className = 'messages';
    this.element.setAttribute('role', 'log');
    this.element.tabIndex = 0;
    this.element.dataset.testid = 'messages';
    this.element.dataset.label = 'messages';
    // Whoever reads the end goes on reading the end, when the room for it changes.
    this.element.addEventListener('scroll', () => (this.#atEnd = this.#isAtEnd()));
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.element);
    this.#empty();
  }

  /** The connection is gone. What was told last is read again: of two instances, one may have been slower. */
  outside() {
    if (this.inside) {
      const ids = [...this.element.querySelectorAll('[data-id]')].map(({ dataset }) => dataset.id ?? '');
      const surely = ids.findLast((id) => timeOf(id) < timeOf(ids[ids.length - 1]) - LATE);
      if (surely && this.readTo && surely > this.readTo) this.readTo = surely;
    }
    this.inside = false;
  }

  /**
   * What `history` has answered: up to its end none is missing.
   * @param {Chat.ChatMessage[]} messages
   */
  read(messages) {
    this.show(...messages);
    this.readTo = messages.at(-1)?.id ?? this.readTo ?? BEFORE_ALL;
  }

  /**
   * A message of mine is on its way.
   * @param {string} clientId
   * @param {string} content
   */
  send(clientId, content) {
    const item = this.#bubble({ senderId: this.#me, content });
    item.classList.add('pending');
    item.dataset.clientId = clientId;
    this.#place(item);
  }

  /**
   * A message of mine has arrived.
   * @param {string} clientId
   * @param {Chat.ChatMessage} message
   */
  sent(clientId, message) {
    this.#pending(clientId)?.remove();
    this.show(message);
  }

  /**
   * A message of mine was refused.
   * @param {string} clientId
   */
  refused(clientId) {
    this.#pending(clientId)?.remove();
    if (!this.element.firstElementChild) this.#empty();
  }

  /**
   * Shows those messages that are not there yet; says whether there were any.
   * @param {...Chat.ChatMessage} messages
   */
  show(...messages) {
    const items = messages
      .filter(({ id }) => !this.element.querySelector(`[data-id="${CSS.escape(id)}"]`))
      .map((message) => this.#arrived(message));
    if (items.length > 0) this.#place(...items);
    return items.length > 0;
  }

  /** @param {Chat.ChatMessage} message */
  #arrived(message) {
    const item = this.#bubble(message);
    item.dataset.id = message.id;
    // My own broadcast may be here before its acknowledgement: it takes the place of what is on its way.
    if (message.senderId === this.#me) {
      const twins = this.element.querySelectorAll('.pending');
      [...twins].find((twin) => twin.querySelector('.content').textContent === message.content)?.remove();
    }
    return item;
  }

  /**
   * Someone came or went.
   * @param {'joined' | 'left'} key
   * @param {Chat.UserId} id
   */
  note(key, id) {
    const item = document.createElement('li');
    item.className = 'note';
    item.dataset.testid = key;
    say(item, key, { id });
    this.#place(item);
  }

  /** It has come into view. */
  shown() {
    this.unread = 0;
    this.#toEnd();
  }

  /** @param {string} clientId */
  #pending(clientId) {
    return this.element.querySelector(`[data-client-id="${CSS.escape(clientId)}"]`);
  }

  #empty() {
    const item = document.createElement('li');
    item.className = 'empty';
    item.dataset.testid = 'empty';
    const sentence = document.createElement('p');
    say(sentence, 'noMessages');
    item.append(icon('talk'), sentence);
    this.element.replaceChildren(item);
  }

  /**
   * Many at once cost one layout, not one each.
   * @param {...HTMLElement} items
   */
  #place(...items) {
    const list = this.element;
    list.querySelector('.empty')?.remove();
    for (const item of items) list.insertBefore(item, this.#following(item));
    for (const each of list.querySelectorAll('.message')) {
      each.classList.toggle('follows', each.previousElementSibling?.getAttribute('data-sender') === each.dataset.sender);
    }
    if (this.#atEnd || items.some((item) => item.classList.contains('mine'))) this.#toEnd();
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  #toEnd() {
    this.#atEnd = true;
    this.element.scrollTop = this.element.scrollHeight;
  }

  /** @param {HTMLElement} item */
  #following(item) {
    if (item.classList.contains('pending')) return null;
    const { id } = item.dataset;
    const later = id && [...this.element.children].find((other) => (other.getAttribute('data-id') ?? '') > id);
    return later || this.element.querySelector('.pending');
  }

  /**
   * One that is on its way has no time yet.
   * @param {Pick<Chat.ChatMessage, 'senderId' | 'content'> & Partial<Chat.ChatMessage>} message
   */
  #bubble({ senderId, content, createdAt }) {
    const item = document.createElement('li');
    item.className = senderId === this.#me ? 'message mine' : 'message';
    item.dataset.testid = 'message';
    item.dataset.sender = String(senderId);
    const name = document.createElement('span');
    name.className = 'sender';
    say(name, 'user', { id: senderId });
    const body = document.createElement('p');
    body.className = 'content';
    body.textContent = content;
    const when = createdAt ? timeAt(createdAt) : said('sending');
    when.className = 'when';
    item.append(avatarOf(senderId), name, body, when);
    return item;
  }
}

/** @param {string} moment */
function timeAt(moment) {
  const time = document.createElement('time');
  time.dateTime = moment;
  time.textContent = new Date(moment).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return time;
}

/**
 * One of the drawings at the end of the page.
 * @param {string} name
 */
export function icon(name) {
  const [svg, use] = ['svg', 'use'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
  svg.classList.add('icon');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#${name}`);
  svg.append(use);
  return svg;
}
