// What only the inside of the fixture knows.

import { answer, connect } from './client.mjs';
import { eventually } from './wait.mjs';

export async function probe(t, url) {
  const socket = await connect(t, `${url}/probe`);
  const journal = (label) => answer(socket, 'journal', label);
  const held = (namespace) => answer(socket, 'held', namespace);
  return {
    journal,
    held,
    // The journal, once it holds what is waited for.
    until: (label, holds, what) => eventually(() => journal(label), holds, what ?? 'the journal'),
    // Nothing is left of anybody who was in that namespace.
    empty: (namespace) =>
      eventually(
        () => held(namespace),
        ({ rooms, sockets, count }) => rooms.length === 0 && sockets === 0 && count === 0,
        `${namespace} to be empty`,
      ),
  };
}

export const goneIn = (journal) => journal.filter((entry) => entry?.gone !== undefined);
