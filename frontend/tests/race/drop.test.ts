import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readDrop } from "../../src/race/drop.ts";
import { createGame } from "../../src/race/game.ts";
import { createServerTime } from "../../src/race/servertime.ts";
import { createWorld, json, mining, OPEN, pass, problem, seedOf, settle } from "./world.ts";

const NOON = Date.UTC(2026, 9, 1, 12);
const AT_NOON = { open: false, reason: "not_open_yet", opens_at: "2026-10-01T12:00:00Z" };
const CLOSED = { type: "PUZZLE_RESET", seed: null, solve_time: null, is_timeout: false, reason: "closed" };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A race that opens at noon, a quarter of an hour from now. */
function waiting(change: Record<string, unknown> = {}) {
  vi.setSystemTime(NOON - 900_000);
  const world = createWorld();
  world.race = { ...OPEN, ...AT_NOON, ...change };
  world.routes.set("POST /api/puzzle", () => problem(403, "race_closed", 900));
  const welcome = world.environment.openSocket;
  Object.assign(world.environment, {
    openSocket(...[path, handlers]: Parameters<typeof welcome>) {
      const socket = welcome(path, handlers);
      queueMicrotask(() => handlers.message(JSON.stringify({ type: "RACE", ...world.race })));
      return socket;
    },
  });
  return world;
}

function open(world: ReturnType<typeof createWorld>): void {
  world.routes.delete("POST /api/puzzle");
  world.tellRace({ open: true, reason: null });
  world.reset({ reason: "opened", solve_time: null });
}

describe("a page that only looks on", () => {
  test("shows when the race opens and what is left", async () => {
    const world = waiting({ remaining: 12 });
    const game = createGame(world.environment);
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: null, serverAhead: 0 });
    expect(game.state.drop).toEqual({
      isOpen: false,
      reason: "not_open_yet",
      opensAt: NOON / 1000,
      closesAt: null,
      remaining: 12,
    });
  });

  test("asks twice a minute, and shortly after the opening, spread over some seconds", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    await pass(850_000);
    expect(world.calls("GET /api/drop")).toHaveLength(29);
    const before = world.calls("GET /api/drop").length;
    await pass(50_900);
    expect(world.calls("GET /api/drop")).toHaveLength(before + 1);
    expect(game.state.drop?.isOpen).toBe(false);
    world.race = { ...OPEN };
    await pass(200);
    expect(world.calls("GET /api/drop")).toHaveLength(before + 2);
    expect(game.state.drop?.isOpen).toBe(true);
  });

  test("asks nothing while nobody sees it, and at once when somebody does", async () => {
    const world = waiting();
    createGame(world.environment);
    await settle();
    world.look(false);
    await pass(120_000);
    expect(world.calls("GET /api/drop")).toHaveLength(1);
    world.look(true);
    world.look(true);
    await settle();
    expect(world.calls("GET /api/drop")).toHaveLength(2);
  });

  test("is told by its socket when it has one", async () => {
    const world = createWorld();
    await mining(world);
    await pass(120_000);
    expect(world.calls("GET /api/drop")).toHaveLength(1);
  });

  test("is not troubled by a server that is away", async () => {
    const world = createWorld();
    world.drop("GET /api/drop");
    const game = createGame(world.environment);
    await pass(70_000);
    expect(game.state).toMatchObject({ trouble: null, drop: null });
    expect(world.calls("GET /api/drop")).toHaveLength(3);
  });

  test("counts by the server's clock", async () => {
    const world = waiting();
    world.serverNow = () => Date.now() + 125_300;
    const game = createGame(world.environment);
    await pass(60_000);
    expect(game.state.serverAhead).toBeGreaterThan(124.2);
    expect(game.state.serverAhead).toBeLessThan(126.4);
  });
});

describe("whoever starts before the opening", () => {
  test("is let in, gets workers, and asks for no puzzle", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    await settle();
    game.start();
    await pass(1_000);
    expect(world.socket.token).toBe("");
    expect(game.state).toMatchObject({ phase: "starting", connected: true, trouble: null, workers: 4 });
    expect(world.calls("POST /api/puzzle")).toEqual([]);
    expect(world.socket.types()).toEqual([]);
    // Nobody's memory is taken for a quarter of an hour.
    expect(world.crew.flatMap((worker) => worker.got.map(({ type }) => type))).toEqual(Array(4).fill("init"));
  });

  test("has memory and a trace in time, and hashes the pushed job without asking for anything", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    game.start();
    await pass(900_000);
    expect(world.crew.map((worker) => worker.got.map(({ type }) => type))).toEqual(
      Array(4).fill(["init", "reserve"]),
    );
    const asked = world.requests.length;
    open(world);
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", trouble: null, job: { round: 2 } });
    expect(world.worker.order).toMatchObject({
      seed: seedOf(2),
      traceData: expect.stringContaining("ts=1\n"),
    });
    expect(world.requests).toHaveLength(asked);
    expect(world.socket.types()).toEqual(["mining_start"]);
    await pass(10_000);
    expect(world.requests).toHaveLength(asked);
    const keys = game.state.log.map(({ key }) => key);
    expect(keys.filter((key) => key.startsWith("race"))).toEqual(["race-closed", "race-open"]);
  });

  test("uses a trace of its own for the second puzzle", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    game.start();
    await pass(900_000);
    open(world);
    await settle();
    world.reset();
    await settle();
    expect(world.worker.order?.traceData).toContain("ts=2\n");
    expect(game.state.phase).toBe("mining");
  });

  test("is told at once that this browser cannot mine", async () => {
    const world = waiting();
    world.answerToInit = { type: "failed", generation: null, reason: "webassembly", detail: "" };
    const game = createGame(world.environment);
    game.start();
    await pass(2_000);
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "no-webassembly" } });
  });

  test("is not turned away for memory that was a guess, nor are workers started again and again", async () => {
    const world = waiting();
    world.memory = 0;
    world.starts = 100;
    const game = createGame(world.environment);
    game.start();
    await pass(890_000);
    expect(game.state).toMatchObject({ phase: "starting", trouble: null });
    expect(world.workers.length).toBeLessThan(10);
  });

  test("may stop waiting", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    game.start();
    await pass(2_000);
    game.pause();
    open(world);
    await pass(5_000);
    expect(game.state).toMatchObject({ phase: "idle", job: { round: 2 } });
    expect(world.busy).toEqual([]);
  });

  test("fetches the puzzle of an opening whose push got lost", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    game.start();
    await pass(2_000);
    world.routes.delete("POST /api/puzzle");
    world.tellRace({ open: true, reason: null });
    await pass(1_500);
    expect(game.state.job).toBe(null);
    await pass(1_500);
    expect(game.state).toMatchObject({ phase: "mining", job: { round: 1 } });
  });

  test("fetches the puzzle of a race that opened while the connection was lost", async () => {
    const world = waiting();
    const game = createGame(world.environment);
    game.start();
    await pass(2_000);
    world.routes.delete("POST /api/puzzle");
    world.race = { ...OPEN };
    world.socket.end();
    await pass(1_100);
    expect(game.state).toMatchObject({ phase: "mining", job: { round: 1 } });
  });
});

describe("a race that closes", () => {
  test("stops the work, says why, and goes on by itself when it opens again", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.tellRace({ open: false, reason: "ended" });
    world.socket.say(CLOSED);
    await settle();
    expect(game.state).toMatchObject({ phase: "starting", job: null, drop: { reason: "ended" } });
    expect(game.state.rounds).toEqual([]);
    expect(world.busy).toEqual([]);
    expect(world.socket.types().at(-1)).toBe("mining_stop");
    open(world);
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", trouble: null, job: { round: 2 }, drop: OPEN_DROP });
    expect(world.socket.types().at(-1)).toBe("mining_start");
  });

  test("with its last invite still lists the round that won it", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.tellRace({ open: false, reason: "used_up", remaining: 0 });
    world.socket.say({ ...CLOSED, solve_time: 3.5 });
    await settle();
    expect(game.state.rounds).toEqual([{ round: 1, how: "solved", seconds: 3.5, mine: false }]);
    expect(game.state.drop).toMatchObject({ reason: "used_up", remaining: 0 });
  });

  test("with our own answer still brings our code", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("POST /api/verify", () => {
      world.tellRace({ open: false, reason: "used_up", remaining: 0 });
      world.socket.say({ ...CLOSED, solve_time: 3.5 });
      return json({ invite_code: "HASHPASS-last" });
    });
    world.worker.find();
    await settle();
    expect(game.state.prizes).toMatchObject([{ code: "HASHPASS-last" }]);
    expect(game.state.rounds).toMatchObject([{ round: 1, mine: true }]);
    expect(game.state.trouble).toBe(null);
  });

  test("before our answer arrives refuses it without a fault being shown", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("POST /api/verify", () => problem(403, "race_closed"));
    world.worker.find();
    await settle();
    expect(game.state).toMatchObject({
      phase: "starting",
      trouble: null,
      job: null,
      drop: { isOpen: false },
    });
  });

  test("says so where the puzzle is asked for, too, and when it opens", async () => {
    vi.setSystemTime(NOON - 60_000);
    const world = createWorld();
    world.drop("GET /api/drop");
    world.routes.set("POST /api/puzzle", () => problem(403, "race_closed", 60));
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state.drop).toMatchObject({ isOpen: false, reason: "not_open_yet", opensAt: NOON / 1000 });
    world.routes.clear();
    world.reset({ reason: "opened" });
    await settle();
    expect(game.state.phase).toBe("mining");
  });

  test("tells of every invite that is given", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.tellRace({ remaining: 7 });
    expect(game.state.drop?.remaining).toBe(7);
    expect(game.state.log.map(({ key }) => key)).not.toContain("race-open");
    expect(world.calls("POST /api/puzzle")).toHaveLength(1);
  });
});

const OPEN_DROP = { isOpen: true, reason: null, opensAt: null, closesAt: null, remaining: null };

describe("whoever has won", () => {
  test("waits as long as the server says, and goes on by itself", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("POST /api/verify", () => problem(403, "cooling_down", 240));
    world.worker.find();
    await settle();
    const until = performance.now() + 240_000;
    expect(game.state).toMatchObject({ phase: "starting", trouble: { kind: "cooling-down", until } });
    expect(world.busy).toEqual([]);
    expect(world.socket.types().at(-1)).toBe("mining_stop");
    world.reset();
    await pass(239_000);
    expect(world.busy).toEqual([]);
    await pass(1_500);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null, job: { round: 2 } });
  });

  test("is still told so after the connection was lost", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("POST /api/verify", () => problem(403, "cooling_down", 240));
    world.worker.find();
    await settle();
    world.socket.end();
    await pass(1_200);
    expect(game.state).toMatchObject({ connected: true, trouble: { kind: "cooling-down" } });
  });

  test("and may win no more is told, and stops", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("POST /api/verify", () => problem(403, "visitor_done"));
    world.worker.find();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "visitor-done" } });
    world.reset();
    await settle();
    expect(world.busy).toEqual([]);
  });
});

test.each([
  [{}, null, null],
  [{ open: false, reason: "hours" }, null, null],
  [{ open: true, reason: "ended" }, null, null],
  [{ open: false, reason: "ended", remaining: -1, opens_at: "soon" }, "ended", null],
  [{ open: "no", reason: "used_up", remaining: 0 }, "used_up", 0],
])("a drop of %j", (body, reason, remaining) => {
  expect(readDrop(body)).toMatchObject({ reason, remaining, opensAt: null });
});

describe("the server's clock", () => {
  const at = (milliseconds: number) => new Date(milliseconds).toUTCString();

  test("is taken for right where it may be", () => {
    const time = createServerTime();
    expect(time.ahead).toBe(0);
    time.hear(at(NOON), NOON + 300, NOON + 900);
    time.hear(at(NOON + 1_000), NOON + 1_100, NOON + 1_200);
    expect(time.ahead).toBe(0);
  });

  test("is known better with every answer", () => {
    const time = createServerTime();
    for (let place = 0; place < 20; place += 1) {
      const now = NOON + place * 1_230;
      time.hear(at(now - 42_000), now - 20, now + 20);
    }
    expect(time.ahead).toBeGreaterThan(-42.1);
    expect(time.ahead).toBeLessThan(-41.9);
  });

  test("may be set", () => {
    const time = createServerTime();
    time.hear(at(NOON + 60_000), NOON, NOON);
    time.hear(at(NOON + 1_000), NOON + 1_000, NOON + 1_500);
    expect(time.ahead).toBe(0);
  });

  test("is not told by whatever is no date", () => {
    const time = createServerTime();
    for (const date of [null, "", "yesterday"]) time.hear(date, 0, 0);
    expect(time.ahead).toBe(0);
  });
});
