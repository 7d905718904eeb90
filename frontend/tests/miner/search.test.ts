import { describe, expect, it } from "vitest";
import type { Hasher } from "../../src/miner/hasher.ts";
import type { FromWorker, JobMessage } from "../../src/miner/messages.ts";
import { createSearch, hex, leadingZeroBits, MAX_NONCE } from "../../src/miner/search.ts";
import { builtKernel } from "./kernels.ts";

const NEVER = "0".repeat(64);
const ALWAYS = "f".repeat(64);

const JOB: JobMessage = {
  type: "job",
  generation: 1,
  seed: "5".repeat(64),
  visitorId: "visitor",
  traceData: "ip=192.0.2.1\n",
  algorithm: "argon2d",
  timeCost: 1,
  memoryCost: 64,
  parallelism: 1,
  target: NEVER,
  start: 0,
  stride: 1,
};

/** A hasher whose hash of a nonce is told, after so many blocks; `clock` goes on by a millisecond a thousand blocks. */
function told(hashOf: (nonce: number) => string, blocks: number) {
  const clock = { now: 0 };
  const begun: number[] = [];
  let left = 0;
  let hasMemory = true;
  const hasher: Hasher = {
    kind: "simd",
    reserve: () => hasMemory,
    prepare: () => hasMemory,
    begin(password) {
      begun.push(Number(new TextDecoder().decode(password)));
      left = blocks;
    },
    step(budget) {
      const done = Math.min(budget, left);
      clock.now += done / 1000;
      left -= done;
      return left > 0 ? null : Uint8Array.from(Buffer.from(hashOf(begun.at(-1) as number), "hex"));
    },
  };
  const refuseMemory = () => {
    hasMemory = false;
  };
  return { hasher, clock, begun, refuseMemory };
}

/** A search, what it has said, and what the page does at its pauses, one deed a pause. */
function watched(hasher: Hasher, clock: { now: number }, deeds: Record<number, () => void>) {
  const said: FromWorker[] = [];
  const pauses: { at: number; milliseconds: number }[] = [];
  const search = createSearch(hasher, {
    post: (message) => void said.push(message),
    now: () => clock.now,
    async pause(milliseconds) {
      pauses.push({ at: clock.now, milliseconds });
      await Promise.resolve();
      clock.now += milliseconds;
      deeds[pauses.length]?.();
      if (pauses.length > 10_000) throw new Error("nobody ended this");
    },
  });
  return { search, said, pauses };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
const of = <T extends FromWorker["type"]>(said: FromWorker[], type: T) =>
  said.filter((message): message is Extract<FromWorker, { type: T }> => message.type === type);
const digits = (start: string) => start.padEnd(64, "f");

describe("a search", () => {
  it("tries start, start + stride and so on, tells the winner, and waits", async () => {
    const { hasher, clock, begun } = told((nonce) => (nonce === 25 ? digits("00ff") : digits("8")), 4000);
    const { search, said } = watched(hasher, clock, {});
    search.begin({ ...JOB, start: 1, stride: 8, target: digits("01").replace(/f/g, "0") });
    await settled();
    expect(begun).toEqual([1, 9, 17, 25]);
    expect(of(said, "found")).toEqual([{ type: "found", generation: 1, nonce: 25, hash: digits("00ff") }]);
    expect(said.at(-1)?.type).toBe("found");
  });

  it("does not take a hash for a winner that equals the target", async () => {
    const { hasher, clock } = told((nonce) => (nonce < 3 ? ALWAYS : digits("fe")), 4000);
    const { search, said } = watched(hasher, clock, {});
    search.begin({ ...JOB, target: ALWAYS });
    await settled();
    expect(of(said, "found").map(({ nonce }) => nonce)).toEqual([3]);
  });

  it("tells each hash that is lower than all before it, with its leading zero bits", async () => {
    const hashes = ["8", "1", "2", "09", "0a", "001"];
    const { hasher, clock } = told((nonce) => digits(hashes[nonce] ?? "9"), 4000);
    const { search, said } = watched(hasher, clock, { 12: () => search.stop() });
    search.begin(JOB);
    await settled();
    expect(of(said, "best").map(({ nonce, bits }) => [nonce, bits])).toEqual([
      [0, 0],
      [1, 3],
      [3, 4],
      [5, 11],
    ]);
  });

  it("pauses about every ten milliseconds, whatever a hash takes", async () => {
    for (const blocks of [200, 4000, 300_000]) {
      const { hasher, clock } = told(() => ALWAYS, blocks);
      const { search, pauses } = watched(hasher, clock, { 200: () => search.stop() });
      search.begin(JOB);
      await settled();
      const gaps = pauses.slice(1).map(({ at }, i) => at - (pauses[i]?.at ?? 0));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(20);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10);
    }
  });

  it("rests after each slice when told to", async () => {
    const { hasher, clock } = told(() => ALWAYS, 4000);
    const { search, pauses } = watched(hasher, clock, { 5: () => search.stop() });
    search.begin({ ...JOB, pauseMs: 30 });
    await settled();
    expect(pauses.map(({ milliseconds }) => milliseconds)).toEqual([30, 30, 30, 30, 30]);
  });

  it("drops a half-computed hash for a new job", async () => {
    const { hasher, clock, begun } = told((nonce) => (nonce === 101 ? digits("0") : ALWAYS), 100_000);
    const next = { ...JOB, generation: 2, start: 100, target: digits("1") };
    const { search, said, pauses } = watched(hasher, clock, { 3: () => search.begin(next) });
    search.begin(JOB);
    await settled();
    expect(begun).toEqual([0, 100, 101]);
    expect(pauses[2]?.at).toBeLessThan(100);
    expect(said.filter((message) => "generation" in message && message.generation === 1)).toEqual([]);
    expect(of(said, "found").map(({ generation, nonce }) => [generation, nonce])).toEqual([[2, 101]]);
  });

  it("tells how many hashes it has computed, all in all exactly, and in how long", async () => {
    const { hasher, clock, begun } = told(() => ALWAYS, 90_000);
    const { search, said } = watched(hasher, clock, { 120: () => search.stop() });
    search.begin(JOB);
    await settled();
    const reports = of(said, "progress");
    // The last one begun was not finished.
    expect(reports.reduce((sum, { hashes }) => sum + hashes, 0)).toBe(begun.length - 1);
    for (const { hashes, since } of reports.slice(0, -1)) {
      expect(since).toBeGreaterThanOrEqual(500);
      expect(since).toBeLessThan(600);
      expect(since / hashes).toBeCloseTo(90);
    }
  });

  it("can be stopped and begun again", async () => {
    const { hasher, clock, begun } = told(() => ALWAYS, 30_000);
    const { search } = watched(hasher, clock, { 4: () => search.stop(), 9: () => search.stop() });
    search.begin(JOB);
    await settled();
    const before = begun.length;
    await settled();
    expect(begun.length).toBe(before);
    search.begin({ ...JOB, generation: 2, start: 50 });
    await settled();
    expect(begun.slice(before)[0]).toBe(50);
  });

  it("says when memory is refused, and takes the next job", async () => {
    const { hasher, clock, refuseMemory } = told(() => NEVER, 1000);
    const { search, said } = watched(hasher, clock, {});
    search.begin({ ...JOB, target: ALWAYS });
    await settled();
    refuseMemory();
    search.begin({ ...JOB, generation: 2 });
    await settled();
    expect(said.at(-2)?.type).toBe("found");
    expect(of(said, "failed").map(({ generation, reason }) => [generation, reason])).toEqual([[2, "memory"]]);
  });

  it("ends with the nonces that a number can tell apart", async () => {
    const { hasher, clock, begun } = told(() => ALWAYS, 4000);
    const { search, said } = watched(hasher, clock, {});
    search.begin({ ...JOB, start: MAX_NONCE - 3, stride: 2 });
    await settled();
    expect(begun).toEqual([MAX_NONCE - 3, MAX_NONCE - 1]);
    expect(said.at(-1)).toMatchObject({ type: "failed", reason: "nonces" });
  });

  it.each(["", "12", "g".repeat(64), "0".repeat(65)])("does not begin with the target %j", async (target) => {
    const { hasher, clock } = told(() => ALWAYS, 4000);
    const { search, said } = watched(hasher, clock, {});
    search.begin({ ...JOB, target });
    await settled();
    expect(said).toMatchObject([{ type: "failed", reason: "broken" }]);
  });

  it("survives a job that no hasher takes", async () => {
    const kernel = await builtKernel();
    const { search, said } = watched(kernel, { now: 0 }, {});
    search.begin({ ...JOB, parallelism: 99 });
    await settled();
    search.begin({ ...JOB, generation: 2, target: ALWAYS });
    await settled();
    expect(said.map(({ type }) => type)).toEqual(["failed", "best", "progress", "found"]);
  });
});

it.each([
  ["ff", 0],
  ["7f", 1],
  ["01", 7],
  ["0080", 8],
  ["0000", 16],
])("%s has %i leading zero bits", (text, bits) => {
  const digest = Uint8Array.from(Buffer.from(text, "hex"));
  expect(leadingZeroBits(digest)).toBe(bits);
  expect(hex(digest)).toBe(text);
});
