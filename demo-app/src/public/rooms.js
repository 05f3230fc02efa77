// The rooms a device is in: a chip for each, and one of them in view.

/** @import { Chat } from '../../contract/events' */

import { icon, Room } from './room.js';
import { say, translate } from './texts.js';

const SUGGESTED = ['room-1', 'room-2'];

export class Rooms {
  /**
   * The room in view.
   * @type {Room | undefined}
   */
  current;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  #chips;
  #stage;
  #me = NaN;
  #on;

  /**
   * @param {HTMLElement} chips
   * @param {HTMLElement} stage
   * @param {{ enter: (id: string) => void, leave: (id: string) => void, turned: () => void }} on
   */
  constructor(chips, stage, on) {
    this.#chips = chips;
    this.#stage = stage;
    this.#on = on;
    this.open();
  }

  /**
   * Begins anew, for a user or for nobody.
   * @param {Chat.UserId} me
   */
  open(me = NaN) {
    this.#me = me;
    this.#rooms.clear();
    this.#chips.replaceChildren();
    this.#turn();
  }

  get all() {
    return [...this.#rooms.values()];
  }

  /** @param {string} id */
  get(id) {
    return this.#rooms.get(id);
  }

  /** @param {string} id */
  add(id) {
    const room = new Room(id, this.#me);
    this.#rooms.set(id, room);
    this.#chips.append(this.#chip(room));
    this.turnTo(id);
    return room;
  }

  /** @param {string} id */
  remove(id) {
    const room = this.#rooms.get(id);
    if (!room) return;
    const chip = this.#chipOf(room);
    const hadFocus = chip.contains(document.activeElement);
    this.#rooms.delete(id);
    chip.remove();
    if (this.current === room) this.#turn(this.all.at(-1));
    else this.#on.turned();
    if (hadFocus) (this.#chips.querySelector('button') ?? this.#stage.querySelector('button')).focus();
  }

  /** @param {string} id */
  turnTo(id) {
    this.#turn(this.#rooms.get(id));
  }

  /**
   * A message came: in a room that is not in view it is unread.
   * @param {Room} room
   */
  heard(room) {
    if (room === this.current) return;
    room.unread += 1;
    this.#count(room);
  }

  /** Nothing is heard before the rooms are entered again. */
  outside() {
    for (const room of this.#rooms.values()) room.outside();
  }

  /** @param {Room} [room] */
  #turn(room) {
    this.current = room;
    for (const each of this.#rooms.values()) {
      const chosen = each === room;
      this.#chipOf(each).firstElementChild.setAttribute('aria-pressed', String(chosen));
    }
    const hadFocus = this.#stage.contains(document.activeElement);
    this.#stage.replaceChildren(room ? room.element : this.#nowhere());
    if (hadFocus) (room ? this.#chipOf(room) : this.#stage).querySelector('button').focus();
    translate(this.#stage);
    if (room) {
      room.shown();
      this.#count(room);
    }
    this.#on.turned();
  }

  /** @param {Room} room */
  #chip(room) {
    const chip = document.createElement('li');
    chip.className = 'chip';
    chip.dataset.room = room.id;
    const name = document.createElement('button');
    name.type = 'button';
    name.dataset.testid = 'room';
    const unread = document.createElement('span');
    unread.className = 'unread';
    unread.dataset.testid = 'unread';
    unread.hidden = true;
    name.append(room.id, unread);
    name.addEventListener('click', () => this.turnTo(room.id));
    const leave = document.createElement('button');
    leave.type = 'button';
    leave.dataset.testid = 'leave';
    leave.dataset.label = leave.dataset.title = 'leave';
    leave.dataset.values = JSON.stringify({ room: room.id });
    leave.append(icon('close'));
    leave.addEventListener('click', () => this.#on.leave(room.id));
    chip.append(name, leave);
    translate(chip);
    return chip;
  }

  /** @param {Room} room */
  #chipOf(room) {
    return this.#chips.querySelector(`[data-room="${CSS.escape(room.id)}"]`);
  }

  /** @param {Room} room */
  #count(room) {
    const unread = this.#chipOf(room).querySelector('.unread');
    unread.hidden = room.unread === 0;
    unread.textContent = room.unread;
  }

  #nowhere() {
    const nowhere = document.createElement('div');
    nowhere.className = 'empty';
    nowhere.dataset.testid = 'empty';
    const sentence = document.createElement('p');
    say(sentence, 'noRoom');
    const suggestions = document.createElement('p');
    suggestions.className = 'suggestions';
    for (const id of SUGGESTED) {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.testid = 'suggestion';
      button.textContent = id;
      button.addEventListener('click', () => this.#on.enter(id));
      suggestions.append(button);
    }
    nowhere.append(icon('talk'), sentence, suggestions);
    return nowhere;
  }
}
