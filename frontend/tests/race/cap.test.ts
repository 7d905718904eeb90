import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GateConfig } from "../../src/race/api.ts";
import { type CapFetch, type CapWidget, cap } from "../../src/race/cap.ts";
import { createGame } from "../../src/race/game.ts";
import { GateAway, GateFailed } from "../../src/race/gate.ts";
import { createWorld, json, pass, problem, settle } from "./world.ts";

const config: GateConfig = {
  gate: "cap",
  siteKey: null,
  testMode: false,
  capEndpoint: "/api/cap/",
  action: null,
  traceUrl: "/api/trace",
  generators: false,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A widget that does as the real one: two calls, and what it makes of their bodies. It does no work. */
function createFake(answers: Record<string, () => Response | Promise<Response>>) {
  const asked: string[] = [];
  const endpoints: string[] = [];
  let standing = 0;
  let loads = 0;

  function make(ask: CapFetch, endpoint: string): CapWidget {
    let take = () => {};
    const taken = new Promise<undefined>((resolve) => {
      take = () => resolve(undefined);
    });
    endpoints.push(endpoint);
    standing += 1;
    let stands = true;
    const work = async () => {
      await ask(`${endpoint}challenge`, { method: "POST" });
      const answer = await ask(`${endpoint}redeem`, { method: "POST", body: "{}" });
      const body = (await answer.json()) as { success: boolean; token: string; error?: string };
      if (!body.success) throw new Error(body.error ?? "Invalid solution");
      return { success: true, token: body.token };
    };
    return {
      solve: () => Promise.race([taken, work()]),
      widget: {
        remove() {
          if (stands) standing -= 1;
          stands = false;
          take();
        },
      },
    };
  }

  const gate = cap({
    clock: {
      after(milliseconds, call) {
        const timer = setTimeout(call, milliseconds);
        return () => clearTimeout(timer);
      },
    },
    async fetch(path, init) {
      asked.push(`${init.method} ${path}`);
      const answer = answers[path.split("/").at(-1) ?? ""];
      if (answer === undefined) throw new TypeError("Failed to fetch");
      const hungUp = new Promise<never>((_, reject) => {
        init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      });
      return Promise.race([answer(), hungUp]);
    },
    async load(ask) {
      loads += 1;
      return (endpoint) => make(ask, endpoint);
    },
  });
  return {
    gate,
    asked,
    endpoints,
    standing: () => standing,
    loads: () => loads,
  };
}

const challenge = () => json({ challenge: [["salt", "0"]], token: "challenge", expires: 1 });
const refused = () => json({ success: false, error: "This challenge has expired. Try again." });

describe("Cap", () => {
  test("solves at the server's own endpoint, brings the token, and leaves no widget behind", async () => {
    const fake = createFake({ challenge, redeem: () => json({ success: true, token: "good", expires: 1 }) });
    expect(await fake.gate(config)).toBe("good");
    expect(fake.endpoints).toEqual(["/api/cap/"]);
    expect(fake.asked).toEqual(["POST /api/cap/challenge", "POST /api/cap/redeem"]);
    expect(fake.standing()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tries once more with a new challenge when the first is refused", async () => {
    const answers = [refused, () => json({ success: true, token: "good", expires: 1 })];
    const fake = createFake({ challenge, redeem: () => (answers.shift() ?? refused)() });
    expect(await fake.gate(config)).toBe("good");
    expect(fake.endpoints).toHaveLength(2);
    expect(fake.standing()).toBe(0);
  });

  test("fails with the server's sentence when the second is refused too", async () => {
    const fake = createFake({ challenge, redeem: refused });
    await expect(fake.gate(config)).rejects.toThrow(new GateFailed("This challenge has expired. Try again."));
    expect(fake.endpoints).toHaveLength(2);
  });

  test("fails with the server's sentence when it wants no such call", async () => {
    const fake = createFake({ challenge: () => problem(403, "agent_refused") });
    await expect(fake.gate(config)).rejects.toThrow(new GateFailed("It was agent_refused."));
    expect(fake.endpoints).toHaveLength(1);
    expect(fake.standing()).toBe(0);
  });

  test.each([
    ["no network", {}, 0],
    ["a proxy without its server", { challenge: () => new Response("Bad gateway", { status: 502 }) }, 502],
    ["a busy server", { challenge: () => problem(429, "rate_limited", 7) }, 429],
    ["a store that fails", { challenge, redeem: () => problem(503, "store_unavailable", 7) }, 503],
  ])("leaves %s to be tried again later", async (_, answers, status) => {
    const fake = createFake(answers);
    const error = await fake.gate(config).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GateAway);
    expect((error as GateAway).refusal.status).toBe(status);
    expect(fake.endpoints).toHaveLength(1);
    expect(fake.standing()).toBe(0);
  });

  test("waits half a minute for an answer", async () => {
    const fake = createFake({ challenge: () => new Promise(() => {}) });
    const failed = expect(fake.gate(config)).rejects.toThrow(GateAway);
    await vi.advanceTimersByTimeAsync(30_000);
    await failed;
  });

  test("gives up a solver that comes to no end", async () => {
    const gate = cap({
      clock: {
        after: (milliseconds, call) =>
          (
            (id) => () =>
              clearTimeout(id)
          )(setTimeout(call, milliseconds)),
      },
      fetch: () => expect.unreachable(),
      load: async () => () => {
        let end = () => {};
        const solved = new Promise<undefined>((resolve) => {
          end = () => resolve(undefined);
        });
        return { solve: () => solved, widget: { remove: () => end() } };
      },
    });
    const failed = expect(gate(config)).rejects.toThrow(new GateFailed("The captcha took too long."));
    await vi.advanceTimersByTimeAsync(2 * 600_000);
    await failed;
  });

  test("says so where the script cannot be loaded, a worker dies, or there is no endpoint", async () => {
    const ports = { clock: { after: () => () => {} }, fetch: () => expect.unreachable() };
    const unloaded = cap({ ...ports, load: () => Promise.reject(new TypeError("Failed to fetch")) });
    await expect(unloaded(config)).rejects.toThrow(GateFailed);
    await expect(unloaded(config)).rejects.toThrow("Reload the page.");
    const dead: CapWidget = { solve: () => Promise.reject({ type: "error" }), widget: { remove() {} } };
    await expect(cap({ ...ports, load: async () => () => dead })(config)).rejects.toThrow("in this browser");
    await expect(unloaded({ ...config, capEndpoint: null })).rejects.toThrow("where its captcha is");
  });
});

test("a gate that is away is tried again by itself, and the game goes on", async () => {
  const world = createWorld();
  const tokens = [
    new GateAway({ status: 503, code: "store_unavailable", detail: "Full.", retryAfter: 3_000 }),
  ];
  world.gates = {
    async open() {
      const trouble = tokens.shift();
      if (trouble) throw trouble;
      return "good";
    },
  };
  const game = createGame(world.environment);
  game.start();
  await settle();
  expect(game.state.trouble).toMatchObject({ kind: "refused", detail: "Full." });
  expect(world.sockets).toHaveLength(0);
  await pass(3_100);
  expect(world.socket.token).toBe("good");
  game.close();
});
