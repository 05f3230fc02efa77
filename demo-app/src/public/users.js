// Users, as the page draws them: each has a colour, the same on all of its devices.

const HUES = [275, 180, 25, 325, 235, 65, 150, 0];

/** Gives an element the colour of a user. */
export function paint(element, id) {
  const known = Number.isSafeInteger(id) && id > 0;
  element.style.setProperty('--hue', HUES[known ? (id - 1) % HUES.length : 0]);
  element.toggleAttribute('data-nobody', !known);
}

/** Draws a user's avatar. */
export function portray(avatar, id) {
  paint(avatar, id);
  const name = Number.isSafeInteger(id) ? String(id) : '';
  avatar.textContent = name.length > 4 ? `…${name.slice(-3)}` : name;
  avatar.dataset.length = Math.min(name.length, 4);
}

export function avatarOf(id) {
  const avatar = document.createElement('span');
  avatar.className = 'avatar hued';
  portray(avatar, id);
  return avatar;
}
