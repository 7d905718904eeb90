/** Lets `scripts/bench/browser_kernel.py` time hashes in workers: the miner's own, and one that only hashes. */

import type { Argon2Params, FromWorker, JobMessage, ToWorker } from "../src/miner/messages.ts";
import type { Request, Timing } from "./worker.ts";

declare global {
  interface Window {
    timeHashes(request: Request): Promise<Timing>;
    timeMiner(params: Argon2Params, hashes: number): Promise<number[]>;
    timeResets(params: Argon2Params, resets: number): Promise<number[]>;
  }
}

const NEVER = "0".repeat(64);
const ALWAYS = "f".repeat(64);
const SALT = { seed: "5".repeat(64), visitorId: "visitor", traceData: "ip=192.0.2.1\n".repeat(8) };

const hasher = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const miner = new Worker(new URL("../src/miner/worker.ts", import.meta.url), { type: "module" });

window.timeHashes = (request) =>
  new Promise((resolve, reject) => {
    hasher.onmessage = ({ data }: MessageEvent<Timing>) => resolve(data);
    hasher.onerror = (event) => reject(new Error(event.message));
    hasher.postMessage(request);
  });

/** Milliseconds a hash, as the miner reports them, over at least so many hashes. */
window.timeMiner = async (params, hashes) => {
  tell(job(0, params, NEVER));
  const spans: number[] = [];
  for (let done = 0; done < hashes; ) {
    const progress = await hear("progress");
    spans.push(progress.since / progress.hashes);
    done += progress.hashes;
  }
  tell({ type: "stop" });
  return spans;
};

/** Milliseconds from a new puzzle, of hardly any work, to its answer; the miner is busy with the old one. */
window.timeResets = async (params, resets) => {
  const easy: Argon2Params = { ...params, timeCost: 1, memoryCost: 8, parallelism: 1 };
  const spans: number[] = [];
  for (let i = 0; i < resets; i++) {
    tell(job(1, params, NEVER));
    await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 100));
    const told = performance.now();
    tell(job(2, easy, ALWAYS));
    await hear("found");
    spans.push(performance.now() - told);
  }
  return spans;
};

tell({ type: "init" });

function tell(message: ToWorker): void {
  miner.postMessage(message);
}

function hear<T extends FromWorker["type"]>(type: T): Promise<Extract<FromWorker, { type: T }>> {
  return new Promise((resolve, reject) => {
    miner.onerror = (event) => reject(new Error(event.message));
    miner.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === type) resolve(data as Extract<FromWorker, { type: T }>);
      if (data.type === "failed") reject(new Error(data.detail));
    };
  });
}

function job(generation: number, params: Argon2Params, target: string): JobMessage {
  return { type: "job", ...SALT, ...params, generation, target, start: 0, stride: 1 };
}
