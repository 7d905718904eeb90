import { describe, expect, test } from "vitest";
import { createApi, isAway, isBusy } from "../../src/race/api.ts";
import { workersFor } from "../../src/race/device.ts";
import { unixSeconds } from "../../src/race/drop.ts";
import { leadingZeroBits, readJob } from "../../src/race/puzzle.ts";
import { createStorage, mergePrizes } from "../../src/race/storage.ts";
import { createWake } from "../../src/race/wake.ts";
import { readMessage } from "../../src/race/wire.ts";
import { json, problem, puzzle } from "./world.ts";

const clock = { now: () => 5_000, wall: () => 0, after: () => () => {} };

function apiOf(response: Response | Error) {
  return createApi(async () => {
    if (response instanceof Error) throw response;
    return response;
  }, clock);
}

describe("the device", () => {
  test.each([
    // cores, GiB, asked, KiB -> workers
    [8, 8, 4, 65536, 4],
    [4, 8, 4, 65536, 3],
    [2, 8, 4, 65536, 2],
    [1, 8, 4, 65536, 1],
    [8, 0.5, 4, 65536, 3],
    [8, 0.25, 4, 65536, 1],
    [8, null, 32, 65536, 7],
    [64, null, 32, 65536, 28],
    [8, 2, 4, 4194304, 1],
    [8, 8, 1, 65536, 1],
  ])(
    "with %i cores and %s GiB, asked for %i of %i KiB, gives %i workers",
    (cores, memory, asked, cost, workers) => {
      expect(workersFor({ cores, memory }, asked, cost)).toBe(workers);
    },
  );
});

describe("bits", () => {
  test.each([
    ["f0", 0],
    ["80", 0],
    ["7f", 1],
    ["01", 7],
    ["0010", 11],
    ["0".repeat(64), 256],
  ])("%s begins with %i zeros", (hex, bits) => {
    expect(leadingZeroBits(hex)).toBe(bits);
  });
});

describe("a puzzle", () => {
  test("is read with the time it was told", () => {
    expect(readJob(puzzle(42), 5_000)).toMatchObject({
      round: 42,
      toldAt: 5_000,
      workerCount: 2,
      averageSolveTime: null,
    });
  });

  test.each([
    ["seed", null],
    ["seed", "AB".repeat(32)],
    ["seed", "ab"],
    ["target", "0x00"],
    ["target", 7],
    ["algorithm", "scrypt"],
    ["memory_cost", 0],
    ["memory_cost", 1.5],
    ["time_cost", -1],
    ["parallelism", "1"],
    ["round", null],
  ])("with %s %j is none", (name, value) => {
    expect(readJob(puzzle(1, { [name]: value }), 0)).toBe(null);
  });
});

describe("a message", () => {
  test.each([
    ["PONG without a number", { type: "PONG" }, { type: "pong", online: 0 }],
    [
      "a rate that is none",
      { type: "NETWORK_HASHRATE", total_hashrate: "x" },
      { type: "rate", total: 0, miners: 0 },
    ],
    ["a token that is none", { type: "SESSION_TOKEN", token: 7 }, null],
    ["a code that is none", { type: "TIMEOUT_INVITE_CODE" }, null],
    ["an unknown type", { type: "NEWS" }, null],
    ["an array", [], null],
  ])("%s", (_name, message, expected) => {
    expect(readMessage(JSON.stringify(message), 0)).toEqual(expected);
  });

  test.each([
    [1_790_000_000, 1_790_000_000],
    ["2026-09-21T14:13:20Z", 1_790_000_000],
    ["soon", null],
    [null, null],
    [Number.NaN, null],
  ])("the instant %s is %s", (value, expected) => {
    expect(unixSeconds(value)).toBe(expected);
  });
});

describe("the API", () => {
  test("reads a problem's kind, sentence and pause", async () => {
    const answer = await apiOf(problem(429, "address_busy", 3)).codes("hps_1");
    expect(answer).toEqual({
      ok: false,
      refusal: { status: 429, code: "address_busy", detail: "It was address_busy.", retryAfter: 3_000 },
    });
  });

  test("makes a refusal of a network that fails, of a proxy's page and of nonsense", async () => {
    const refusals = await Promise.all(
      [
        new TypeError("network"),
        new Response("<h1>", { status: 502 }),
        new Response("[]"),
        new Response("{"),
      ].map(async (response) => {
        const answer = await apiOf(response).puzzle("hps_1", "visitor");
        return answer.ok ? null : [answer.refusal.status, answer.refusal.code];
      }),
    );
    expect(refusals).toEqual([
      [0, ""],
      [502, ""],
      [200, "unreadable"],
      [200, "unreadable"],
    ]);
  });

  test("tells a server that is away from one that is busy", () => {
    const refusal = (status: number, code: string) => ({ status, code, detail: "", retryAfter: null });
    expect([0, 500, 502, 503, 504].map((status) => isAway(refusal(status, "")))).not.toContain(false);
    expect(isAway(refusal(503, "queue_full"))).toBe(false);
    expect(isBusy(refusal(503, "queue_full"))).toBe(true);
    expect(isBusy(refusal(503, ""))).toBe(false);
    expect(isBusy(refusal(429, ""))).toBe(true);
  });

  test("takes a trace from our own origin only", async () => {
    for (const [url, expected] of [
      ["/cdn-cgi/trace", "/cdn-cgi/trace"],
      ["//evil.example/trace", "/api/trace"],
      ["https://evil.example/trace", "/api/trace"],
      [null, "/api/trace"],
    ]) {
      const answer = await apiOf(json({ gate: "open", trace_url: url })).gate();
      expect(answer.ok && answer.value.traceUrl).toBe(expected);
    }
  });

  test("leaves out codes that are none", async () => {
    const codes = [
      { invite_code: "A", won_at: "2026-09-21T14:13:20.000Z", reason: "consolation" },
      { won_at: 1 },
      7,
      null,
    ];
    expect(await apiOf(json({ codes })).codes("hps_1")).toEqual({
      ok: true,
      value: [{ code: "A", wonAt: 1_790_000_000, reason: "consolation" }],
    });
  });
});

describe("the tab's memory", () => {
  const prize = (code: string, wonAt: number) => ({ code, wonAt, reason: "solved" as const });

  test("that is forbidden or full of nonsense is empty, and never in the way", () => {
    const deny = () => {
      throw new DOMException("denied", "SecurityError");
    };
    const denied = createStorage({ getItem: deny, setItem: deny, removeItem: deny });
    denied.keepSession("hps_1", "visitor");
    denied.forgetSession();
    expect([denied.session(), denied.prizes()]).toEqual([null, []]);
    for (const text of ["", "{", "7", "{}", "[1]", '[{"code":1}]', '{"token":1}']) {
      const odd = createStorage({ getItem: () => text, setItem() {}, removeItem() {} });
      expect([odd.session(), odd.prizes()]).toEqual([null, []]);
    }
  });

  test("lists prizes once, newest first, as the server dates them", () => {
    expect(mergePrizes([prize("a", 1), prize("b", 5)], [prize("c", 3), prize("b", 2)])).toEqual([
      prize("c", 3),
      prize("b", 2),
      prize("a", 1),
    ]);
  });
});

describe("the wake lock", () => {
  function fake() {
    const looks = new Set<() => void>();
    const locks: { released: boolean; release(): Promise<void> }[] = [];
    const page = { visible: true };
    const wake = createWake(
      async () => {
        const lock = {
          released: false,
          async release() {
            lock.released = true;
          },
        };
        locks.push(lock);
        return lock;
      },
      {
        visible: () => page.visible,
        changed(call) {
          looks.add(call);
          return () => looks.delete(call);
        },
      },
    );
    const look = async (visible: boolean) => {
      page.visible = visible;
      for (const call of looks) call();
      await Promise.resolve();
    };
    return { wake, locks, look, looks };
  }

  test("is taken again when the page comes back to the foreground", async () => {
    const { wake, locks, look } = fake();
    wake.hold();
    await Promise.resolve();
    expect(locks).toHaveLength(1);
    await look(false);
    await locks[0]?.release();
    expect(locks).toHaveLength(1);
    await look(true);
    expect(locks).toHaveLength(2);
  });

  test("is taken once, and not after it was given up", async () => {
    const { wake, locks, look, looks } = fake();
    wake.hold();
    wake.hold();
    await look(true);
    wake.release();
    await look(true);
    expect(locks.map((lock) => lock.released)).toEqual([true]);
    wake.close();
    expect(looks.size).toBe(0);
  });

  test("that was asked for and no longer wanted when it comes is let go", async () => {
    const { wake, locks } = fake();
    wake.hold();
    wake.release();
    await new Promise((resolve) => setTimeout(resolve));
    expect(locks.map((lock) => lock.released)).toEqual([true]);
  });

  test("that is refused, or that there is not, changes nothing", async () => {
    const page = { visible: () => true, changed: () => () => {} };
    createWake(() => Promise.reject(new DOMException("battery", "NotAllowedError")), page).hold();
    createWake(null, page).hold();
    await new Promise((resolve) => setTimeout(resolve));
  });
});
