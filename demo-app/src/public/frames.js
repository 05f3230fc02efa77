// The drawer of a pane: what went over the wire, with the time an acknowledgement took.

/** @import { Key } from './texts.js' */

import { said, say } from './texts.js';

const KEPT = 300;

export class Frames {
  #list;
  #count;
  #seen = 0;

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} count
   * @param {HTMLElement} clear
   */
  constructor(list, count, clear) {
    this.#list = list;
    this.#count = count;
    clear.addEventListener('click', () => this.#clear());
  }

  /**
   * Something was sent. The function returned notes its acknowledgement.
   * @param {string} where
   * @param {string} event
   * @param {unknown[]} args
   */
  sent(where, event, args) {
    const started = performance.now();
    const frame = this.#add('out', '↑', where, event, args);
    return (/** @type {any} */ reply) => {
      const time = part('time', `${(performance.now() - started).toFixed(1)} ms`);
      time.dataset.testid = 'ack-time';
      frame.querySelector('summary').append(time);
      frame.append(label('ack'), block(reply));
      if (reply?.code) frame.classList.add('failed');
    };
  }

  /**
   * Something was received. The function returned notes that it was acknowledged.
   * @param {string} where
   * @param {string} event
   * @param {unknown[]} args
   */
  received(where, event, args) {
    const frame = this.#add('in', '↓', where, event, args);
    return () => {
      const acked = part('time', ' ✓');
      acked.prepend(said('ack'));
      acked.dataset.testid = 'acked';
      frame.querySelector('summary').append(acked);
    };
  }

  /**
   * Something happened to the connection itself.
   * @param {string} where
   * @param {string} event
   * @param {...unknown} args
   */
  noted(where, event, ...args) {
    this.#add('info', '•', where, event, args);
  }

  /**
   * @param {'in' | 'out' | 'info'} kind
   * @param {string} arrow
   * @param {string} where
   * @param {string} event
   * @param {unknown[]} args
   */
  #add(kind, arrow, where, event, args) {
    const frame = document.createElement('details');
    frame.className = `frame ${kind}`;
    frame.dataset.testid = 'frame';
    frame.dataset.direction = kind;
    frame.dataset.event = event;
    frame.dataset.where = where;

    const summary = document.createElement('summary');
    summary.append(
      part('when', new Date().toLocaleTimeString('en-GB')),
      part('arrow', arrow),
      part('where', where),
      part('event', event),
      part('json', args.map((argument) => JSON.stringify(argument)).join(', ')),
    );
    frame.append(summary);
    if (args.length > 0) frame.append(...args.map(block));

    frame.addEventListener('toggle', () => frame.open && frame.scrollIntoView({ block: 'nearest' }));

    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    const item = document.createElement('li');
    item.append(frame);
    this.#list.append(item);
    if (this.#list.children.length > KEPT) this.#list.firstElementChild?.remove();
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
    this.#count.textContent = String(++this.#seen);
    return frame;
  }

  #clear() {
    this.#list.replaceChildren();
    this.#seen = 0;
    this.#count.textContent = '0';
  }
}

/**
 * @param {string} className
 * @param {string} content
 */
function part(className, content) {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = content;
  return span;
}

/** @param {Key} key */
function label(key) {
  const paragraph = document.createElement('p');
  say(paragraph, key);
  return paragraph;
}

/** @param {unknown} value */
function block(value) {
  const pre = document.createElement('pre');
  pre.textContent = JSON.stringify(value, null, 2);
  return pre;
}
