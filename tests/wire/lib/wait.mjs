// Waiting with an end: nothing here measures time, it only keeps a failing test from hanging.

import { setTimeout as sleep } from 'node:timers/promises';

export const PATIENCE = 60_000;

export async function within(promise, what, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms for ${what}`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Asks again and again until `holds` says yes, and answers with what was asked last.
export async function eventually(ask, holds, what, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > end) {
      throw new Error(`waited ${patience} ms for ${what}; last seen: ${JSON.stringify(answer)}`);
    }
    await sleep(20);
  }
}

export { sleep };
