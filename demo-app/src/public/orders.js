// Orders: the button that makes one, and a ticket for each one heard of.

/** @import { Chat } from '../../contract/events' */
/** @import { Connection } from './connection.js' */

import { said, say, translate } from './texts.js';

const MENU = ['A1', 'B2', 'C3', 'D4'];
const KEPT = 50;

export class Orders {
  #list;
  /** @type {Connection | undefined} */
  #connection;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {Connection} connection */
  open(connection) {
    this.#connection = connection;
    this.#list.replaceChildren();
    this.#list.hidden = true;
  }

  /** Orders something. Its update comes by itself, to this device and the user's others. */
  order() {
    const any = (/** @type {number} */ count) => crypto.getRandomValues(new Uint32Array(1))[0] % count;
    return this.#connection?.request('POST', '/orders', { items: [{ sku: MENU[any(MENU.length)], quantity: 1 + any(3) }] });
  }

  /**
   * An update came, by a socket or the stream. Told twice, it is one ticket all the same.
   * @param {Chat.OrderUpdate} update
   * @param {'socket' | 'stream'} via
   */
  updated({ orderId, status }, via) {
    const known = this.#list.querySelector(`[data-order="${CSS.escape(orderId)}"]`);
    const ticket = known ?? this.#ticket(orderId, status);
    const times = Number(ticket.dataset[via] ?? 0) + 1;
    ticket.dataset[via] = times;
    const badge = ticket.querySelector(`.via-${via}`);
    badge.hidden = false;
    badge.replaceChildren(said(via), times > 1 ? ` ×${times}` : '');
  }

  /**
   * @param {string} orderId
   * @param {Chat.Status} status
   */
  #ticket(orderId, status) {
    const ticket = document.createElement('li');
    ticket.className = 'ticket';
    ticket.dataset.testid = 'order-ticket';
    ticket.dataset.order = orderId;

    const what = document.createElement('strong');
    what.dataset.testid = 'order-items';
    say(what, 'anOrder');
    const state = document.createElement('span');
    state.className = 'confirmed';
    say(state, status);
    const number = document.createElement('code');
    number.textContent = `#${orderId.slice(-6)}`;
    const badges = document.createElement('span');
    badges.className = 'badges';
    for (const via of ['socket', 'stream']) {
      const badge = document.createElement('span');
      badge.className = `via-${via}`;
      badge.hidden = true;
      badges.append(badge);
    }
    ticket.append(what, state, number, badges);

    this.#list.prepend(ticket);
    this.#list.hidden = false;
    this.#list.scrollLeft = 0;
    if (this.#list.children.length > KEPT) this.#list.lastElementChild?.remove();
    this.#describe(orderId, what);
    return ticket;
  }

  /**
   * An update says which order, not what is in it.
   * @param {string} orderId
   * @param {HTMLElement} what
   */
  async #describe(orderId, what) {
    try {
      /** @type {{ items: { sku: string, quantity: number }[] }} */
      const { items } = await this.#connection?.request('GET', `/orders/${orderId}`);
      what.replaceChildren(
        ...items.flatMap(({ sku, quantity }, index) => {
          const name = document.createElement('span');
          if (MENU.includes(sku)) name.dataset.text = `sku${sku}`;
          else name.textContent = sku;
          return [`${index > 0 ? ', ' : ''}${quantity} × `, name];
        }),
      );
      delete what.dataset.text;
      translate(what);
    } catch {
      // Its number must do.
    }
  }
}
