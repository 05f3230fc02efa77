// Two devices side by side.

import { Pane } from './pane.js';
import { speak, translate } from './texts.js';

const ROOM = 'room-1';

const panes = [1, 2].map((number) => new Pane(number, number, ROOM));
document.querySelector('[data-testid="panes"]').append(...panes.map((pane) => pane.element));
translate(document);

document.querySelector('[data-testid="start-both"]').addEventListener('click', () => {
  for (const pane of panes) pane.login().then(() => pane.join());
});
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => speak(button.dataset.language));
}
