/** Our Argon2 in WebAssembly, on memory that is kept from hash to hash. The algorithm is in `kernel/assembly`. */

import type { Hasher } from "./hasher.ts";
import type { Argon2Params } from "./messages.ts";

const PAGE = 65536;
const KIB = 1024;
const TAG_LENGTH = 32;

export interface Kernel extends Hasher {
  readonly kind: "simd";
  step(budget: number): Uint8Array | null;
  /** Bytes that the kernel keeps. */
  readonly held: number;
}

interface Exports {
  readonly BLOCKS: WebAssembly.Global<"i32">;
  readonly PASSWORD: WebAssembly.Global<"i32">;
  readonly PASSWORD_LIMIT: WebAssembly.Global<"i32">;
  readonly SALT: WebAssembly.Global<"i32">;
  readonly SALT_LIMIT: WebAssembly.Global<"i32">;
  readonly TAG: WebAssembly.Global<"i32">;
  prepare(isId: number, timeCost: number, memoryCost: number, parallelism: number, saltLength: number): void;
  begin(passwordLength: number): void;
  step(budget: number): number;
}

interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly exports: Exports;
}

export function createKernel(module: WebAssembly.Module): Kernel {
  let instance = instantiate(module, 1);

  function reserve(memoryCost: number): boolean {
    const missing = pagesFor(memoryCost) - instance.memory.buffer.byteLength / PAGE;
    if (missing <= 0) return true;
    try {
      instance.memory.grow(missing);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  /** Memory never shrinks, but what is more than twice too large can be left to the garbage collector. */
  function shrink(memoryCost: number): void {
    const pages = pagesFor(memoryCost);
    if (instance.memory.buffer.byteLength > 2 * pages * PAGE) instance = instantiate(module, 1);
  }

  return {
    kind: "simd",
    get held() {
      return instance.memory.buffer.byteLength;
    },
    reserve,
    prepare(params, salt) {
      check(params);
      const { SALT, SALT_LIMIT } = instance.exports;
      if (salt.length > SALT_LIMIT.value) throw new RangeError(`a salt of ${salt.length} bytes is too long`);
      shrink(params.memoryCost);
      if (!reserve(params.memoryCost)) return false;
      const { algorithm, timeCost, memoryCost, parallelism } = params;
      new Uint8Array(instance.memory.buffer, SALT.value).set(salt);
      const isId = algorithm === "argon2id" ? 1 : 0;
      instance.exports.prepare(isId, timeCost, memoryCost, parallelism, salt.length);
      return true;
    },
    begin(password) {
      const { PASSWORD, PASSWORD_LIMIT } = instance.exports;
      if (password.length > PASSWORD_LIMIT.value) throw new RangeError("the password is too long");
      new Uint8Array(instance.memory.buffer, PASSWORD.value).set(password);
      instance.exports.begin(password.length);
    },
    step(budget) {
      if (!instance.exports.step(budget)) return null;
      return new Uint8Array(instance.memory.buffer, instance.exports.TAG.value, TAG_LENGTH).slice();
    },
  };
}

/** Throws a RangeError where libargon2 would refuse, or where the puzzle is none of ours. */
export function check({ timeCost, memoryCost, parallelism }: Argon2Params): void {
  const isWhole = [timeCost, memoryCost, parallelism].every(Number.isInteger);
  const isAllowed = timeCost >= 1 && timeCost <= 16 && parallelism >= 1 && parallelism <= 16;
  if (!isWhole || !isAllowed || memoryCost < 8 * parallelism || memoryCost > 2 ** 22) {
    throw new RangeError(`Argon2 does not allow t=${timeCost} m=${memoryCost} p=${parallelism}`);
  }
}

/** One page of the kernel's own before Argon2's blocks. */
export function pagesFor(memoryCost: number): number {
  return 1 + Math.ceil((memoryCost * KIB) / PAGE);
}

function instantiate(module: WebAssembly.Module, pages: number): Instance {
  // Without a maximum: given one, some browsers set that much address space aside, and phones refuse.
  const memory = new WebAssembly.Memory({ initial: pages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { memory, exports: exports as unknown as Exports };
}
