/** The search for a nonce: one job at a time, in slices, between which the worker hears what is new. */

import type { Hasher } from "./hasher.ts";
import type { Failure, FromWorker, JobMessage } from "./messages.ts";

export const MAX_NONCE = Number.MAX_SAFE_INTEGER;

/** How long a slice should take. A new puzzle waits no longer than this. */
const SLICE_MS = 10;
const FIRST_BUDGET = 1024;
const LEAST_BUDGET = 128;
const MOST_BUDGET = 2 ** 20;
const PROGRESS_MS = 500;

export interface Surroundings {
  post(message: FromWorker): void;
  /** Milliseconds that never go back. */
  now(): number;
  /** Let waiting messages in, for at least so many milliseconds. */
  pause(milliseconds: number): Promise<void>;
}

export interface Search {
  /** Drop what is being searched, and search this. */
  begin(job: JobMessage): void;
  stop(): void;
}

export function createSearch(hasher: Hasher, { post, now, pause }: Surroundings): Search {
  let current: JobMessage | null = null;
  let isRunning = false;
  // What a slice holds is learnt over all jobs.
  let budget = FIRST_BUDGET;
  let lastPause = now();

  async function run(): Promise<void> {
    isRunning = true;
    while (current !== null) {
      const job: JobMessage = current;
      try {
        await work(job);
      } catch (error) {
        fail(job, "broken", error instanceof Error ? error.message : String(error));
      }
    }
    isRunning = false;
  }

  /** Until the job is done or no longer the current one. */
  async function work(job: JobMessage): Promise<void> {
    const salt = new TextEncoder().encode(job.seed + job.visitorId + job.traceData);
    if (!hasher.prepare(job, salt)) return fail(job, "memory", `no memory for ${job.memoryCost} KiB`);
    // Of numbers with as many digits, the lower one comes first in the dictionary, too.
    const target = job.target.toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(target)) return fail(job, "broken", `a target of ${target.length} digits`);
    let best = "g"; // behind every digit
    let hashes = 0;
    let since = now();
    const report = () => {
      post({ type: "progress", generation: job.generation, hashes, since: now() - since });
      hashes = 0;
      since = now();
    };
    for (let nonce = job.start; ; nonce += job.stride) {
      if (!(nonce <= MAX_NONCE)) {
        if (hashes > 0) report();
        return fail(job, "nonces", "there are no nonces left");
      }
      const digest = await compute(nonce, job);
      if (digest !== null) {
        // All of this is told even if the job has ended meanwhile: it may be taken up again from there.
        hashes += 1;
        const hash = hex(digest);
        if (hash < best) {
          best = hash;
          post({ type: "best", generation: job.generation, bits: leadingZeroBits(digest), nonce, hash });
        }
        if (hash < target) {
          report();
          post({ type: "found", generation: job.generation, nonce, hash });
          if (current === job) current = null;
          return;
        }
      }
      if (hashes > 0 && (current !== job || now() - since >= PROGRESS_MS)) report();
      if (current !== job) return;
    }
  }

  /** The hash, or null if the job ended first. */
  async function compute(nonce: number, job: JobMessage): Promise<Uint8Array | null> {
    hasher.begin(new TextEncoder().encode(String(nonce)));
    for (;;) {
      const started = now();
      const done = await hasher.step(budget);
      const ended = now();
      if (done === null) learn(ended - started);
      if (ended - lastPause >= SLICE_MS) {
        await pause(job.pauseMs ?? 0);
        lastPause = now();
      }
      if (done !== null || current !== job) return done;
    }
  }

  /** Half of what would fill a slice, so that two calls never overfill it by much. */
  function learn(took: number): void {
    const fitting = took > 0 ? (budget * SLICE_MS) / 2 / took : 2 * budget;
    budget = Math.round(Math.min(2 * budget, Math.max(LEAST_BUDGET, Math.min(MOST_BUDGET, fitting))));
  }

  function fail(job: JobMessage, reason: Failure, detail: string): void {
    if (current !== job) return;
    current = null;
    post({ type: "failed", generation: job.generation, reason, detail });
  }

  return {
    begin(job) {
      current = job;
      if (!isRunning) void run();
    },
    stop() {
      current = null;
    },
  };
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

export function leadingZeroBits(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  // Math.clz32 counts in 32 bits, a byte has 8.
  return first < 0 ? 8 * bytes.length : 8 * first + Math.clz32(bytes[first] as number) - 24;
}
