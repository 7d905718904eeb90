import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createKernel, type Kernel } from "../../src/miner/kernel.ts";

const FRONTEND = join(import.meta.dirname, "../..");

/** The kernel as it is built from what is checked out. */
export async function compile(): Promise<WebAssembly.Module> {
  execFileSync(process.execPath, ["kernel/build.mjs"], { cwd: FRONTEND });
  return WebAssembly.compile(readFileSync(join(FRONTEND, "kernel/generated/argon2.wasm")));
}

export async function builtKernel(): Promise<Kernel> {
  return createKernel(await compile());
}
