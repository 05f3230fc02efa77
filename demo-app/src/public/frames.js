// The drawer of a pane: what went over the wire, with the time an acknowledgement took.

import { text } from './texts.js';

const KEPT = 300;

export class Frames {
  #list;
  #count;
  #seen = 0;

  constructor(list, count, clear) {
    this.#list = list;
    this.#count = count;
    clear.addEventListener('click', () => this.#clear());
  }

  /** Something was sent. The function returned notes its acknowledgement. */
  sent(event, args) {
    const started = performance.now();
    const frame = this.#add('out', '→', event, args);
    return (reply) => {
      const time = document.createElement('span');
      time.className = 'time';
      time.dataset.testid = 'ack-time';
      time.textContent = `${(performance.now() - started).toFixed(1)} ms`;
      frame.querySelector('summary').append(time);
      frame.append(label(text('ack')), block(reply));
      if (reply?.code) frame.classList.add('failed');
    };
  }

  /** Something was received. */
  received(event, args) {
    // A function is socket.io's way to answer, not a part of the frame.
    this.#add('in', '←', event, args.filter((argument) => typeof argument !== 'function'));
  }

  /** Something happened to the connection itself. */
  noted(event, ...args) {
    this.#add('info', '•', event, args);
  }

  #add(kind, arrow, event, args) {
    const frame = document.createElement('details');
    frame.className = `frame ${kind}`;
    frame.dataset.testid = 'frame';
    frame.dataset.direction = kind;
    frame.dataset.event = event;

    const summary = document.createElement('summary');
    summary.append(
      part('arrow', arrow),
      part('event', event),
      part('json', args.map((argument) => JSON.stringify(argument)).join(', ')),
    );
    frame.append(summary);
    if (args.length > 0) frame.append(...args.map(block));

    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    const item = document.createElement('li');
    item.append(frame);
    this.#list.append(item);
    if (this.#list.children.length > KEPT) this.#list.firstElementChild.remove();
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
    this.#count.textContent = ++this.#seen;
    return frame;
  }

  #clear() {
    this.#list.replaceChildren();
    this.#seen = 0;
    this.#count.textContent = 0;
  }
}

function part(className, content) {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = content;
  return span;
}

function label(content) {
  const paragraph = document.createElement('p');
  paragraph.textContent = content;
  return paragraph;
}

function block(value) {
  const pre = document.createElement('pre');
  pre.textContent = JSON.stringify(value, null, 2);
  return pre;
}
