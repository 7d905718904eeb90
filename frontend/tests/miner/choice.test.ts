import { expect, it } from "vitest";
import { choose } from "../../src/miner/choice.ts";
import { createFallback } from "../../src/miner/fallback.ts";
import type { Hasher } from "../../src/miner/hasher.ts";
import { compile } from "./kernels.ts";

const fallback = async () => createFallback();
const wrong = async (): Promise<Hasher> => ({ ...createFallback(), step: () => new Uint8Array(32) });

it("our kernel is chosen where it works", async () => {
  expect((await choose(compile, wrong)).kind).toBe("simd");
});

it("a browser that cannot compile our kernel gets the fallback", async () => {
  const refuse = async () => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 10, 255]));
  expect((await choose(refuse, fallback)).kind).toBe("fallback");
});

it("a kernel that computes wrong hashes is not chosen", async () => {
  const empty = async () => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  expect((await choose(empty, fallback)).kind).toBe("fallback");
});

it("nothing is chosen where nothing works", async () => {
  const refuse = () => Promise.reject(new Error("no WebAssembly"));
  await expect(choose(refuse, wrong)).rejects.toThrow("wrong");
  await expect(choose(refuse, refuse)).rejects.toThrow("no WebAssembly");
});
