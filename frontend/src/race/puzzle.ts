/** Reads the server's puzzle, whether it was fetched or pushed, and counts bits. */

import type { Algorithm, Job } from "./state.ts";

const HEX_64 = /^[0-9a-f]{64}$/;
/** The server's own default. */
const TARGET_TIMEOUT = 300;
const ALGORITHMS: readonly unknown[] = ["argon2d", "argon2id"] satisfies readonly Algorithm[];

/** The job in the body of `/api/puzzle` or a `PUZZLE_RESET`; null if it is none that this page can work on. */
export function readJob(body: Readonly<Record<string, unknown>>, toldAt: number): Job | null {
  const { seed, target, algorithm } = body;
  if (typeof seed !== "string" || !HEX_64.test(seed)) return null;
  if (typeof target !== "string" || !HEX_64.test(target)) return null;
  if (!ALGORITHMS.includes(algorithm)) return null;
  const memoryCost = whole(body.memory_cost);
  const timeCost = whole(body.time_cost);
  const parallelism = whole(body.parallelism);
  const round = whole(body.round);
  if (!memoryCost || !timeCost || !parallelism || round === null) return null;
  return {
    round,
    seed,
    commitment: hash(body.commitment),
    secret: hash(body.secret),
    proof: hash(body.proof),
    difficulty: whole(body.difficulty) ?? leadingZeroBits(target) + 1,
    target,
    algorithm: algorithm as Algorithm,
    memoryCost,
    timeCost,
    parallelism,
    workerCount: Math.max(1, whole(body.worker_count) ?? 1),
    miningTime: seconds(body.mining_time) ?? 0,
    toldAt,
    targetTimeout: seconds(body.target_timeout) ?? TARGET_TIMEOUT,
    lastSolveTime: seconds(body.last_solve_time),
    averageSolveTime: seconds(body.average_solve_time),
  };
}

/** How many zero bits a hexadecimal number begins with. */
export function leadingZeroBits(hex: string): number {
  const first = hex.search(/[^0]/);
  if (first < 0) return 4 * hex.length;
  return 4 * first + Math.clz32(Number.parseInt(hex.charAt(first), 16)) - 28;
}

export function seconds(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

function hash(value: unknown): string | null {
  return typeof value === "string" && HEX_64.test(value) ? value : null;
}

function whole(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
