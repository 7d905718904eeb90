import wasmUrl from "../kernel/generated/argon2.wasm?url";
import { createFallback } from "../src/miner/fallback.ts";
import type { Hasher } from "../src/miner/hasher.ts";
import { createKernel } from "../src/miner/kernel.ts";
import type { Argon2Params } from "../src/miner/messages.ts";
import { hex } from "../src/miner/search.ts";

export interface Request {
  readonly who: "kernel" | "hash-wasm";
  readonly hashes: number;
  readonly salt: string;
  readonly params: Argon2Params;
}

export interface Timing {
  /** Milliseconds of each hash. */
  readonly times: number[];
  readonly last: string;
}

const ALL = 2 ** 31;

const encoder = new TextEncoder();
const hashers = new Map<Request["who"], Hasher>();

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  const hasher = hashers.get(data.who) ?? (await make(data.who));
  hashers.set(data.who, hasher);
  if (!hasher.prepare(data.params, encoder.encode(data.salt))) throw new Error("no memory");
  const times: number[] = [];
  let last = "";
  for (let nonce = 0; nonce < data.hashes; nonce++) {
    const started = performance.now();
    hasher.begin(encoder.encode(String(nonce)));
    const hash = await hasher.step(ALL);
    times.push(performance.now() - started);
    if (hash === null) throw new Error("unfinished");
    last = hex(hash);
  }
  self.postMessage({ times, last } satisfies Timing);
};

async function make(who: Request["who"]): Promise<Hasher> {
  if (who === "hash-wasm") return createFallback();
  return createKernel(await WebAssembly.compileStreaming(fetch(wasmUrl)));
}
