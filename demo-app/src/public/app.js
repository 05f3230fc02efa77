// Devices side by side; on a phone, one at a time.

/** @import { Settings } from './pane.js' */

import { keep, kept } from './kept.js';
import { Pane } from './pane.js';
import { say, speak, translate } from './texts.js';
import { avatarOf } from './users.js';

const ROOM = 'room-1';

const stage = document.querySelector('[data-testid="panes"]');
const tabs = document.querySelector('[data-testid="devices"]');
const start = document.querySelector('[data-testid="start-both"]');
/** @type {Pane[]} */
const panes = [];
let made = 0;
/** Whether all devices that were kept are where they were. */
let settled = false;

/** @param {Settings} settings */
function add(settings) {
  made += 1;
  const pane = new Pane(made, settings, { changed: show, closed: remove });
  panes.push(pane);
  stage.querySelector('.nobody')?.remove();
  stage.append(pane.element);
  visible.observe(pane.element);
  translate(pane.element);
  show();
  return pane;
}

/** One more device of the first user, in the same rooms: what happens to one happens to the other. */
async function addDevice() {
  const settings = panes[0]?.settings ?? { user: 1 };
  const pane = add(settings);
  pane.element.scrollIntoView({ behavior: 'smooth', inline: 'start', block: 'nearest' });
  await enter(pane, settings);
}

/**
 * Lets a device in, where it was.
 * @param {Pane} pane
 * @param {Pick<Settings, 'rooms'>} settings
 */
async function enter(pane, { rooms }) {
  if (!rooms) return;
  await pane.login();
  for (const room of rooms) await pane.join(room);
}

/** @param {Pane} pane */
function remove(pane) {
  const place = panes.indexOf(pane);
  panes.splice(place, 1);
  panes[Math.max(place - 1, 0)]?.focus();
  if (panes.length === 0) {
    stage.append(document.getElementById('nobody').content.cloneNode(true));
    const first = stage.querySelector('[data-testid="add-first"]');
    first.addEventListener('click', addDevice);
    translate(stage);
    first.focus();
  }
  show();
}

/** What stands above the panes: a tab for each, and a start as long as one has not been made. */
function show() {
  if (settled) keep(panes.map(({ settings }) => settings));
  start.hidden = panes.length === 0 || panes.every((pane) => pane.loggedIn);
  const focused = [...tabs.children].indexOf(document.activeElement);
  tabs.replaceChildren(...panes.map((pane) => {
    const tab = document.createElement('a');
    tab.href = `#${pane.element.id}`;
    const name = document.createElement('span');
    if (pane.loggedIn) say(name, 'user', { id: pane.user });
    else say(name, 'nobody');
    tab.append(avatarOf(pane.user), name);
    if (pane.element.hasAttribute('data-visible')) tab.setAttribute('aria-current', 'true');
    return tab;
  }));
  tabs.children[focused]?.focus();
}

const visible = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) target.toggleAttribute('data-visible', isIntersecting);
  show();
}, { root: stage, threshold: 0.6 });

const devices = kept() ?? [{ user: 1 }, { user: 2 }];
Promise.allSettled(devices.map((settings) => enter(add(settings), settings))).then(() => {
  settled = true;
  show();
});
start.addEventListener('click', () => {
  for (const pane of panes) enter(pane, { rooms: [ROOM] });
});
document.querySelector('[data-testid="add-device"]').addEventListener('click', addDevice);
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => speak(button.dataset.language === 'en' ? 'en' : 'zh'));
}
