// The official client, with everything it does awaited and ended.

import assert from 'node:assert/strict';
import { io } from 'socket.io-client';

/** @import { Socket } from 'socket.io-client' */

import { eventually, PATIENCE, within } from './wait.mjs';

const OPTIONS = {
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
  // Begins by polling and upgrades: what the client does where nothing else is said.
  upgrade: { transports: ['polling', 'websocket'] },
};

export const TRANSPORTS = Object.keys(OPTIONS);

let labels = 0;

// A key for the journal of the fixture that no other test uses.
export function label() {
  labels += 1;
  return `label-${process.pid}-${labels}`;
}

/**
 * A client that is on its way; closed when the test ends. `prepare` has it before it connects, so
 * that it hears what comes first.
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {Record<string, any>} [options]
 */
export function open(t, url, { transport = 'websocket', prepare, ...options } = {}) {
  const socket = io(url, {
    forceNew: true,
    reconnection: false,
    autoConnect: !prepare,
    ...OPTIONS[transport],
    ...options,
  });
  t.after(() => socket.disconnect());
  if (prepare) {
    prepare(socket);
    socket.connect();
  }
  return socket;
}

export async function connected(socket) {
  if (socket.connected) return socket;
  await within(
    new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', (error) => reject(new Error(`refused: ${error.message}`)));
    }),
    'the connection',
  );
  return socket;
}

export async function upgraded(socket) {
  const { engine } = socket.io;
  await eventually(
    () => engine.transport.name,
    (name) => name === 'websocket' && !engine.upgrading,
    'the upgrade to websocket',
  );
}

/** @param {Record<string, any>} options */
export async function connect(t, url, options = {}) {
  const socket = await connected(open(t, url, options));
  if (options.transport === 'upgrade') await upgraded(socket);
  return socket;
}

/**
 * The message of the `connect_error` a connection is refused with.
 * @param {Record<string, any>} [options]
 */
export async function refusal(t, url, options) {
  const socket = open(t, url, options);
  return within(
    new Promise((resolve, reject) => {
      socket.once('connect', () => reject(new Error('let in')));
      socket.once('connect_error', (error) => resolve(error.message));
    }),
    'the refusal',
  );
}

/**
 * All arguments of the acknowledgement.
 * @template Listen, Emit
 * @param {Socket<Listen, Emit>} socket
 * @param {keyof Emit & string} event
 * @returns {Promise<any[]>}
 */
export function ask(socket, event, ...args) {
  return new Promise((resolve, reject) => {
    socket.timeout(PATIENCE).emit(event, ...args, (error, ...answer) => {
      if (error) reject(new Error(`no acknowledgement of ${event}: ${error.message}`));
      else resolve(answer);
    });
  });
}

/**
 * The one argument of the acknowledgement.
 * @template Listen, Emit
 * @param {Socket<Listen, Emit>} socket
 * @param {keyof Emit & string} event
 */
export async function answer(socket, event, ...args) {
  const all = await ask(socket, event, ...args);
  assert.equal(all.length, 1, `one argument in the acknowledgement of ${event}`);
  return all[0];
}

/**
 * All arguments of the next such event.
 * @template Listen, Emit
 * @param {Socket<Listen, Emit>} socket
 * @param {keyof Listen & string} event
 * @returns {Promise<any[]>}
 */
export function next(socket, event) {
  return within(
    new Promise((resolve) => socket.once(event, (...args) => resolve(args))),
    `the event ${event}`,
  );
}

/**
 * Every such event from now on: its only argument, or all of them in an array.
 * @template Listen, Emit
 * @param {Socket<Listen, Emit>} socket
 * @param {keyof Listen & string} event
 * @returns {any[]}
 */
export function collect(socket, event) {
  const seen = [];
  socket.on(event, (...args) => seen.push(args.length === 1 ? args[0] : args));
  return seen;
}

export function left(socket) {
  return within(new Promise((resolve) => socket.once('disconnect', resolve)), 'the disconnect');
}

// Every packet of the engine from now on, as text: nothing a handler could miss.
export function frames(socket) {
  const seen = [];
  socket.io.engine.on('packet', (packet) => seen.push(String(packet.data ?? '')));
  return seen;
}

// The transport is cut, without a word to the server.
export function cut(socket) {
  socket.io.engine.transport.ws.terminate();
}

// Stops and resumes reading: the client is well, but does not take what it is sent.
export function pause(t, socket) {
  const { ws } = socket.io.engine.transport;
  ws._socket.pause();
  // Otherwise the client would wait for an answer to its close that it cannot read.
  t.after(() => ws.terminate());
}

export function resume(socket) {
  socket.io.engine.transport.ws._socket.resume();
}

// Sends what must fail, with and without asking for an acknowledgement, and checks that the
// event and the acknowledgement are one object. Answers with it, and with the event of the second
// time as `unasked`.
export const failure = (socket, event, ...args) => failureAs('exception', socket, event, ...args);

export async function failureAs(name, socket, event, ...args) {
  const error = await failureOnce(name, socket, event, ...args);
  const again = next(socket, name);
  socket.emit(event, ...args);
  const [unasked] = await again;
  return { ...error, unasked };
}

// The same, only asking for an acknowledgement.
export async function failureOnce(name, socket, event, ...args) {
  const told = next(socket, name);
  const acknowledged = await answer(socket, event, ...args);
  const [error, ...more] = await told;
  assert.deepEqual(more, []);
  assert.deepEqual(acknowledged, error, 'the acknowledgement is the object of the event');
  return error;
}
