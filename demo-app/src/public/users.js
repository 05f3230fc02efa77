// Users, as the page draws them: each has a colour, the same on all of its devices.

const HUES = [275, 180, 25, 325, 235, 65, 150, 0];

/** @import { Chat } from '../../contract/events' */

/**
 * Gives an element the colour of a user.
 * @param {HTMLElement} element
 * @param {Chat.UserId} id
 */
export function paint(element, id) {
  const known = Number.isSafeInteger(id) && id > 0;
  element.style.setProperty('--hue', String(HUES[known ? (id - 1) % HUES.length : 0]));
  element.toggleAttribute('data-nobody', !known);
}

/**
 * Draws a user's avatar.
 * @param {HTMLElement} avatar
 * @param {Chat.UserId} id
 */
export function portray(avatar, id) {
  paint(avatar, id);
  const name = Number.isSafeInteger(id) ? String(id) : '';
  avatar.textContent = name.length > 4 ? `…${name.slice(-3)}` : name;
  avatar.dataset.length = String(Math.min(name.length, 4));
}

/** @param {Chat.UserId} id */
export function avatarOf(id) {
  const avatar = document.createElement('span');
  avatar.className = 'avatar hued';
  portray(avatar, id);
  return avatar;
}
