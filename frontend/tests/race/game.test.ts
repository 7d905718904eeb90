import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createGame } from "../../src/race/game.ts";
import type { GameState } from "../../src/race/state.ts";
import { createWorld, failingGate, json, LOSING, mining, pass, seedOf, settle, WINNING } from "./world.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("before the start", () => {
  test("nothing is asked of the machine, and of the server only what everybody may know", async () => {
    const world = createWorld();
    const game = createGame(world.environment);
    await pass(59_000);
    const asked = world.requests.map(({ method, path, bearer }) => `${method} ${path} ${bearer}`);
    const once = "GET /api/drop null";
    expect(asked).toEqual([once, "GET /api/gate/config null", once]);
    expect(world.sockets).toEqual([]);
    expect(world.workers).toEqual([]);
    expect(game.state.phase).toBe("idle");
  });

  test("the page learns whether there is a page of generators", async () => {
    const world = createWorld();
    const without = createGame(world.environment);
    await settle();
    expect(without.state.generators).toBe(false);
    world.generators = true;
    const game = createGame(world.environment);
    await settle();
    expect(game.state.generators).toBe(true);
    world.drop("GET /api/gate/config");
    const offline = createGame(world.environment);
    await settle();
    expect(offline.state).toMatchObject({ generators: false, trouble: null });
  });

  test("a browser without WebAssembly is told so", () => {
    const world = createWorld();
    world.device.webAssembly = false;
    const game = createGame(world.environment);
    game.start();
    expect(game.state.trouble).toEqual({ kind: "no-webassembly" });
    expect(game.state.phase).toBe("idle");
  });
});

describe("the way to the first hash", () => {
  test("gate, socket, token, puzzle, trace with bearer, workers", async () => {
    const world = createWorld();
    const phases: string[] = [];
    const game = createGame(world.environment);
    game.subscribe((state) => phases.at(-1) !== state.phase && phases.push(state.phase));
    game.start();
    await settle();
    expect(phases).toEqual(["starting", "mining"]);
    expect(world.socket.path).toBe("/api/ws?token=");
    expect(world.calls("POST /api/puzzle")[0]).toMatchObject({
      bearer: "hps_1",
      body: { visitorId: "visitor-1" },
    });
    expect(world.calls("GET /api/trace")).toMatchObject([{ bearer: "hps_1" }]);
    expect(world.crew.map((worker) => worker.got.map((message) => message.type))).toEqual([
      ["init", "reserve", "job"],
      ["init", "reserve", "job"],
    ]);
    expect(world.busy.map(({ order }) => [order?.start, order?.stride])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(world.worker.order).toMatchObject({
      seed: seedOf(1),
      visitorId: "visitor-1",
      traceData: "ip=203.0.113.7\nts=1\nsig=00\n",
      memoryCost: 65536,
      algorithm: "argon2d",
    });
    expect(world.socket.types()).toEqual(["mining_start"]);
    expect(game.state).toMatchObject({ workers: 2, kernel: "simd", connected: true, trouble: null });
    expect(game.state.job).toMatchObject({ round: 1, targetTimeout: 300, miningTime: 1.5 });
  });

  test("Cloudflare's trace is fetched without the bearer", async () => {
    const world = createWorld();
    const config = {
      gate: "open",
      site_key: null,
      test_mode: false,
      cap_endpoint: null,
      trace_url: "/cdn-cgi/trace",
    };
    world.routes.set("GET /api/gate/config", () => json(config));
    world.routes.set("GET /cdn-cgi/trace", () => new Response("fl=1\nip=203.0.113.7\n"));
    await mining(world);
    expect(world.calls("GET /cdn-cgi/trace")).toMatchObject([{ bearer: null }]);
  });

  test("something that is no trace is never hashed", async () => {
    const world = createWorld();
    world.routes.set(
      "GET /api/trace",
      () => new Response("<html>Please log in to the hotel's network</html>"),
    );
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(world.busy).toEqual([]);
    expect(game.state.trouble).toMatchObject({ kind: "refused" });
  });

  test("where one worker gets no memory, fewer mine", async () => {
    const world = createWorld();
    world.puzzle.worker_count = 4;
    world.memory = 2;
    const game = await mining(world);
    expect(game.state.workers).toBe(2);
    expect(world.busy.map(({ order }) => order?.stride)).toEqual([2, 2]);
    expect(world.workers).toHaveLength(3);
    // One that was refused is not asked for again with every puzzle.
    world.reset({ worker_count: 4 });
    await settle();
    expect(world.workers).toHaveLength(3);
  });

  test("where none gets memory, the page says so and stops", async () => {
    const world = createWorld();
    world.memory = 0;
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "memory-refused" } });
    expect(world.socket.types()).not.toContain("mining_start");
  });

  test("where no worker starts, the page says so", async () => {
    const world = createWorld();
    world.starts = 0;
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "no-workers" } });
  });

  test("where no kernel passes its test, the page says so", async () => {
    const world = createWorld();
    world.answerToInit = { type: "failed", generation: null, reason: "webassembly", detail: "" };
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "no-webassembly" } });
  });

  test("a gate that cannot be passed is told with its reason, and may be tried again", async () => {
    const world = createWorld();
    const { gates } = world;
    world.gates = failingGate("Blocked.");
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "gate-failed", detail: "Blocked." } });
    world.gates = gates;
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
  });

  test("a puzzle this page cannot read is refused with a sentence", async () => {
    const world = createWorld();
    world.puzzle.algorithm = "argon2i";
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state.trouble).toMatchObject({ kind: "refused" });
    expect(game.state.phase).toBe("idle");
  });
});

describe("a new puzzle", () => {
  test("the pushed job is taken as it is, with a new trace and the same workers", async () => {
    const world = createWorld();
    const game = await mining(world);
    const asked = world.calls("POST /api/puzzle").length;
    const old = world.worker.order?.generation ?? 0;
    world.reset();
    await settle();
    expect(world.calls("POST /api/puzzle")).toHaveLength(asked);
    expect(world.calls("GET /api/trace")).toHaveLength(2);
    expect(world.workers).toHaveLength(2);
    expect(world.worker.order).toMatchObject({
      seed: seedOf(2),
      traceData: "ip=203.0.113.7\nts=2\nsig=00\n",
    });
    expect(world.worker.order?.generation).toBeGreaterThan(old);
    expect(game.state).toMatchObject({ phase: "mining", job: { round: 2 }, bestBits: 0 });
    expect(world.socket.types()).toEqual(["mining_start"]);
  });

  test("the old search stops before the new trace is there, and the page still counts as mining", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("GET /api/trace", () => new Promise(() => {}));
    world.reset();
    await settle();
    expect(world.busy).toEqual([]);
    expect(game.state.phase).toBe("mining");
  });

  test("what a worker found of the old puzzle is not submitted", async () => {
    const world = createWorld();
    await mining(world);
    const { worker } = world;
    const { order } = worker;
    world.reset();
    worker.find(WINNING, 7, order);
    await settle();
    worker.find(WINNING, 7, order);
    await settle();
    expect(world.calls("POST /api/verify")).toEqual([]);
  });

  test("two resets in a row leave one order, that of the newest puzzle", async () => {
    const world = createWorld();
    await mining(world);
    world.reset();
    world.reset();
    await settle();
    expect(world.busy.map(({ order }) => order?.seed)).toEqual([seedOf(3), seedOf(3)]);
    expect(world.worker.orders.map((order) => order.seed)).toEqual([seedOf(1), seedOf(3)]);
  });

  test("a reset while the first puzzle is being fetched wins over the answer that comes later", async () => {
    const world = createWorld();
    let answer = (_response: Response) => {};
    world.routes.set("POST /api/puzzle", () => new Promise((resolve) => (answer = resolve)));
    const game = createGame(world.environment);
    game.start();
    await settle();
    const late = json(world.puzzle);
    world.reset();
    await settle();
    answer(late);
    await settle();
    expect(game.state.job?.round).toBe(2);
    expect(world.worker.orders.map((order) => order.seed)).toEqual([seedOf(2)]);
  });

  test("rounds are listed with how they ended, newest first", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.reset();
    world.reset({ is_timeout: true, reason: "timeout", solve_time: null });
    world.reset({ reason: "admin", solve_time: null });
    expect(game.state.rounds).toEqual([
      { round: 3, how: "admin", seconds: null, mine: false },
      { round: 2, how: "timeout", seconds: null, mine: false },
      { round: 1, how: "solved", seconds: 12.5, mine: false },
    ]);
  });

  test("somebody else's win is shown for some seconds", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.reset();
    expect(game.state.justLost).toBe(true);
    await pass(6_000);
    expect(game.state.justLost).toBe(false);
  });

  test("a change of memory is tried out before the search begins", async () => {
    const world = createWorld();
    await mining(world);
    world.reset({ memory_cost: 131072 });
    await settle();
    expect(world.worker.got.slice(-3).map((message) => message.type)).toEqual(["stop", "reserve", "job"]);
  });

  test("more or fewer workers are had when the server asks for them", async () => {
    const world = createWorld();
    await mining(world);
    world.reset({ worker_count: 3 });
    await settle();
    expect(world.busy.map(({ order }) => order?.stride)).toEqual([3, 3, 3]);
    world.reset({ worker_count: 1 });
    await settle();
    expect(world.crew).toHaveLength(1);
  });

  test("garbage on the socket changes nothing", async () => {
    const world = createWorld();
    const game = await mining(world);
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      '"x"',
      '{"type":"PUZZLE_RESET"}',
      '{"type":"PUZZLE_RESET","seed":7}',
    ]) {
      world.socket.say(text);
    }
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", job: { round: 1 } });
  });
});

describe("figures", () => {
  test("the own rate is smoothed and reported every five seconds", async () => {
    const world = createWorld();
    const game = await mining(world);
    for (let count = 0; count < 100; count += 1) {
      for (const worker of world.busy) {
        const generation = worker.order?.generation ?? 0;
        worker.say({ type: "progress", generation, hashes: 1, since: 200 });
      }
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(game.state.myRate).toBeCloseTo(10, 0);
    const reports = world.socket.sent.filter((message) => message.type === "hashrate");
    expect(reports.length).toBeGreaterThanOrEqual(3);
    expect(reports.length).toBeLessThanOrEqual(5);
    expect(reports.at(-1)).toEqual({ type: "hashrate", payload: { rate: expect.closeTo(10, 0) } });
  });

  test("the curve has one sample a second and forgets after five minutes", async () => {
    const world = createWorld();
    const game = await mining(world);
    for (let step = 0; step < 310; step += 1) {
      world.socket.say({ type: "NETWORK_HASHRATE", total_hashrate: step, active_miners: 3, timestamp: 1 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(game.state).toMatchObject({ networkRate: 309, miners: 3 });
    expect(game.state.curve.length).toBeGreaterThan(290);
    expect(game.state.curve.length).toBeLessThanOrEqual(301);
    const steps = game.state.curve
      .slice(1)
      .map((sample, index) => sample.at - (game.state.curve[index]?.at ?? 0));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0.9);
  });

  test("a ping brings the number of those online", async () => {
    const world = createWorld();
    const game = await mining(world);
    expect(world.socket.sent[0]).toEqual({ type: "ping" });
    world.socket.say({ type: "PONG", online: 5 });
    expect(game.state.online).toBe(5);
  });

  test("the best hash of the puzzle counts its bits while it is found", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.worker.best(`03${"f".repeat(62)}`);
    expect(game.state.bestBits).toBe(6);
    world.worker.best(LOSING);
    expect(game.state.bestBits).toBe(6);
  });

  test("the log is bounded", async () => {
    const world = createWorld();
    const game = await mining(world);
    for (let count = 0; count < 300; count += 1) world.socket.say({ type: "ERROR", detail: "no" });
    expect(game.state.log).toHaveLength(200);
  });

  test("a state once given out never changes", async () => {
    const world = createWorld();
    const states: [GameState, string][] = [];
    const game = createGame(world.environment);
    game.subscribe((state) => states.push([state, JSON.stringify(state)]));
    game.start();
    await settle();
    world.reset();
    await settle();
    expect(states.length).toBeGreaterThan(5);
    for (const [state, then] of states) expect(JSON.stringify(state)).toBe(then);
  });
});

describe("the visitor's wishes", () => {
  test("a pause stops the workers and says so; the socket stays", async () => {
    const world = createWorld();
    const game = await mining(world);
    game.pause();
    await settle();
    expect(world.busy).toEqual([]);
    expect(world.socket.types()).toEqual(["mining_start", "mining_stop"]);
    expect(game.state).toMatchObject({ phase: "idle", connected: true, myRate: 0 });
    world.reset();
    await settle();
    expect(world.busy).toEqual([]);
    expect(game.state.job?.round).toBe(2);
    expect(game.state.justLost).toBe(false);
  });

  test("after a pause the search goes on with a new trace", async () => {
    const world = createWorld();
    const game = await mining(world);
    game.pause();
    await settle();
    game.start();
    await settle();
    expect(game.state.phase).toBe("mining");
    expect(world.worker.order?.traceData).toContain("ts=2");
    expect(world.sockets).toHaveLength(1);
    expect(world.workers).toHaveLength(2);
    expect(world.socket.types()).toEqual(["mining_start", "mining_stop", "mining_start"]);
  });

  test("a pause before the workers are ready is kept", async () => {
    const world = createWorld();
    const game = createGame(world.environment);
    game.start();
    game.pause();
    await settle();
    expect(game.state.phase).toBe("idle");
    expect(world.busy).toEqual([]);
  });

  test("a pause while the crew is being changed is kept", async () => {
    const world = createWorld();
    const game = await mining(world);
    game.setGentle(true);
    game.pause();
    await settle();
    expect(world.busy).toEqual([]);
  });

  test("gentle is one worker that rests between slices, on the same trace and behind what was tried", async () => {
    const world = createWorld();
    const game = await mining(world);
    const { order } = world.worker;
    world.worker.say({ type: "progress", generation: order?.generation ?? 0, hashes: 10, since: 1000 });
    game.setGentle(true);
    await settle();
    expect(game.state).toMatchObject({ gentle: true, workers: 1, phase: "mining" });
    expect(world.busy).toHaveLength(1);
    expect(world.worker.order).toMatchObject({ stride: 1, start: 20, traceData: order?.traceData });
    expect(world.worker.order?.pauseMs).toBeGreaterThan(0);
    game.setGentle(false);
    await settle();
    expect(world.busy).toHaveLength(2);
    expect(world.worker.order?.pauseMs ?? 0).toBe(0);
  });

  test("a page in the background goes on", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.look(false);
    await settle();
    expect(world.busy).toHaveLength(2);
    expect(game.state.phase).toBe("mining");
  });

  test("a gentle one in the background rests, and goes on when it is looked at", async () => {
    const world = createWorld();
    const game = await mining(world);
    game.setGentle(true);
    await settle();
    world.look(false);
    await settle();
    expect(world.busy).toEqual([]);
    expect(world.socket.types().at(-1)).toBe("mining_stop");
    world.look(true);
    await settle();
    expect(world.busy).toHaveLength(1);
    expect(game.state.phase).toBe("mining");
  });

  test("the screen is kept awake only while mining", async () => {
    const world = createWorld();
    const game = await mining(world);
    expect(world.locks.held).toBe(1);
    game.pause();
    await settle();
    expect(world.locks.held).toBe(0);
  });

  test("the battery is passed on", async () => {
    const world = createWorld();
    const game = createGame(world.environment);
    for (const tell of world.batteryListeners) tell(true);
    expect(game.state.onBattery).toBe(true);
  });

  test("after the close nothing runs and nobody is told anything", async () => {
    const world = createWorld();
    const game = await mining(world);
    let told = 0;
    game.subscribe(() => (told += 1));
    game.close();
    told = 0;
    const asked = world.requests.length;
    await pass(120_000);
    expect(told).toBe(0);
    expect(world.requests).toHaveLength(asked);
    expect(world.crew).toEqual([]);
    expect(world.socket.isOpen).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("workers that fail", () => {
  test("one that dies is let go, the others go on", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.worker.die();
    await settle();
    expect(game.state).toMatchObject({ workers: 1, phase: "mining" });
    world.reset();
    await settle();
    expect(world.workers).toHaveLength(2);
    expect(world.busy.map(({ order }) => order?.stride)).toEqual([1]);
  });

  test("when the last one dies, the page stops and says why", async () => {
    const world = createWorld();
    const game = await mining(world);
    for (const worker of [...world.busy]) worker.die();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", workers: 0, trouble: { kind: "memory-refused" } });
    expect(world.socket.types().at(-1)).toBe("mining_stop");
  });

  test("a worker that never gets ready counts as none", async () => {
    const world = createWorld();
    world.answerToInit = { type: "progress", generation: -9, hashes: 0, since: 0 };
    const game = createGame(world.environment);
    game.start();
    await pass(31_000);
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "no-workers" } });
  });

  test("a hash that does not reach the target is never submitted, whatever a worker says", async () => {
    const world = createWorld();
    await mining(world);
    world.worker.find(LOSING);
    await settle();
    expect(world.calls("POST /api/verify")).toEqual([]);
  });
});
