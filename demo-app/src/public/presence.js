// The strip of those who are online, in ascending order.

/** @import { Presence as Contract } from '../../contract/events' */

import { say, translate } from './texts.js';
import { avatarOf } from './users.js';

export class Presence {
  #list;
  /** @type {Contract.UserId | undefined} */
  #me;
  /**
   * What has changed since the list was asked for: newer than the answer.
   * @type {{ id: Contract.UserId, here: boolean }[] | undefined}
   */
  #changes;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {Contract.UserId} me */
  open(me) {
    this.#me = me;
    this.clear();
  }

  clear() {
    this.#list.replaceChildren();
  }

  /** The list is asked for: what changes from now on is newer than it. */
  asked() {
    this.#changes = [];
  }

  /**
   * Shows just these, and what has changed since they were asked for.
   * @param {Contract.UserId[]} ids
   */
  show(ids) {
    const online = new Set(ids);
    for (const { id, here } of this.#changes ?? []) {
      if (here) online.add(id);
      else online.delete(id);
    }
    this.#changes = undefined;
    for (const bubble of this.#bubbles()) {
      if (!online.has(Number(bubble.dataset.user))) this.#remove(bubble);
    }
    for (const id of online) this.#add(id);
  }

  /**
   * @param {Contract.UserId} id
   * @param {boolean} here
   */
  changed(id, here) {
    this.#changes?.push({ id, here });
    if (here) this.#add(id);
    else this.#remove(this.#bubble(id));
  }

  /** @param {Contract.UserId} id */
  #add(id) {
    if (this.#bubble(id)) return;
    const bubble = document.createElement('li');
    bubble.className = 'bubble';
    bubble.dataset.testid = 'online-user';
    bubble.dataset.user = String(id);
    const title = id === this.#me ? 'me' : 'user';
    bubble.dataset.title = title;
    bubble.dataset.values = JSON.stringify({ id });
    const name = document.createElement('span');
    name.className = 'hidden';
    say(name, title, { id });
    bubble.classList.toggle('me', id === this.#me);
    bubble.append(avatarOf(id), name);
    const after = this.#bubbles().find((other) => Number(other.dataset.user) > id);
    this.#list.insertBefore(bubble, after ?? null);
    translate(this.#list);
  }

  /**
   * Takes a bubble away: at once for everybody who asks, and for the eye as slowly as it likes.
   * @param {HTMLElement | null} bubble
   */
  #remove(bubble) {
    if (!bubble) return;
    delete bubble.dataset.testid;
    bubble.classList.add('leaving');
    bubble.setAttribute('aria-hidden', 'true');
    const { animationName } = getComputedStyle(bubble);
    if (animationName === 'none') bubble.remove();
    else bubble.addEventListener('animationend', () => bubble.remove(), { once: true });
  }

  #bubbles() {
    return [...this.#list.querySelectorAll('[data-testid="online-user"]')];
  }

  /**
   * @param {Contract.UserId} id
   * @returns {HTMLElement | null}
   */
  #bubble(id) {
    return this.#list.querySelector(`[data-testid="online-user"][data-user="${id}"]`);
  }
}
