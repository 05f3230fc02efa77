// Server-Sent Events, as a page reads them with `fetch`.

import { request } from './demo.mjs';
import { within } from './wait.mjs';

// The stream of that user, after the event with that id. Closed when the test ends.
export async function openEvents(t, url, user, { last, ...more } = {}) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const headers = last === undefined ? {} : { 'last-event-id': last };
  const response = await request(url, '/orders/events', { user, headers, signal: abort.signal, ...more });
  return new Events(response, abort);
}

class Events {
  #reader;
  #text = '';
  #decoder = new TextDecoder();

  constructor(response, abort) {
    this.response = response;
    this.abort = abort;
    this.lastId = undefined;
    this.comments = 0;
  }

  // The next event with data: `{id, event, data}`; undefined at the end of the stream.
  async next(patience) {
    for (;;) {
      const block = await this.block(patience);
      if (block === undefined || block.data !== undefined) return block;
    }
  }

  async take(count) {
    const events = [];
    while (events.length < count) events.push(await this.next());
    return events;
  }

  // What stands before the next empty line, be it only an id or a comment.
  async block(patience) {
    this.#reader ??= this.response.body.getReader();
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const lines = this.#text.slice(0, end).split('\n');
        this.#text = this.#text.slice(end + 2);
        return this.#parse(lines);
      }
      const { done, value } = await within(this.#reader.read(), 'the next event', patience);
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  #parse(lines) {
    const block = {};
    for (const line of lines) {
      const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [undefined, line.split(':')[0], ''];
      if (name === '') this.comments += 1;
      else block[name] = name === 'data' ? JSON.parse(value) : value;
    }
    if (block.id !== undefined) this.lastId = block.id;
    return block;
  }

  close() {
    this.abort.abort();
  }
}
