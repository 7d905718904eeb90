import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createWorld, json, LOSING, mining, pass, problem, seedOf, settle, WINNING } from "./world.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const verify = "POST /api/verify";

function answers(world: ReturnType<typeof createWorld>, ...responses: (() => Response)[]): void {
  world.routes.set(verify, () => {
    const next = responses.length > 1 ? responses.shift() : responses[0];
    if (!next) throw new TypeError("network");
    return next();
  });
}

const away = () => {
  throw new TypeError("network");
};
const won = () => json({ invite_code: "HASHPASS-won" });

describe("a found answer", () => {
  test("is submitted once, with all that it was made of, and the others stop", async () => {
    const world = createWorld();
    world.routes.set(verify, () => new Promise(() => {}));
    const game = await mining(world);
    const [first, second] = world.busy;
    const order = second?.order ?? null;
    first?.find(WINNING, 42);
    second?.find(WINNING, 43, order);
    await settle();
    expect(world.calls(verify)).toHaveLength(1);
    expect(world.calls(verify)[0]).toMatchObject({
      bearer: "hps_1",
      body: {
        visitorId: "visitor-1",
        nonce: 42,
        submittedSeed: seedOf(1),
        traceData: "ip=203.0.113.7\nts=1\nsig=00\n",
        hash: WINNING,
      },
    });
    expect(world.busy).toEqual([]);
    expect(game.state.phase).toBe("submitting");
    // Who waits for a verdict is still in the race: the round's clock must not stop for it.
    expect(world.socket.types()).toEqual(["mining_start"]);
  });

  test("that wins is a prize, the round is mine, and the search goes on with the next puzzle", async () => {
    const world = createWorld();
    answers(world, () => {
      world.reset();
      return won();
    });
    const game = await mining(world);
    world.worker.find();
    await settle();
    expect(game.state.prizes).toMatchObject([{ code: "HASHPASS-won", reason: "solved" }]);
    expect(game.state.rounds).toEqual([{ round: 1, how: "solved", seconds: 12.5, mine: true }]);
    expect(game.state).toMatchObject({ phase: "mining", justLost: false, job: { round: 2 } });
    expect(world.worker.order?.seed).toBe(seedOf(2));
  });

  test("whose verdict comes before the news of the next puzzle marks its round all the same", async () => {
    const world = createWorld();
    answers(world, won);
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await settle();
    expect(game.state.rounds[0]?.mine).toBe(true);
    expect(game.state.justLost).toBe(false);
  });

  test("whose verdict is open is not shown as somebody else's win", async () => {
    const world = createWorld();
    let answer = (_response: Response) => {};
    world.routes.set(verify, () => new Promise((resolve) => (answer = resolve)));
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await settle();
    expect(game.state.rounds).toMatchObject([{ round: 1, mine: null }]);
    answer(won());
    await settle();
    expect(game.state.rounds).toMatchObject([{ round: 1, mine: true }]);
  });

  test("that loses says so, and the search goes on with the next puzzle", async () => {
    const world = createWorld();
    answers(world, () => {
      world.reset();
      return problem(409, "round_lost");
    });
    const game = await mining(world);
    world.worker.find();
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", justLost: true, prizes: [] });
    expect(game.state.rounds).toMatchObject([{ round: 1, mine: false }]);
    expect(world.worker.order?.seed).toBe(seedOf(2));
    await pass(6_000);
    expect(game.state.justLost).toBe(false);
  });

  test("that loses while the news of the next puzzle got lost makes the page ask for it", async () => {
    const world = createWorld();
    answers(world, () => problem(409, "round_lost"));
    const game = await mining(world);
    const asked = world.calls("POST /api/puzzle").length;
    world.worker.find();
    await settle();
    world.puzzle = { ...world.puzzle, round: 9, seed: seedOf(9) };
    await pass(2_500);
    expect(world.calls("POST /api/puzzle")).toHaveLength(asked + 1);
    expect(game.state.job?.round).toBe(9);
    expect(world.worker.order?.seed).toBe(seedOf(9));
  });

  test("does not hold up the next puzzle while its verdict is open", async () => {
    const world = createWorld();
    world.routes.set(verify, () => new Promise(() => {}));
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await settle();
    expect(game.state.phase).toBe("mining");
    expect(game.state.justLost).toBe(false);
    expect(world.worker.order?.seed).toBe(seedOf(2));
  });

  test("brings its code also when the visitor pauses meanwhile", async () => {
    const world = createWorld();
    let answer = (_response: Response) => {};
    world.routes.set(verify, () => new Promise((resolve) => (answer = resolve)));
    const game = await mining(world);
    world.worker.find();
    await settle();
    game.pause();
    answer(won());
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", prizes: [{ code: "HASHPASS-won" }] });
  });
});

describe("a busy server", () => {
  test.each([
    [429, "address_busy"],
    [429, "answer_pending"],
    [503, "queue_full"],
  ])("that says %i is asked again when it says", async (status, code) => {
    const world = createWorld();
    answers(world, () => problem(status, code, 3), won);
    const game = await mining(world);
    world.worker.find();
    await pass(2_900);
    expect(world.calls(verify)).toHaveLength(1);
    await pass(200);
    expect(world.calls(verify)).toHaveLength(2);
    expect(game.state.prizes).toHaveLength(1);
  });

  test("that does not say when is asked again after a quarter of a second", async () => {
    const world = createWorld();
    answers(world, () => problem(429, "address_busy"), won);
    await mining(world);
    world.worker.find();
    await pass(240);
    expect(world.calls(verify)).toHaveLength(1);
    await pass(20);
    expect(world.calls(verify)).toHaveLength(2);
  });

  test("is not asked again once the puzzle is over", async () => {
    const world = createWorld();
    answers(world, () => problem(429, "address_busy", 1));
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await pass(30_000);
    expect(world.calls(verify)).toHaveLength(2);
    expect(game.state.phase).toBe("mining");
  });

  test("that has the answer but no time for a verdict is asked for it after the puzzle, for it may have won", async () => {
    const world = createWorld();
    answers(world, () => problem(503, "not_ready", 1), won);
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await pass(1_500);
    expect(game.state.prizes).toHaveLength(1);
    expect(game.state.rounds[0]?.mine).toBe(true);
  });

  test("that finds the nonce too high is waited for", async () => {
    const world = createWorld();
    answers(world, () => problem(400, "nonce_too_fast"), won);
    const game = await mining(world);
    world.worker.find();
    await pass(900);
    expect(world.calls(verify)).toHaveLength(1);
    await pass(200);
    expect(game.state.prizes).toHaveLength(1);
  });
});

describe("a verdict that got lost on its way", () => {
  test("is asked for again, with growing pauses", async () => {
    const world = createWorld();
    answers(world, away, away, () => new Response("<h1>502</h1>", { status: 502 }), won);
    const game = await mining(world);
    world.worker.find();
    await pass(7_500);
    expect(world.calls(verify)).toHaveLength(4);
    expect(game.state.prizes).toHaveLength(1);
  });

  test("is asked for also when the next puzzle is there, for that may be our doing", async () => {
    const world = createWorld();
    answers(world, away, won);
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await pass(1_500);
    expect(game.state.prizes).toHaveLength(1);
    expect(game.state.rounds[0]?.mine).toBe(true);
    expect(game.state.justLost).toBe(false);
  });

  test("is asked for as long as it takes, though the puzzle is over", async () => {
    const world = createWorld();
    answers(world, away, away, away, won);
    const game = await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await pass(10_000);
    expect(game.state.prizes).toHaveLength(1);
  });

  test("is given up some time after the puzzle is over", async () => {
    const world = createWorld();
    answers(world, away);
    await mining(world);
    world.worker.find();
    await settle();
    world.reset();
    await pass(600_000);
    expect(world.calls(verify).length).toBeLessThan(12);
  });

  test("that never comes is not waited for longer than the server would take", async () => {
    const world = createWorld();
    let isFirst = true;
    world.routes.set(verify, () => {
      if (!isFirst) return won();
      isFirst = false;
      return new Promise(() => {});
    });
    const game = await mining(world);
    world.worker.find();
    await pass(135_000);
    expect(game.state.prizes).toHaveLength(1);
  });
});

describe("a refusal", () => {
  test.each([
    [401, "session_revoked"],
    [403, "session_moved"],
    [403, "visitor_mismatch"],
  ])(
    "of the session (%i %s) makes a new one, through the gate, and the answer is sent again",
    async (status, code) => {
      const world = createWorld();
      answers(world, () => problem(status, code), won);
      const game = await mining(world);
      world.worker.find();
      await settle();
      expect(world.socket.token).toBe("");
      expect(world.sockets).toHaveLength(2);
      expect(world.calls(verify).map((call) => call.bearer)).toEqual(["hps_1", "hps_2"]);
      expect(game.state.prizes).toHaveLength(1);
      expect(game.state.trouble).toBe(null);
    },
  );

  test("of the trace makes a new one, and the search begins anew", async () => {
    const world = createWorld();
    answers(world, () => problem(403, "trace_refused"));
    const game = await mining(world);
    world.worker.find();
    await settle();
    expect(game.state.phase).toBe("mining");
    expect(world.worker.order).toMatchObject({
      seed: seedOf(1),
      start: 0,
      traceData: expect.stringContaining("ts=2"),
    });
  });

  test("of every trace ends in a sentence, not in a loop", async () => {
    const world = createWorld();
    answers(world, () => problem(403, "trace_refused"));
    const game = await mining(world);
    for (let count = 0; count < 3; count += 1) {
      world.worker.find();
      await settle();
    }
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "refused" } });
  });

  test("by a ban is told and stops everything", async () => {
    const world = createWorld();
    answers(world, () => problem(403, "banned"));
    const game = await mining(world);
    world.worker.find();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "banned" } });
    expect(world.busy).toEqual([]);
  });

  test("for a time is waited for, and the work goes on by itself", async () => {
    const world = createWorld();
    answers(world, () => problem(403, "shut_out", 600));
    const game = await mining(world);
    world.worker.find();
    await settle();
    expect(game.state.trouble).toEqual({ kind: "refused", detail: "It was shut_out." });
    expect(world.busy).toEqual([]);
    expect(world.socket.types().at(-1)).toBe("mining_stop");
    world.reset();
    await settle();
    expect(world.busy).toEqual([]);
    await pass(600_000);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
    expect(world.worker.order?.seed).toBe(seedOf(2));
  });

  test("for good stops the work until the visitor starts again", async () => {
    const world = createWorld();
    answers(world, () => problem(400, "proof_false"));
    const game = await mining(world);
    world.worker.find();
    await settle();
    expect(game.state).toMatchObject({
      phase: "idle",
      trouble: { kind: "refused", detail: "It was proof_false." },
    });
    world.reset();
    await settle();
    expect(world.busy).toEqual([]);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
  });
});

describe("after a time-out", () => {
  const timeout = { is_timeout: true, reason: "timeout", solve_time: null };

  test("the best hash of the dead puzzle is handed in, once, with its own trace", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.worker.best(LOSING, 5);
    world.worker.best(`3${"0".repeat(63)}`, 9);
    world.reset(timeout);
    await pass(60_000);
    expect(world.calls("POST /api/submit")).toMatchObject([
      {
        bearer: "hps_1",
        body: {
          nonce: 9,
          submittedSeed: seedOf(1),
          hash: `3${"0".repeat(63)}`,
          visitorId: "visitor-1",
          traceData: "ip=203.0.113.7\nts=1\nsig=00\n",
        },
      },
    ]);
    expect(game.state.bestBits).toBe(0);
  });

  test("nothing is handed in by who has no hash, and nothing after another end", async () => {
    const world = createWorld();
    await mining(world);
    world.reset(timeout);
    await settle();
    world.worker.best(LOSING);
    world.reset();
    await settle();
    expect(world.calls("POST /api/submit")).toEqual([]);
  });

  test("a busy server is asked again within the window, and not after it", async () => {
    const world = createWorld();
    world.routes.set("POST /api/submit", () => problem(429, "address_busy", 2));
    await mining(world);
    world.worker.best(LOSING);
    world.reset(timeout);
    await pass(60_000);
    const tries = world.calls("POST /api/submit").length;
    expect(tries).toBeGreaterThan(2);
    expect(tries).toBeLessThan(6);
  });

  test("a consolation is a prize", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.socket.say({ type: "TIMEOUT_INVITE_CODE", invite_code: "HASHPASS-solace", leading_zeros: 7 });
    expect(game.state.prizes).toMatchObject([{ code: "HASHPASS-solace", reason: "consolation" }]);
  });
});
