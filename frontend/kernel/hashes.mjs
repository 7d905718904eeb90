/** Cases as JSON from stdin, their hashes to stdout. For tests against another implementation. */

import { readFileSync } from "node:fs";
import { createKernel } from "../src/miner/kernel.ts";

const wasm = readFileSync(new URL("./generated/argon2.wasm", import.meta.url));
const kernel = createKernel(new WebAssembly.Module(wasm));

const hashes = JSON.parse(readFileSync(0, "utf8")).map(({ password, salt, budget, ...params }) => {
  if (!kernel.prepare(params, Buffer.from(salt, "hex"))) return null;
  kernel.begin(Buffer.from(password, "hex"));
  for (;;) {
    const hash = kernel.step(budget);
    if (hash !== null) return Buffer.from(hash).toString("hex");
  }
});
process.stdout.write(JSON.stringify(hashes));
