import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { followsFrom } from "../../src/race/fairness.ts";
import { readJob } from "../../src/race/puzzle.ts";
import type { Job } from "../../src/race/state.ts";
import { createWorld, mining, puzzle, settle } from "./world.ts";

const SECRET = "5e".repeat(32);
const OTHER = "5f".repeat(32);
const PROOF = `00${"c3".repeat(31)}`;

const digest = async (bytes: Uint8Array) =>
  new Uint8Array(createHash("sha256").update(bytes).digest()).buffer as ArrayBuffer;

/** As the server does it: `hashpass/domain/seeds.py`. */
function sha256(...parts: (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(typeof part === "string" ? Buffer.from(part, "hex") : part);
  return hash.digest("hex");
}

function job(round: number, change: Record<string, unknown> = {}): Job {
  const read = readJob(puzzle(round, change), 0);
  if (read === null) throw new Error("no job");
  return read;
}

const before = job(7, { commitment: sha256(SECRET) });

function following(cause: string, change: Record<string, unknown> = {}): Job {
  const seed =
    cause === "solved" ? sha256(SECRET, PROOF) : sha256(SECRET, Buffer.from(`${before.seed}:${cause}:8`));
  return job(8, { seed, secret: SECRET, proof: cause === "solved" ? PROOF : null, ...change });
}

describe("a seed holds", () => {
  test("that begins anew after the end of the last round was lost", async () => {
    const seed = sha256(SECRET, Buffer.from(`${"0".repeat(64)}:first:8`));
    const next = following("first", { seed });
    expect(await followsFrom(before, next, "", digest)).toBe(true);
    expect(await followsFrom(before, next, "timeout", digest)).toBe(false);
  });

  test.each([
    ["solved", "solved"],
    ["timeout", "timeout"],
    ["admin", "admin"],
    // Nobody says how the round before a closing ended.
    ["opened", "solved"],
    ["opened", "closed"],
    ["opened", "timeout"],
    ["", "restart"],
    ["", "solved"],
  ])("after %s, made from %s", async (reason, cause) => {
    expect(await followsFrom(before, following(cause), reason, digest)).toBe(true);
  });
});

describe("a seed does not hold", () => {
  test.each([
    [
      "another secret than announced",
      "solved",
      following("solved", { secret: OTHER, seed: sha256(OTHER, PROOF) }),
    ],
    ["no secret", "solved", following("solved", { secret: null })],
    ["another proof", "solved", following("solved", { proof: `00${"c4".repeat(31)}` })],
    ["no proof although somebody won", "solved", following("timeout")],
    ["a seed of the server's choice", "timeout", following("timeout", { seed: "ab".repeat(32) })],
    ["a time-out that is said to be a reset", "admin", following("timeout")],
    ["a proof that nobody handed in", "timeout", following("solved")],
  ])("with %s", async (_name, reason, next) => {
    expect(await followsFrom(before, next, reason, digest)).toBe(false);
  });
});

test.each([
  ["the puzzle before announced nothing", { ...before, commitment: null }, following("solved"), digest],
  ["a puzzle was missed", before, { ...following("solved"), round: 9 }, digest],
  ["the browser computes no digests", before, following("solved"), null],
])("nothing can be said where %s", async (_name, one, next, of) => {
  expect(await followsFrom(one, next, "solved", of)).toBe(null);
});

describe("the page", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  async function logAfter(change: Record<string, unknown>): Promise<string[]> {
    const world = createWorld();
    world.puzzle.commitment = sha256(SECRET);
    const game = await mining(world);
    const { seed } = world.puzzle;
    world.reset({ reason: "solved", secret: SECRET, proof: PROOF, seed: sha256(SECRET, PROOF), ...change });
    await settle();
    expect(world.worker.order?.seed).not.toBe(seed);
    return game.state.log.map(({ key }) => key).filter((key) => key.startsWith("seed"));
  }

  test("says that a seed was checked, or that it does not hold", async () => {
    expect(await logAfter({})).toEqual(["seed-checked"]);
    expect(await logAfter({ seed: "ab".repeat(32) })).toEqual(["seed-wrong"]);
  });

  test("says nothing where the server announces nothing", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.reset();
    await settle();
    expect(game.state.log.map(({ key }) => key).filter((key) => key.startsWith("seed"))).toEqual([]);
  });
});
