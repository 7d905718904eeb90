import { readFileSync } from "node:fs";
import { join } from "node:path";
import { argon2d, argon2id } from "hash-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { createFallback } from "../../src/miner/fallback.ts";
import type { Hasher } from "../../src/miner/hasher.ts";
import type { Kernel } from "../../src/miner/kernel.ts";
import type { Argon2Params } from "../../src/miner/messages.ts";
import { hex } from "../../src/miner/search.ts";
import { builtKernel } from "./kernels.ts";

interface Vector {
  readonly nonce: number;
  readonly seed: string;
  readonly visitorId: string;
  readonly traceData: string;
  readonly time_cost: number;
  readonly memory_cost: number;
  readonly parallelism: number;
  readonly type: "d" | "id";
  readonly hash: string;
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../tests/vectors/proof.json"), "utf8"),
);
const SMALL: Argon2Params = { algorithm: "argon2d", timeCost: 2, memoryCost: 512, parallelism: 1 };
const bytes = (text: string) => new TextEncoder().encode(text);

let kernel: Kernel;
beforeAll(async () => {
  kernel = await builtKernel();
});

async function compute(hasher: Hasher, password: string, budget = 2 ** 31): Promise<string> {
  hasher.begin(bytes(password));
  for (;;) {
    const hash = await hasher.step(budget);
    if (hash !== null) return hex(hash);
  }
}

function byHashWasm(params: Argon2Params, password: string, salt: string): Promise<string> {
  const { timeCost: iterations, memoryCost: memorySize, parallelism } = params;
  const options = { password, salt, iterations, memorySize, parallelism, hashLength: 32 };
  return (params.algorithm === "argon2d" ? argon2d : argon2id)({ ...options, outputType: "hex" });
}

describe.each([
  ["our kernel", () => kernel],
  ["the fallback", createFallback],
])("%s", (_, make) => {
  it.each(VECTORS)(
    "computes nonce $nonce, t=$time_cost m=$memory_cost p=$parallelism $type",
    async (vector) => {
      const hasher = make();
      const params: Argon2Params = {
        algorithm: `argon2${vector.type}`,
        timeCost: vector.time_cost,
        memoryCost: vector.memory_cost,
        parallelism: vector.parallelism,
      };
      expect(hasher.prepare(params, bytes(vector.seed + vector.visitorId + vector.traceData))).toBe(true);
      expect(await compute(hasher, String(vector.nonce))).toBe(vector.hash);
    },
  );

  it.each([
    { ...SMALL, timeCost: 0 },
    { ...SMALL, timeCost: 17 },
    { ...SMALL, memoryCost: 7 },
    { ...SMALL, memoryCost: 15, parallelism: 2 },
    { ...SMALL, memoryCost: 8.5 },
    { ...SMALL, parallelism: 0 },
    { ...SMALL, parallelism: 17, memoryCost: 8 * 17 },
    { ...SMALL, memoryCost: Number.NaN },
  ])("refuses t=$timeCost m=$memoryCost p=$parallelism", (params) => {
    expect(() => make().prepare(params, bytes("a salt of any kind"))).toThrow(RangeError);
  });
});

describe("slices", () => {
  it.each(["argon2d", "argon2id"] as const)("of any size give the same hash, %s", async (algorithm) => {
    // Segments of 150 blocks: more than one block of addresses each, and a size that no budget divides.
    const params = { algorithm, timeCost: 2, memoryCost: 1203, parallelism: 2 };
    kernel.prepare(params, bytes("sliced salt"));
    const whole = await compute(kernel, "7");
    expect(whole).toBe(await byHashWasm(params, "7", "sliced salt"));
    for (const budget of [1, 7, 127, 128, 129, 150, 1000])
      expect(await compute(kernel, "7", budget)).toBe(whole);
  });

  it("do no more than their budget", () => {
    kernel.prepare(SMALL, bytes("counted salt"));
    kernel.begin(bytes("1"));
    // Two passes over 512 blocks, of which the first two come with the beginning.
    let steps = 1;
    while (kernel.step(10) === null) steps++;
    expect(steps).toBe(Math.ceil(1022 / 10));
  });

  it("of a hash that is dropped leave nothing in the next", async () => {
    kernel.prepare(SMALL, bytes("dropped salt"));
    const hash = await compute(kernel, "1");
    kernel.begin(bytes("2"));
    expect(kernel.step(700)).toBe(null);
    expect(await compute(kernel, "1")).toBe(hash);
  });
});

describe("memory", () => {
  it("is kept, grows with what is asked, and is let go when it is more than twice too large", async () => {
    const own = await builtKernel();
    const held: number[] = [];
    for (const mib of [1, 4, 4, 3, 1, 8]) {
      own.prepare({ ...SMALL, memoryCost: mib * 1024 }, bytes("a salt of any kind"));
      held.push((own.held - 65536) / 2 ** 20);
    }
    expect(held).toEqual([1, 4, 4, 4, 1, 8]);
  });

  it("that an earlier puzzle has left does not matter", async () => {
    for (const memoryCost of [4096, 64, 900, 8, 4096]) {
      const params = { ...SMALL, memoryCost };
      kernel.prepare(params, bytes("worn memory"));
      expect(await compute(kernel, "5")).toBe(await byHashWasm(params, "5", "worn memory"));
    }
  });

  it("that was reserved is there before the puzzle comes", async () => {
    const own = await builtKernel();
    expect(own.reserve(2048)).toBe(true);
    expect(own.held).toBe(65536 + 2 ** 21);
  });

  it("beyond what WebAssembly can address is refused, and the kernel goes on", async () => {
    const most = { ...SMALL, memoryCost: 2 ** 22 };
    for (const hasher of [kernel, createFallback()]) {
      expect(hasher.reserve(most.memoryCost)).toBe(false);
      expect(hasher.prepare(most, bytes("a salt of any kind"))).toBe(false);
      hasher.prepare(SMALL, bytes("a salt of any kind"));
      expect(await compute(hasher, "1")).toBe(await byHashWasm(SMALL, "1", "a salt of any kind"));
    }
  });
});

it("a salt or password that does not fit is refused, the longest that fit are hashed", async () => {
  expect(() => kernel.prepare(SMALL, new Uint8Array(20481))).toThrow(RangeError);
  const salt = "é".repeat(10240);
  kernel.prepare(SMALL, bytes(salt));
  expect(() => kernel.begin(new Uint8Array(129))).toThrow(RangeError);
  const password = "7".repeat(128);
  expect(await compute(kernel, password)).toBe(await byHashWasm(SMALL, password, salt));
});
