// Members of one cluster, of our make and of Node's, which can all be asked to do the same.

import { after } from 'node:test';

import { answer, ask, collect, connect } from './client.mjs';
import { nodeMember } from './node-member.mjs';
import { startRedis } from './redis.mjs';
import { older, start } from './server.mjs';
import { token } from './token.mjs';
import { eventually } from './wait.mjs';

const SECRET = 'fixture';
export const ACK_TIMEOUT = 500;

const byText = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
const sorted = (list) => list.toSorted(byText);

// What lasts for all tests of a file or a `describe`, and has an `after` like a test.
export function lasting() {
  const ends = [];
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });
  return { after: (end) => ends.push(end) };
}

export async function clustered(url) {
  await eventually(
    async () => (await fetch(`${url}/readyz`)).json(),
    ({ status, checks }) => status === 'ready' && checks.cluster === 'up',
    'the instance to be in the cluster',
  );
}

// A process of ours. What it is to do, a client of its own asks it for.
export class Ours {
  kind = 'ours';

  static async start(t, redis, env = {}, program = 'fixture') {
    const settings = { JWT_SECRET: SECRET, REDIS_URL: redis.url, ACK_TIMEOUT_MS: `${ACK_TIMEOUT}`, ...env };
    const ours = new Ours();
    ours.process = await start(program, { env: settings });
    ours.url = ours.process.url;
    t.after(() => ours.process.ended || ours.process.stop());
    await clustered(ours.url);
    ours.control = await ours.client(t, 1_000_000 + ours.process.child.pid);
    return ours;
  }

  client(t, user, options) {
    return connect(t, `${this.url}/cluster`, { auth: { token: token(user, SECRET, { role: 'tester' }) }, ...options });
  }

  emit = (whom, event, payload) => ask(this.control, 'emit', whom, event, payload);

  async question(whom, payload) {
    const all = await answer(this.control, 'ask', whom, payload);
    const answers = all.answers.map(([, value]) => value).concat(all.others);
    return { answers: sorted(answers), missing: all.missing.length + all.othersMissing, unanswered: all.unanswered };
  }

  fetch = (whom) => answer(this.control, 'fetch', whom);
  join = (whom, rooms) => this.#done('sockets-join', whom, rooms);
  leave = (whom, rooms) => this.#done('sockets-leave', whom, rooms);
  dismiss = (rooms) => this.#done('dismiss', rooms);
  tell = (news) => ask(this.control, 'tell-servers', news);
  news = () => answer(this.control, 'news');
  askServers = (question) => answer(this.control, 'ask-servers', question);

  async #done(...order) {
    const [failed] = await ask(this.control, ...order);
    if (failed) throw new Error(JSON.stringify(failed));
  }
}

// One of ours that has yet to be replaced by a newer version.
export class Older extends Ours {
  static start(t, redis) {
    return super.start(t, redis, {}, older('fixture'));
  }
}

// A process of Node's. What it is to do, the test calls.
export class Nodes {
  kind = 'node';
  #news = [];

  static async start(t, redis) {
    const nodes = new Nodes();
    const member = await nodeMember(t, redis);
    Object.assign(nodes, member);
    member.server.on('news', (told) => nodes.#news.push(told));
    member.server.on('question', (question, reply) => question === 'silence' || reply({ node: question }));
    return nodes;
  }

  client(t, user, options) {
    return connect(t, `${this.url}/cluster`, { auth: { data: { sub: user, role: 'tester' } }, ...options });
  }

  #those({ to = [], except = [], local = false }) {
    const everyone = local ? this.server.local : this.server;
    return everyone.to(to).except(except);
  }

  emit = async (whom, event, payload) => this.#those(whom).emit(event, payload);

  question(whom, payload) {
    return new Promise((resolve) => {
      this.#those(whom).timeout(ACK_TIMEOUT).emit('question', payload, (error, answers) => {
        // It says that some are missing, and not how many.
        resolve({ answers: sorted(answers), missing: error ? 1 : 0, unanswered: [] });
      });
    });
  }

  async fetch(whom) {
    const found = await this.#those(whom).fetchSockets();
    return found.map(({ id, rooms, data }) => ({ id, user: data, rooms: [...rooms].filter((room) => room !== id).toSorted() }));
  }

  join = async (whom, rooms) => this.#those(whom).socketsJoin(rooms);
  leave = async (whom, rooms) => this.#those(whom).socketsLeave(rooms);

  async dismiss(rooms) {
    for (let number = 1; number <= 100; number += 1) this.server.to(rooms).emit('number', number);
    this.server.in(rooms).disconnectSockets();
  }

  tell = async (news) => this.server.serverSideEmit('news', news);
  news = async () => this.#news;

  askServers(question) {
    return new Promise((resolve) => {
      this.server.serverSideEmit('question', question, (error, answers) => {
        resolve({ answers, unanswered: error ? [error.message] : [] });
      });
    });
  }
}

// A cluster with members of these makes, for all tests of the file. `members` is filled when they are there.
export async function cluster(t, kinds, redisOptions) {
  const redis = await startRedis(t, redisOptions);
  const members = [];
  for (const Kind of kinds) members.push(await Kind.start(t, redis));
  return { redis, members };
}

let rooms = 0;

// A room that no other test has heard of.
export function room() {
  rooms += 1;
  return `room ${process.pid} ${rooms}`;
}

// A client of that member in those rooms, and all that it hears of some events.
let users = 0;
export async function member(t, side, rooms = [], { events = ['news', 'end'], ...options } = {}) {
  users += 1;
  const socket = await side.client(t, users, options);
  if (rooms.length > 0) await ask(socket, 'join', rooms);
  const heard = Object.fromEntries(events.map((event) => [event, collect(socket, event)]));
  return { socket, id: socket.id, user: users, heard };
}

// All that was said before, these clients have heard or will not: `side` says it to each of them by its id.
export async function settled(side, ...clients) {
  const mark = `end ${room()}`;
  for (const { id } of clients) await side.emit({ to: [id] }, 'end', mark);
  for (const { heard, id } of clients) await eventually(() => heard.end, (ends) => ends.includes(mark), `the end at ${id}`);
}
