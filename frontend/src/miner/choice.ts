/** Which kernel works in this browser: tried, not guessed from its name. */

import type { Hasher } from "./hasher.ts";
import { createKernel } from "./kernel.ts";
import type { Argon2Params } from "./messages.ts";
import { hex } from "./search.ts";

/** Two lanes, two passes, blocks from both kinds of addressing: all of the kernel, in less than a millisecond. */
const PARAMS: Argon2Params = { algorithm: "argon2id", timeCost: 2, memoryCost: 64, parallelism: 2 };
const SALT = "a kernel's own test";
const PASSWORD = "9007199254740991";
const HASH = "bd4e3876dbf2fc29a2137a78ec8cce30951da0faeabebe9a5a86224d0b92e261";

/** Our kernel if it compiles and computes one known hash, else the fallback. Throws if that does not, either. */
export async function choose(
  compile: () => Promise<WebAssembly.Module>,
  fallback: () => Promise<Hasher>,
): Promise<Hasher> {
  try {
    const kernel = createKernel(await compile());
    if (await computesRightly(kernel)) return kernel;
  } catch {
    // Without SIMD it does not compile; what else may be wrong with it does not matter while there is another.
  }
  const other = await fallback();
  if (await computesRightly(other)) return other;
  throw new Error("the fallback computes wrong hashes");
}

async function computesRightly(hasher: Hasher): Promise<boolean> {
  const encoder = new TextEncoder();
  if (!hasher.prepare(PARAMS, encoder.encode(SALT))) return false;
  hasher.begin(encoder.encode(PASSWORD));
  const hash = (await hasher.step(100)) ?? (await hasher.step(100));
  return hash !== null && hex(hash) === HASH;
}
