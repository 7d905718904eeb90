/** Argon2 by hash-wasm, which needs no SIMD: for browsers that cannot run our kernel. A hash cannot be sliced. */

import { argon2d, argon2id } from "hash-wasm";
import type { Hasher } from "./hasher.ts";
import { check, pagesFor } from "./kernel.ts";
import type { Argon2Params } from "./messages.ts";

const HASH_LENGTH = 32;

export function createFallback(): Hasher {
  let params: Argon2Params | null = null;
  let salt = new Uint8Array();
  let password = new Uint8Array();

  return {
    kind: "fallback",
    reserve,
    prepare(next, nextSalt) {
      check(next);
      params = next;
      salt = nextSalt.slice();
      return reserve(next.memoryCost);
    },
    begin(next) {
      password = next.slice();
    },
    step() {
      if (params === null) throw new Error("step before prepare");
      const { algorithm, timeCost: iterations, memoryCost: memorySize, parallelism } = params;
      const compute = algorithm === "argon2id" ? argon2id : argon2d;
      const common = { password, salt, iterations, memorySize, parallelism };
      return compute({ ...common, hashLength: HASH_LENGTH, outputType: "binary" });
    },
  };
}

/** hash-wasm takes memory anew for each hash and crashes where it gets none, so we ask in its place. */
function reserve(memoryCost: number): boolean {
  try {
    return new WebAssembly.Memory({ initial: pagesFor(memoryCost) }).buffer.byteLength > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
