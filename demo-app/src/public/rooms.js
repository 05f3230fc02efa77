// The rooms a device is in: a chip for each, and one of them in view.

import { icon, Room } from './room.js';
import { say, translate } from './texts.js';

const SUGGESTED = ['room-1', 'room-2'];

export class Rooms {
  /** The room in view. */
  current;
  #rooms = new Map();
  #chips;
  #stage;
  #me;
  #on;

  /** `on` has a function for each of `enter` and `leave` (of a room's id), and `turned`. */
  constructor(chips, stage, on) {
    this.#chips = chips;
    this.#stage = stage;
    this.#on = on;
    this.open();
  }

  /** Begins anew, for a user. */
  open(me) {
    this.#me = me;
    this.#rooms.clear();
    this.#chips.replaceChildren();
    this.#turn();
  }

  get all() {
    return [...this.#rooms.values()];
  }

  get(id) {
    return this.#rooms.get(id);
  }

  add(id) {
    const room = new Room(id, this.#me);
    this.#rooms.set(id, room);
    this.#chips.append(this.#chip(room));
    this.turnTo(id);
    return room;
  }

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

  turnTo(id) {
    this.#turn(this.#rooms.get(id));
  }

  /** A message came: in a room that is not in view it is unread. */
  heard(room) {
    if (room === this.current) return;
    room.unread += 1;
    this.#count(room);
  }

  /** Nothing is heard before the rooms are entered again. */
  outside() {
    for (const room of this.#rooms.values()) room.outside();
  }

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

  #chip(room) {
    const chip = document.createElement('li');
    chip.className = 'chip';
    chip.dataset.room = room.id;
    const name = document.createElement('button');
    name.type = 'button';
    name.dataset.testid = 'room';
    name.append(room.id, document.createElement('span'));
    name.lastElementChild.className = 'unread';
    name.lastElementChild.dataset.testid = 'unread';
    name.lastElementChild.hidden = true;
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

  #chipOf(room) {
    return [...this.#chips.children].find((chip) => chip.dataset.room === room.id);
  }

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
