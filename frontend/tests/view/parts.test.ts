import { describe, expect, test } from "vitest";
import { niceTop, split, stroke } from "../../src/design/curve.tsx";
import { bitsOf, chancePerMinute, roundly, triesFor, winningShare } from "../../src/race/view/chance.ts";
import { marks } from "../../src/race/view/clock.tsx";
import { createStopwatch } from "../../src/race/view/stopwatch.ts";
import { job } from "./fixtures.ts";

const EIGHT_BITS = `01${"0".repeat(62)}`;

describe("chance", () => {
  test("a target of eight bits is met once in 256 tries", () => {
    expect(triesFor(EIGHT_BITS)).toBe(256);
    expect(bitsOf(EIGHT_BITS)).toBe(8);
  });

  test("sixty seconds at the rate of one win a minute give 1 - 1/e", () => {
    expect(chancePerMinute(256 / 60, EIGHT_BITS)).toBeCloseTo(1 - Math.exp(-1), 12);
  });

  test("the smallest chances are not lost in rounding", () => {
    const hardest = "1".padStart(64, "0");
    expect(chancePerMinute(1, hardest)).toBeCloseTo(60 / 2 ** 256, 90);
    expect(chancePerMinute(1, hardest)).toBeGreaterThan(0);
  });

  test("no work, no chance; nor with a target that is none", () => {
    expect(chancePerMinute(0, EIGHT_BITS)).toBe(0);
    expect(winningShare("")).toBe(0);
    expect(winningShare("nonsense")).toBe(0);
  });

  test("two figures are enough", () => {
    expect([14.2, 137, 3584, 1].map(roundly)).toEqual([14, 140, 3600, 1]);
  });
});

describe("the stop-watch", () => {
  test("goes on from what the server told, also when that was a while ago", () => {
    const told = job({ miningTime: 10, toldAt: 1000 });
    expect(createStopwatch().follow(told, true, 3000)).toBe(12);
    expect(createStopwatch().follow(told, false, 3000)).toBe(10);
  });

  test("counts only the time in which somebody mined", () => {
    const watch = createStopwatch();
    const told = job({ miningTime: 0, toldAt: 0 });
    watch.follow(told, true, 0);
    expect(watch.follow(told, false, 5000)).toBe(5);
    expect(watch.follow(told, true, 60_000)).toBe(5);
    expect(watch.follow(told, true, 62_000)).toBe(7);
  });

  test("starts again with another job, and is at zero without one", () => {
    const watch = createStopwatch();
    watch.follow(job({ miningTime: 100, toldAt: 0 }), true, 0);
    expect(watch.follow(job({ miningTime: 0, toldAt: 1000 }), true, 1500)).toBe(0.5);
    expect(watch.follow(null, true, 9000)).toBe(0);
  });
});

describe("the scale", () => {
  test.each([
    [300, 5, 60],
    [96, 4, 30],
    [60, 6, 10],
    [3600, 6, 600],
    [1, 1, 1],
  ])("%i s are cut into %i pieces", (timeout, count, first) => {
    const pieces = marks(timeout);
    expect(pieces).toHaveLength(count);
    expect(pieces[0]).toEqual({ from: 0, to: first });
    expect(pieces.at(-1)?.to).toBe(timeout);
  });

  test("stays small whatever the server says", () => {
    for (const timeout of [0, -1, Number.NaN, 0.5, 86_400, 1e9]) {
      expect(marks(timeout).length).toBeLessThanOrEqual(8);
    }
  });
});

describe("the curve", () => {
  test("leaves air above the highest value", () => {
    expect([0, 1, 31, 412, 480, 960, 1e7].map(niceTop)).toEqual([1, 1.5, 40, 500, 600, 1500, 1.5e7]);
    expect(niceTop(Number.NaN)).toBe(1);
    expect(niceTop(Number.POSITIVE_INFINITY)).toBe(1);
  });

  test("is cut where nobody measured", () => {
    const points = [0, 5, 10, 60, 65].map((at) => [at, 1] as const);
    expect(split(points).map((piece) => piece.length)).toEqual([3, 2]);
    expect(split([])).toEqual([]);
  });

  test("fills its frame", () => {
    const frame = { from: 0, to: 10, top: 2 };
    expect(
      stroke(
        [
          [0, 0],
          [5, 1],
          [10, 4],
        ],
        frame,
      ),
    ).toBe("M0.0 100.0L150.0 50.0L300.0 0.0");
  });
});
