import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createGame } from "../../src/race/game.ts";
import { createWorld, json, mining, pass, problem, seedOf, settle } from "./world.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const code = { invite_code: "HASHPASS-kept", won_at: "2026-09-21T14:13:20.000Z", reason: "solved" };

describe("a lost connection", () => {
  test("is made again with the session's token, and the search goes on where it was", async () => {
    const world = createWorld();
    const game = await mining(world);
    const { order } = world.worker;
    world.socket.end();
    await settle();
    expect(game.state.connected).toBe(false);
    expect(game.state.trouble).toMatchObject({ kind: "server-away", retryAt: performance.now() + 1_000 });
    await pass(1_100);
    expect(world.socket.token).toBe("hps_1");
    expect(game.state).toMatchObject({ connected: true, trouble: null, phase: "mining" });
    expect(world.worker.order).toBe(order);
    expect(world.calls("GET /api/gate/config")).toHaveLength(2);
    // The server forgets with the socket that somebody mines.
    expect(world.socket.types()).toEqual(["mining_start"]);
  });

  test("brings the puzzle that was missed", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.socket.end(1001);
    world.puzzle = { ...world.puzzle, round: 5, seed: seedOf(5) };
    await pass(1_100);
    expect(game.state.job?.round).toBe(5);
    expect(world.worker.order?.seed).toBe(seedOf(5));
  });

  test("brings the codes that were missed", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.socket.end();
    world.prizes.push(code);
    await pass(1_100);
    expect(game.state.prizes).toEqual([{ code: "HASHPASS-kept", wonAt: 1_790_000_000, reason: "solved" }]);
  });

  test("is tried again with growing pauses, half a minute at most", async () => {
    const world = createWorld();
    await mining(world);
    await pass(20_000);
    world.door = () => ({ code: 1006, reason: "" });
    const times: number[] = [];
    world.socket.end();
    let last = performance.now();
    for (let tries = 2; tries < 10; tries += 1) {
      while (world.sockets.length < tries) await pass(100);
      times.push(Math.round((performance.now() - last) / 1000));
      last = performance.now();
    }
    expect(times).toEqual([1, 2, 4, 8, 15, 30, 30, 30]);
  });

  test("that had lasted begins with the shortest pause again", async () => {
    const world = createWorld();
    const game = await mining(world);
    for (let count = 0; count < 3; count += 1) {
      world.socket.end();
      await settle();
      expect(game.state.trouble).toMatchObject({ kind: "server-away", retryAt: performance.now() + 1_000 });
      await pass(20_000);
    }
  });

  test("is not tried by everybody at once: chance makes the pauses longer", async () => {
    const world = createWorld();
    Object.assign(world.environment, { random: () => 1 });
    const game = await mining(world);
    world.socket.end();
    await settle();
    expect(game.state.trouble).toMatchObject({ kind: "server-away", retryAt: performance.now() + 1_500 });
  });

  test("is tried at once when the visitor wants it, the page is looked at, or the network is back", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.socket.end();
    await settle();
    game.retry();
    await settle();
    expect(game.state.connected).toBe(true);
    world.socket.end();
    await settle();
    world.look(true);
    await settle();
    expect(game.state.connected).toBe(true);
  });

  test("lets the workers go on for half a minute, no longer", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.door = () => ({ code: 1006, reason: "" });
    world.socket.end();
    await pass(29_000);
    expect(world.busy).toHaveLength(2);
    await pass(2_000);
    expect(world.busy).toEqual([]);
    expect(game.state.phase).toBe("starting");
    world.door = () => "welcome";
    game.retry();
    await settle();
    expect(world.busy).toHaveLength(2);
    expect(game.state.phase).toBe("mining");
  });

  test("at the first try is told as well", async () => {
    const world = createWorld();
    world.drop("GET /api/gate/config");
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "starting", trouble: { kind: "server-away" } });
    world.routes.clear();
    await pass(1_100);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
  });
});

describe("a silent connection", () => {
  test("is pinged, and left when nothing comes", async () => {
    const world = createWorld();
    await mining(world);
    await pass(44_000);
    const pings = world.socket.sent.filter((message) => message.type === "ping");
    expect(pings.length).toBeGreaterThanOrEqual(3);
    expect(world.sockets).toHaveLength(1);
    await pass(5_000);
    expect(world.sockets).toHaveLength(2);
  });

  test("is checked when the page comes back to the foreground", async () => {
    const world = createWorld();
    await mining(world);
    world.look(false);
    await pass(10_000);
    const pings = world.socket.sent.length;
    world.look(true);
    expect(world.socket.sent.slice(pings)).toEqual([{ type: "ping" }]);
    await pass(1_000);
    world.socket.say({ type: "PONG", online: 1 });
    await pass(6_000);
    expect(world.sockets).toHaveLength(1);
    world.look(true);
    await pass(7_000);
    expect(world.sockets).toHaveLength(2);
  });

  test("that never opens is given up", async () => {
    const world = createWorld();
    Object.assign(world.environment, {
      openSocket: () => {
        world.requests.push({ method: "WS", path: "", bearer: null, body: null });
        return { send() {}, close() {} };
      },
    });
    const game = createGame(world.environment);
    game.start();
    await pass(14_000);
    expect(game.state.trouble).toBe(null);
    await pass(1_500);
    expect(game.state.trouble).toMatchObject({ kind: "server-away" });
    await pass(2_000);
    expect(world.requests.filter((request) => request.method === "WS")).toHaveLength(2);
  });
});

describe("a close with 1008", () => {
  test("for an ended session opens a new one, and mines with a new trace", async () => {
    const world = createWorld();
    const game = await mining(world);
    const seen: unknown[] = [];
    game.subscribe((state) => seen.push(state.trouble?.kind));
    let isFirst = true;
    world.routes.set("POST /api/puzzle", () => {
      if (!isFirst) return json(world.puzzle);
      isFirst = false;
      return problem(401, "session_revoked");
    });
    world.socket.end(1008, "This session has ended: closed by the operator.");
    await settle();
    expect(seen).toContain("session-gone");
    expect(world.sockets.map((socket) => socket.token)).toEqual(["", ""]);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null, connected: true });
    expect(world.worker.order?.traceData).toContain("ts=2");
    expect(world.calls("POST /api/puzzle").at(-1)?.bearer).toBe("hps_2");
  });

  test("by a server that was away for a while costs no further pause", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.door = () => ({ code: 1006, reason: "" });
    world.socket.end(1001);
    await pass(1_100);
    world.door = (token) => (token === "hps_1" ? { code: 1008, reason: "No such session." } : "welcome");
    world.routes.set("POST /api/puzzle", (request) =>
      request.bearer === "hps_1" ? problem(401, "session_revoked") : json(world.puzzle),
    );
    await pass(2_100);
    expect(world.sockets.map((socket) => socket.token)).toEqual(["", "hps_1", "hps_1", ""]);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null, connected: true });
  });

  test("for a ban says so and stays away, until the visitor tries again", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("POST /api/puzzle", () => problem(403, "banned"));
    world.socket.end(1008, "This address is banned.");
    await pass(120_000);
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "banned" } });
    expect(world.sockets).toHaveLength(1);
    world.routes.clear();
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
  });

  test("at the first try for a ban is told from a refused gate", async () => {
    const world = createWorld();
    world.door = () => ({ code: 1008, reason: "This address is banned." });
    world.routes.set("POST /api/session", () => problem(403, "banned"));
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "idle", trouble: { kind: "banned" } });
  });

  test("for a refused gate token tries the gate again, with pauses, and tells the reason", async () => {
    const world = createWorld();
    world.door = () => ({ code: 1008, reason: "This gate token has been used. Pass the gate again." });
    const game = createGame(world.environment);
    game.start();
    await settle();
    const detail = "This gate token has been used. Pass the gate again.";
    expect(game.state).toMatchObject({ phase: "starting", trouble: { kind: "gate-failed", detail } });
    world.door = () => "welcome";
    await pass(1_500);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
    expect(world.calls("GET /api/gate/config")).toHaveLength(3);
  });

  test("for something else than the gate keeps the session that the gate token gave", async () => {
    const world = createWorld();
    const reason = "Too many connections are open from this address.";
    world.door = (token) => (token.startsWith("hps_") ? "welcome" : { code: 1008, reason });
    world.routes.set("POST /api/session", () => json({ session_token: "hps_9", expires_in: 300 }));
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(game.state).toMatchObject({ phase: "starting", trouble: { kind: "refused", detail: reason } });
    await pass(1_500);
    expect(world.socket.token).toBe("hps_9");
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
  });

  test("for too many openings waits as long as the server says", async () => {
    const world = createWorld();
    world.door = () => ({ code: 1008, reason: "Too many requests from this address." });
    world.routes.set("POST /api/session", () => problem(429, "rate_limited", 40));
    const game = createGame(world.environment);
    game.start();
    await pass(39_000);
    expect(world.sockets).toHaveLength(1);
    expect(game.state.trouble).toMatchObject({ kind: "refused" });
    world.door = () => "welcome";
    await pass(2_000);
    expect(game.state.phase).toBe("mining");
  });

  test("with a good session keeps the session and pauses", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.socket.end(1008, "Too many connections are open from this address.");
    await settle();
    expect(game.state.trouble).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("Too many"),
    });
    await pass(1_500);
    expect(world.socket.token).toBe("hps_1");
    expect(game.state.trouble).toBe(null);
  });

  test("for a shut-out waits as long as the server says", async () => {
    const world = createWorld();
    await mining(world);
    world.routes.set("POST /api/puzzle", () => problem(403, "shut_out", 600));
    world.socket.end(1008, "Too many false answers came from this address.");
    await pass(590_000);
    expect(world.sockets).toHaveLength(1);
    world.routes.clear();
    await pass(11_000);
    expect(world.sockets).toHaveLength(2);
  });

  test("of every new session does not become a fast loop", async () => {
    const world = createWorld();
    world.routes.set("POST /api/puzzle", () => problem(401, "session_revoked"));
    const game = createGame(world.environment);
    game.start();
    await pass(30_000);
    expect(world.sockets.length).toBeLessThan(8);
    game.close();
  });
});

describe("a session that ends while nobody closes the socket", () => {
  test("is noticed with the next trace, and made anew", async () => {
    const world = createWorld();
    const game = await mining(world);
    let isFirst = true;
    world.routes.set("GET /api/trace", () => {
      if (!isFirst) return new Response("ip=203.0.113.7\nts=9\n");
      isFirst = false;
      return problem(401, "session_revoked");
    });
    world.reset();
    await settle();
    expect(world.sockets).toHaveLength(2);
    expect(game.state.phase).toBe("mining");
    expect(world.worker.order).toMatchObject({ seed: seedOf(2), traceData: "ip=203.0.113.7\nts=9\n" });
  });

  test("is not told twice: a late refusal of the old token does not end the new session", async () => {
    const world = createWorld();
    const game = await mining(world);
    let refuse = () => {};
    world.routes.set("POST /api/verify", (request) => {
      if (request.bearer !== "hps_1") return json({ invite_code: "HASHPASS-won" });
      return new Promise((resolve) => {
        refuse = () => resolve(problem(401, "session_revoked"));
      });
    });
    world.worker.find();
    world.routes.set("POST /api/puzzle", (request) =>
      request.bearer === "hps_1" ? problem(401, "session_revoked") : json(world.puzzle),
    );
    world.socket.end(1008, "This session has ended: closed by the operator.");
    await settle();
    refuse();
    await settle();
    expect(world.sockets).toHaveLength(2);
    expect(game.state.prizes).toHaveLength(1);
  });

  test("is asked once more for the codes it has won", async () => {
    const world = createWorld();
    const game = await mining(world);
    world.routes.set("GET /api/trace", (request) =>
      request.bearer === "hps_1" ? problem(401, "session_revoked") : new Response("ip=203.0.113.7\n"),
    );
    world.routes.set("GET /api/code", (request) => json({ codes: request.bearer === "hps_1" ? [code] : [] }));
    world.reset();
    await settle();
    expect(game.state.prizes).toMatchObject([{ code: "HASHPASS-kept" }]);
  });
});

describe("a reload", () => {
  test("keeps the session and the visitor, passes no gate, and fetches the codes before anybody starts", async () => {
    const world = createWorld();
    const first = await mining(world);
    first.close();
    world.prizes.push(code);
    Object.assign(world.environment, { identify: async () => "another" });
    const game = createGame(world.environment);
    await settle();
    expect(game.state.prizes).toMatchObject([{ code: "HASHPASS-kept" }]);
    expect(game.state.phase).toBe("idle");
    game.start();
    await settle();
    expect(game.state.phase).toBe("mining");
    expect(world.socket.token).toBe("hps_1");
    expect(world.worker.order?.visitorId).toBe("visitor-1");
  });

  test("shows the codes that are known while the server is away", async () => {
    const world = createWorld();
    const first = await mining(world);
    world.worker.find();
    await settle();
    first.close();
    world.drop("GET /api/code");
    const game = createGame(world.environment);
    expect(game.state.prizes).toMatchObject([{ code: "HASHPASS-won" }]);
    await settle();
    game.close();
  });

  test("after the session has died opens a new one", async () => {
    const world = createWorld();
    (await mining(world)).close();
    world.routes.set("POST /api/puzzle", (request) =>
      request.bearer === "hps_1" ? problem(401, "session_revoked") : json(world.puzzle),
    );
    const game = createGame(world.environment);
    game.start();
    await settle();
    expect(world.sockets.map((socket) => socket.token)).toEqual(["", "hps_1", ""]);
    expect(game.state).toMatchObject({ phase: "mining", trouble: null });
  });
});
