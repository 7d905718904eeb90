/** Compiles the kernel to generated/argon2.wasm, unless that is newer than all it is made of. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "assembly");
const output = join(here, "generated/argon2.wasm");

const sources = readdirSync(source).map((name) => join(source, name));
const inputs = [fileURLToPath(import.meta.url), ...sources];

if (!existsSync(output) || inputs.some((path) => statSync(path).mtimeMs > statSync(output).mtimeMs)) {
  mkdirSync(dirname(output), { recursive: true });
  // Renamed at the end, so that nobody ever reads half of it.
  const unfinished = `${output}.${process.pid}`;
  const { error, stderr } = await asc.main([
    join(source, "argon2.ts"),
    ...["--outFile", unfinished],
    ...process.argv.slice(2),
    ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--noAssert", "--converge", "--enable", "simd"],
    // The memory comes from outside, so that it can grow and be kept; nothing is ever allocated in it.
    ...["--importMemory", "--initialMemory", "1", "--runtime", "stub", "--use", "abort="],
  ]);
  if (error) {
    console.error(stderr.toString());
    throw error;
  }
  renameSync(unfinished, output);
}
console.log(`argon2.wasm: ${readFileSync(output).length} bytes`);
