/** Hashes a second, smoothed, and the curve of the last five minutes. */

import type { Sample } from "./state.ts";

const WINDOW = 10_000;
const CURVE = 300;

export interface Meter {
  add(hashes: number, now: number): void;
  rate(now: number): number;
  reset(now: number): void;
}

export function createMeter(): Meter {
  let since = 0;
  let bursts: { readonly at: number; readonly hashes: number }[] = [];
  return {
    add(hashes, now) {
      bursts.push({ at: now, hashes });
    },
    rate(now) {
      bursts = bursts.filter((burst) => burst.at > now - WINDOW);
      const hashes = bursts.reduce((sum, burst) => sum + burst.hashes, 0);
      return hashes / (Math.max(1000, Math.min(WINDOW, now - since)) / 1000);
    },
    reset(now) {
      since = now;
      bursts = [];
    },
  };
}

/** The curve with one more sample, at most one a second. */
export function addSample(curve: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = curve.at(-1);
  // A timer that comes a little early must not cost every other sample.
  if (last && sample.at - last.at < 0.9) return curve;
  return [...curve.filter((old) => old.at > sample.at - CURVE), sample];
}
