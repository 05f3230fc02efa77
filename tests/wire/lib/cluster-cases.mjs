// What one member of a cluster does, and the clients and servers of another notice. The same for every pair of makes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { left } from './client.mjs';
import { member, room, settled } from './cluster.mjs';
import { eventually } from './wait.mjs';

const ids = (clients) => clients.map(({ id }) => id).toSorted();

// `sides()`: who does it, and who is watched; `members()`: all there are.
export function cases(sides, members = sides) {
  // A client at each of them, in those rooms.
  const both = async (t, roomsHere, roomsThere = roomsHere) => {
    const [does, other] = sides();
    return [does, other, await member(t, does, roomsHere), await member(t, other, roomsThere)];
  };

  test('everybody hears what is said to everybody', async (t) => {
    const [does, , here, there] = await both(t, []);
    await does.emit({}, 'news', 'to all');
    await settled(does, here, there);
    assert.deepEqual([here.heard.news, there.heard.news], [['to all'], ['to all']]);
  });

  test('a room hears what is said to it, and nobody else does', async (t) => {
    const lobby = room();
    const [does, other, here, there] = await both(t, [lobby]);
    const outside = await member(t, other, [room()]);
    await does.emit({ to: [lobby] }, 'news', 1);
    await settled(does, here, there, outside);
    assert.deepEqual([here.heard.news, there.heard.news, outside.heard.news], [[1], [1], []]);
  });

  test('who is in several of the rooms hears it once', async (t) => {
    const [a, b, c] = [room(), room(), room()];
    const [does, , here, there] = await both(t, [a, b, c]);
    await does.emit({ to: [a, b, c] }, 'news', 1);
    await settled(does, here, there);
    assert.deepEqual([here.heard.news, there.heard.news], [[1], [1]]);
  });

  test('a room or one client can be left out', async (t) => {
    const [lobby, quiet] = [room(), room()];
    const [does, other, here, there] = await both(t, [lobby]);
    const silent = await member(t, other, [lobby, quiet]);
    await does.emit({ to: [lobby], except: [quiet] }, 'news', 1);
    await does.emit({ to: [lobby], except: [there.id] }, 'news', 2);
    await settled(does, here, there, silent);
    assert.deepEqual([here.heard.news, there.heard.news, silent.heard.news], [[1, 2], [1], [2]]);
  });

  test('what is local stays there', async (t) => {
    const lobby = room();
    const [does, , here, there] = await both(t, [lobby]);
    await does.emit({ to: [lobby], local: true }, 'news', 1);
    await settled(does, here, there);
    assert.deepEqual([here.heard.news, there.heard.news], [[1], []]);
  });

  test('one client is reached by its id, wherever it is', async (t) => {
    const [does, , here, there] = await both(t, []);
    await does.emit({ to: [there.id] }, 'news', 'there');
    await does.emit({ to: [here.id] }, 'news', 'here');
    await settled(does, here, there);
    assert.deepEqual([here.heard.news, there.heard.news], [['here'], ['there']]);
  });

  test('binary values arrive as such, in their places', async (t) => {
    const lobby = room();
    const [does, , here, there] = await both(t, [lobby]);
    const [one, two] = [Buffer.from([0, 1, 254, 255]), Buffer.alloc(70_000, 7)];
    await does.emit({ to: [lobby] }, 'news', { one, list: [1, two], text: '房间 “\u2028”' });
    await settled(does, here, there);
    for (const { heard } of [here, there]) {
      assert.equal(heard.news.length, 1);
      const [{ one: first, list, text }] = heard.news;
      assert.deepEqual([Buffer.from(first), list[0], Buffer.from(list[1]), text], [one, 1, two, '房间 “\u2028”']);
    }
  });

  test('events keep their order, and each arrives once', async (t) => {
    const lobby = room();
    const [does, , here, there] = await both(t, [lobby]);
    const count = 500;
    await Promise.all(Array.from({ length: count }, (_, number) => does.emit({ to: [lobby] }, 'news', number)));
    await settled(does, here, there);
    const expected = Array.from({ length: count }, (_, number) => number);
    assert.deepEqual([here.heard.news, there.heard.news], [expected, expected]);
  });

  test('all are asked, and their answers come together', async (t) => {
    const lobby = room();
    const [does, other, here, there] = await both(t, [lobby]);
    const third = await member(t, other, [lobby]);
    here.socket.on('question', (question, reply) => reply(`here ${question}`));
    there.socket.on('question', (question, reply) => reply(`there ${question}`));
    third.socket.on('question', (question, reply) => reply({ third: question }));
    const { answers, missing, unanswered } = await does.question({ to: [lobby] }, 7);
    assert.deepEqual([answers, missing, unanswered], [['here 7', 'there 7', { third: 7 }], 0, []]);
  });

  test('nobody there to ask is no answers', async () => {
    const [does] = sides();
    assert.deepEqual(await does.question({ to: [room()] }, 7), { answers: [], missing: 0, unanswered: [] });
  });

  test('who does not answer is missing, beside the answers of the others', async (t) => {
    const lobby = room();
    const [does, other, here] = await both(t, [lobby]);
    const third = await member(t, other, [lobby]);
    here.socket.on('question', (question, reply) => reply('here'));
    third.socket.on('question', (question, reply) => reply('third'));
    const { answers, missing } = await does.question({ to: [lobby] }, 7);
    assert.deepEqual([answers, missing], [['here', 'third'], 1]);
  });

  test('one client elsewhere is asked by its id', async (t) => {
    const [does, , , there] = await both(t, []);
    there.socket.on('question', (question, reply) => reply(question * 2));
    assert.deepEqual((await does.question({ to: [there.id] }, 21)).answers, [42]);
  });

  test('clients are found with who they are and their rooms', async (t) => {
    const [lobby, attic] = [room(), room()];
    const [does, , here, there] = await both(t, [lobby], [lobby, attic]);
    const found = await does.fetch({ to: [lobby] });
    const of = ({ id }) => found.find((one) => one.id === id);
    assert.equal(found.length, 2);
    assert.deepEqual(of(here).rooms, [lobby]);
    assert.deepEqual(of(there).rooms, [lobby, attic].toSorted());
    for (const client of [here, there]) {
      assert.deepEqual([of(client).user.sub, of(client).user.role], [client.user, 'tester']);
    }
    assert.deepEqual(ids(await does.fetch({ to: [there.id] })), [there.id]);
    assert.deepEqual(ids(await does.fetch({ to: [lobby], except: [attic] })), [here.id]);
    assert.deepEqual(ids(await does.fetch({ to: [lobby], local: true })), [here.id]);
    assert.deepEqual(await does.fetch({ to: [room()] }), []);
  });

  test('clients are made to join and to leave rooms', async (t) => {
    const [lobby, attic, cellar] = [room(), room(), room()];
    const [does, other, here, there] = await both(t, [lobby]);
    const outside = await member(t, other);
    await does.join({ to: [lobby] }, [attic, cellar]);
    await does.emit({ to: [attic, cellar] }, 'news', 'joined');
    await does.leave({ to: [lobby], except: [here.id] }, [attic]);
    await does.leave({ to: [there.id] }, [cellar]);
    await does.emit({ to: [attic, cellar] }, 'news', 'left');
    await settled(does, here, there, outside);
    assert.deepEqual([here.heard.news, there.heard.news, outside.heard.news], [['joined', 'left'], ['joined'], []]);
  });

  test('what was said before clients are disconnected arrives before', async (t) => {
    const lobby = room();
    const [does, other] = sides();
    const there = await member(t, other, [lobby], { events: ['number'] });
    const stays = await member(t, other);
    const gone = left(there.socket);
    await does.dismiss([lobby]);
    assert.equal(await gone, 'io server disconnect');
    assert.deepEqual(there.heard.number, Array.from({ length: 100 }, (_, number) => number + 1));
    assert.ok(stays.socket.connected);
    assert.deepEqual(await does.fetch({ to: [lobby] }), []);
  });

  test('servers are told', async () => {
    const [does, other] = sides();
    const news = { told: room() };
    await does.tell(news);
    const heard = (told) => told.filter((one) => one?.told === news.told);
    assert.deepEqual(heard(await eventually(() => other.news(), (told) => heard(told).length > 0, 'the news')), [news]);
  });

  test('servers are asked, and answer', async () => {
    const [does] = sides();
    const question = room();
    const { answers, unanswered } = await does.askServers(question);
    // Ours ask themselves, too.
    const asked = members().filter((one) => one !== does || one.kind === 'ours');
    const expected = asked.map(({ kind }) => ({ [kind]: question }));
    const byText = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    assert.deepEqual([answers.toSorted(byText), unanswered], [expected.toSorted(byText), []]);
  });

  test('a server that does not answer is missing', async () => {
    const [does, other] = sides();
    const { answers, unanswered } = await does.askServers('silence');
    if (does.kind === 'node' && other.kind === 'ours') {
      // Node would have no answers at all: so ours say in the end that they have nothing to say.
      assert.deepEqual([answers, unanswered], [[null], []]);
    } else {
      assert.deepEqual(answers, []);
      assert.ok(unanswered.length > 0, 'somebody is named');
    }
  });
}
