/** Trying again: how long to wait, and for what it makes sense. */

import { type Answer, isAway, isBusy, type Refusal } from "./api.ts";
import type { Clock } from "./environment.ts";

const PAUSES = [1, 2, 4, 8, 15, 30];
/** Where a busy server does not say how long. */
const MOMENT = 250;

/** Milliseconds before the try after `failures` of them: growing, and up to half as long again at random, so that a
 * server that comes back is not met by everybody at once. */
export function pauseAfter(failures: number, random: () => number): number {
  const seconds = PAUSES[Math.min(Math.max(failures, 1), PAUSES.length) - 1] ?? 30;
  return seconds * 1000 * (1 + random() / 2);
}

export function sleep(clock: Pick<Clock, "after">, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(milliseconds, resolve));
}

/** Milliseconds until the same call makes sense again; null if it never will. */
export function waitFor(refusal: Refusal, failures: number, random: () => number): number | null {
  if (isBusy(refusal)) return refusal.retryAfter ?? MOMENT;
  return isAway(refusal) ? pauseAfter(failures, random) : null;
}

/** Calls until there is an answer that counts; null once nobody wants it any more. */
export async function persist<T>(
  call: () => Promise<Answer<T>>,
  wanted: () => boolean,
  clock: Pick<Clock, "after">,
  random: () => number,
): Promise<Answer<T> | null> {
  for (let failures = 1; wanted(); failures += 1) {
    const answer = await call();
    if (!wanted()) return null;
    if (answer.ok) return answer;
    const wait = waitFor(answer.refusal, failures, random);
    if (wait === null) return answer;
    await sleep(clock, wait);
  }
  return null;
}
