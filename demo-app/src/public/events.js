// Order updates without a socket: Server-Sent Events, read with `fetch`. `EventSource` cannot send
// the token in a header, and in the URL it would stand in many a log.

/** @import { Connection } from './connection.js' */
/** @import { Frames } from './frames.js' */

/** Reads until it is closed, and comes back where it was cut off. */
export class EventStream {
  #connection;
  #frames;
  #heard;
  #abort = new AbortController();
  /** @type {string | undefined} */
  #last;
  #retryIn = 1_000;

  /**
   * @param {Connection} connection
   * @param {Frames} frames
   * @param {(event: string, body: any) => void} heard
   */
  constructor(connection, frames, heard) {
    this.#connection = connection;
    this.#frames = frames;
    this.#heard = heard;
    this.#read();
  }

  close() {
    this.#abort.abort();
    this.#frames.noted('sse', 'close');
  }

  async #read() {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#once(signal);
      } catch {
        // Cut off, or not even begun.
      }
      if (signal.aborted) return;
      this.#frames.noted('sse', 'reconnect', { last: this.#last });
      await new Promise((resolve) => setTimeout(resolve, this.#retryIn));
    }
  }

  /** @param {AbortSignal} signal */
  async #once(signal) {
    const response = await fetch('/orders/events', {
      headers: {
        authorization: `Bearer ${this.#connection.token}`,
        ...(this.#last !== undefined && { 'last-event-id': this.#last }),
      },
      signal,
    });
    if (response.status === 401) return this.#connection.renew();
    if (!response.ok || !response.body) return;
    this.#frames.noted('sse', 'open');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    }
  }

  /** @param {string} block */
  #take(block) {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => {
        const [name, ...value] = line.split(':');
        return [name, value.join(':').trimStart()];
      }),
    );
    if (fields.id !== undefined) this.#last = fields.id;
    if (fields.retry) this.#retryIn = Number(fields.retry);
    if (fields.data === undefined) return;
    const data = JSON.parse(fields.data);
    this.#frames.received('sse', fields.event, [data]);
    this.#heard(fields.event, data);
  }
}
