// What this tab had open, for when it is loaded again: it then comes back within the grace, and
// nobody hears that it was gone.

const KEPT = 'devices';

/** @import { Settings } from './pane.js' */

/**
 * Keeps what each device is, for this tab.
 * @param {Settings[]} devices
 */
export function keep(devices) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(devices));
  } catch {
    // It begins anew, then.
  }
}

/**
 * The devices there were, if any. A browser may keep nothing, or what another page of this address left.
 * @returns {Settings[] | undefined}
 */
export function kept() {
  try {
    const devices = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]').filter((/** @type {any} */ device) => device?.user);
    return devices.length > 0 ? devices : undefined;
  } catch {
    return undefined;
  }
}
