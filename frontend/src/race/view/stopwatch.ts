/** The round's clock between two messages of the server: it runs while somebody mines. */

import { useRef } from "preact/hooks";
import { useRedraw } from "../../design/now.ts";
import type { Job } from "../state.ts";

export interface Stopwatch {
  /** Seconds of mining by now; `running` holds from now on. */
  follow(job: Job | null, running: boolean, now: number): number;
}

export function createStopwatch(): Stopwatch {
  let followed: Job | null = null;
  let seconds = 0;
  let ran = false;
  let before = 0;
  return {
    follow(job, running, now) {
      if (job !== followed) {
        followed = job;
        seconds = job === null ? 0 : job.miningTime + (running ? (now - job.toldAt) / 1000 : 0);
      } else if (ran) {
        seconds += (now - before) / 1000;
      }
      ran = running && job !== null;
      before = now;
      return job === null ? 0 : Math.min(Math.max(0, seconds), job.targetTimeout);
    },
  };
}

/** Draws the component again whenever the next second is full. */
export function useMiningTime(job: Job | null, running: boolean): number {
  const watch = useRef<Stopwatch | null>(null);
  watch.current ??= createStopwatch();
  const seconds = watch.current.follow(job, running, performance.now());
  // A little late rather than a little early, which would show the same second twice.
  useRedraw(running && job !== null ? 1010 - (seconds % 1) * 1000 : null);
  return seconds;
}
