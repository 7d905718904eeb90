import { describe, expect, test } from "vitest";
import {
  type Changes,
  findConflict,
  isSame,
  NAMES,
  type Name,
  rangeOf,
  read,
  SECTIONS,
  type Values,
  write,
} from "../../src/console/controls/parameters.ts";
import { givenUp, type Present, predict, solveTime } from "../../src/console/controls/predict.ts";
import { effectText } from "../../src/console/view/controls/words.ts";
import { valuesOf } from "../../src/console/view/controls.tsx";
import { CONSOLE_WORDS } from "../../src/i18n/console.ts";
import { status } from "./answers.ts";

const VALUES = valuesOf(status());
const AT = Date.parse("2026-11-21T12:00:00Z");
const PRESENT: Present = { values: VALUES, rate: 64, tries: 4096, at: AT };

function said(name: Name, changes: Changes = {}, present: Present = PRESENT): string {
  return predict(name, changes, present)
    .map((effect) => effectText(effect, CONSOLE_WORDS.english))
    .join(" ");
}

test("every parameter has its place, and only one", () => {
  const placed = SECTIONS.flatMap(({ groups }) => groups.flatMap(({ names }) => names));
  expect([...placed].sort()).toEqual([...NAMES].sort());
});

describe("reading a field", () => {
  test.each([
    ["difficulty", " 12 ", 12],
    ["target_time", "0.1", 0.1],
    ["target_time", "7,5", 7.5],
    ["memory_cost", "4194304", 4_194_304],
    ["code_limit", "0", 0],
    ["opens_at", "", null],
  ] as const)("%s %j is %j", (name, written, value) => {
    expect(read(name, written)).toEqual({ ok: true, value });
  });

  test.each([
    ["difficulty", "", "empty"],
    ["difficulty", "12.5", "whole"],
    ["difficulty", "12e1", "whole"],
    ["difficulty", "0x10", "whole"],
    ["difficulty", "-1", "whole"],
    ["difficulty", "65", "range"],
    ["difficulty", "0", "range"],
    ["memory_cost", "65,536", "whole"],
    ["target_time", "1.2.3", "number"],
    ["target_time", "Infinity", "number"],
    ["target_time", "0.05", "range"],
    ["win_cooldown", "99999999", "range"],
    ["code_limit", "9999999999999999", "range"],
    ["opens_at", "tomorrow", "instant"],
    ["opens_at", "2026-13-40T25:00", "instant"],
    ["opens_at", "2026-11-21", "instant"],
    ["opens_at", "12026-11-21T10:00", "instant"],
    ["opens_at", "9999-12-31T23:59", "instant"],
    ["opens_at", "1901-01-01T00:00", "instant"],
  ] as const)("%s %j is a fault: %s", (name, written, fault) => {
    expect(read(name, written)).toEqual({ ok: false, fault });
  });

  test("an instant is the operator's own time, and is sent as UTC", () => {
    const local = "2026-11-21T18:30";
    const answer = read("opens_at", local);
    expect(answer).toEqual({ ok: true, value: new Date(2026, 10, 21, 18, 30).toISOString() });
    expect(answer.ok && String(answer.value).endsWith("Z")).toBe(true);
    expect(answer.ok && write("opens_at", answer.value)).toBe(local);
  });

  test("what is written into a field is read from it again", () => {
    for (const name of NAMES) {
      const value = VALUES[name];
      const answer = read(name, write(name, value));
      expect(answer.ok && isSame(name, answer.value, value), name).toBe(true);
    }
  });

  test("an instant is the same however it is written", () => {
    expect(isSame("opens_at", "2026-11-21T12:00:00Z", "2026-11-21T12:00:00.000Z")).toBe(true);
    expect(isSame("opens_at", "2026-11-21T12:00:00Z", null)).toBe(false);
    expect(isSame("opens_at", null, null)).toBe(true);
  });
});

describe("values that do not go together", () => {
  test.each([
    [{ difficulty: 3 }, "difficulty", "order"],
    [{ difficulty: 33 }, "difficulty", "order"],
    [{ min_difficulty: 13 }, "min_difficulty", "order"],
    [{ max_difficulty: 11 }, "max_difficulty", "order"],
    [{ target_timeout: 59 }, "target_timeout", "order"],
    [{ target_time: 301 }, "target_time", "order"],
    [{ parallelism: 16, memory_cost: 127 }, "memory_cost", "memory"],
    [{ opens_at: "2026-11-23T18:00:00Z" }, "opens_at", "order"],
    [{ opens_at: "2026-11-22T18:00:00Z" }, "opens_at", "order"],
  ] as const)("%j: blame %s, %s", (changes, name, fault) => {
    expect(findConflict(VALUES, changes)).toEqual({ name, fault });
  });

  test("what does not fit alone may fit together", () => {
    expect(findConflict(VALUES, { difficulty: 40 })).not.toBeNull();
    expect(findConflict(VALUES, { difficulty: 40, max_difficulty: 48 })).toBeNull();
    expect(findConflict(VALUES, { opens_at: "2026-11-23T18:00:00Z", closes_at: null })).toBeNull();
  });

  test("what was wrong before is no fault of this change", () => {
    const odd: Values = { ...VALUES, min_difficulty: 20 };
    expect(findConflict(odd, { worker_count: 2 })).toBeNull();
  });

  test("the range that is shown is the one that holds", () => {
    for (const name of NAMES) {
      const [low, high] = rangeOf(name, VALUES);
      if (name.endsWith("_at")) continue;
      expect(findConflict(VALUES, { [name]: low }), name).toBeNull();
      expect(findConflict(VALUES, { [name]: high }), name).toBeNull();
    }
  });
});

describe("what a change will do", () => {
  test("a solve takes 2^bits hashes", () => {
    expect(solveTime(12, 64)).toBe(64);
    expect(solveTime(12, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(givenUp(300, 300)).toBeCloseTo(1 / Math.E);
    expect(givenUp(300, 0)).toBe(0);
  });

  test.each([
    ["difficulty", { difficulty: 12 }, "At the present 64 H/s a round takes about 1m 4s."],
    [
      "difficulty",
      { difficulty: 14 },
      "At the present 64 H/s a round takes about 4m 16s. About 31 % of rounds would be given up.",
    ],
    [
      "difficulty",
      { difficulty: 64 },
      "With the present hash rate no round would ever be solved. About 100 % of rounds would be given up.",
    ],
    [
      "target_time",
      { target_time: 75 },
      "Solves between 30s and 2m leave the difficulty alone; rounds are given up after 5m.",
    ],
    ["target_timeout", { target_timeout: 64 }, "At the present pace about 37 % of rounds are given up."],
    ["worker_count", { worker_count: 8 }, "8 × 64 MiB: a miner's browser takes up to 512 MiB."],
    [
      "time_cost",
      { time_cost: 6 },
      "Everybody's 64 H/s becomes about 32 H/s: a round takes about 2m 8s, until the difficulty has followed.",
    ],
    [
      "memory_cost",
      { memory_cost: 32_768 },
      "4 × 32 MiB: a miner's browser takes up to 128 MiB. Everybody's 64 H/s becomes about 128 H/s: a round takes about 32s, until the difficulty has followed.",
    ],
    [
      "parallelism",
      { parallelism: 4 },
      "4 lanes of 16 MiB each. A browser works on them one by one; native programs can do all at once.",
    ],
    ["max_nonce_speed", { max_nonce_speed: 0 }, "Any speed is believed."],
    ["code_limit", { code_limit: 0 }, "As many codes as are won."],
    ["win_cooldown", { win_cooldown: 0.5 }, "Who has won may not submit for 0.5 s."],
    [
      "opens_at",
      { opens_at: "2026-11-21T15:00:00Z" },
      "In 3h: the seed is made then and pushed to everybody at once. Until then the page counts down.",
    ],
    ["closes_at", { closes_at: "2026-11-21T11:00:00Z" }, "That has passed: the race closes at once."],
    ["closes_at", { closes_at: null }, "The race does not end by the clock."],
  ] as const)("%s %j", (name, changes, sentence) => {
    expect(said(name, changes)).toBe(sentence);
  });

  test("a field beside it counts before it is applied", () => {
    expect(said("worker_count", { worker_count: 2, memory_cost: 131_072 })).toContain("2 × 128 MiB");
  });

  test("without a hash rate nothing is promised", () => {
    const nobody = { ...PRESENT, rate: 0 };
    expect(said("target_timeout", {}, nobody)).toBe(
      "Nobody mines now, so there is no hash rate to reckon with.",
    );
    expect(said("difficulty", { difficulty: 14 }, nobody)).toBe(
      "A solve takes about 16,000 hashes. Nobody mines now, so how long that is cannot be said.",
    );
  });

  test("no value that a field may hold leaves a hole in its sentence", () => {
    for (const rate of [0, 1e-9, 64, 1e9]) {
      for (const name of NAMES) {
        const values = name.endsWith("_at") ? [null, "2026-11-21T15:00:00Z"] : [0, 0.1, 1, 64, 86_400, 1e12];
        for (const value of values.filter((one) => read(name, write(name, one)).ok)) {
          expect(said(name, { [name]: value }, { ...PRESENT, rate })).toMatch(
            /^(?!.*(NaN|undefined|Infinity|[{}∞])).+$/,
          );
        }
      }
    }
  });
});
