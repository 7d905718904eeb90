/** What the page and a mining worker say to each other. */

export type Algorithm = "argon2d" | "argon2id";

/** "simd" is our own kernel, "fallback" is hash-wasm, for browsers without WebAssembly SIMD. */
export type KernelKind = "simd" | "fallback";

export interface Argon2Params {
  readonly algorithm: Algorithm;
  readonly timeCost: number;
  /** KiB. */
  readonly memoryCost: number;
  readonly parallelism: number;
}

/** Search from `start` in steps of `stride` until a hash is below `target`. It replaces any job before it. */
export interface JobMessage extends Argon2Params {
  readonly type: "job";
  /** Comes back with every answer, so that answers about a dead puzzle can be told from the others. */
  readonly generation: number;
  readonly seed: string;
  readonly visitorId: string;
  /** The exact text of the trace. */
  readonly traceData: string;
  /** 64 hex digits. */
  readonly target: string;
  readonly start: number;
  readonly stride: number;
  /** Milliseconds to rest after every slice of work; without it, or with 0, at full speed. */
  readonly pauseMs?: number;
}

export type ToWorker =
  /** Choose and test a kernel; answered by `ready`, or by `failed` with "webassembly". */
  | { readonly type: "init" }
  | JobMessage
  | { readonly type: "stop" }
  /** Take the memory that one such hash needs; answered by `reserved`, or by `failed` with "memory". */
  | { readonly type: "reserve"; readonly memoryCost: number };

export type Failure =
  /** The browser refused the memory that the puzzle needs. */
  | "memory"
  /** No kernel works here. */
  | "webassembly"
  /** The next nonce would be above 2^53 - 1. */
  | "nonces"
  /** The kernel or the job is broken; `detail` says how. */
  | "broken";

export type FromWorker =
  | { readonly type: "ready"; readonly kernel: KernelKind }
  | { readonly type: "reserved"; readonly memoryCost: number }
  /** The worker then waits for the next job. `hash` is 64 hex digits, here and below. */
  | { readonly type: "found"; readonly generation: number; readonly nonce: number; readonly hash: string }
  /** The lowest hash of this job so far, the winning one included. `bits` are its leading zeros. */
  | {
      readonly type: "best";
      readonly generation: number;
      readonly bits: number;
      readonly nonce: number;
      readonly hash: string;
    }
  /** So many hashes of this job since the last of these, in `since` milliseconds. The rest comes when the job ends. */
  | {
      readonly type: "progress";
      readonly generation: number;
      readonly hashes: number;
      readonly since: number;
    }
  /** Generation is null where no job was at fault. The worker then waits. */
  | {
      readonly type: "failed";
      readonly generation: number | null;
      readonly reason: Failure;
      readonly detail: string;
    };
