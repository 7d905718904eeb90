import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createDesk, type Desk } from "../../src/console/desk.ts";
import { FakeServer, json, problem, status, TOKEN } from "./server.ts";

const TICKET = "POST /api/admin/ws-ticket";
const STATUS = "GET /api/admin/status";
const NO_TICKET = "This ticket is not good, or no longer. Ask for another with POST /api/admin/ws-ticket.";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});

afterEach(() => {
  vi.useRealTimers();
});

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

async function loggedIn(): Promise<Desk> {
  const desk = createDesk(server.environment);
  expect(await desk.logIn(TOKEN)).toBeNull();
  await pass(0);
  server.socket.open();
  server.socket.say({ type: "STATUS_UPDATE", ...status() });
  expect(desk.state.reach).toBe("live");
  return desk;
}

/** No call, no socket, no timer from here on. */
async function expectSilence(): Promise<void> {
  const [calls, sockets] = [server.requests.length, server.sockets.length];
  await pass(3_600_000);
  expect(server.requests).toHaveLength(calls);
  expect(server.sockets).toHaveLength(sockets);
  expect(vi.getTimerCount()).toBe(0);
}

describe("logging in", () => {
  test("keeps the token in the tab, shows the status at once, and opens a socket with a ticket", async () => {
    const desk = createDesk(server.environment);
    expect(desk.state.isIn).toBe(false);
    expect(await desk.logIn(TOKEN)).toBeNull();
    expect(desk.state).toMatchObject({ isIn: true, reach: "polling", status: { round: 418 } });
    await pass(0);
    expect(server.socket.path).toBe("/api/admin/ws?ticket=ticket%201");
    expect([...server.kept.values()]).toEqual([TOKEN]);
  });

  test("never puts the token into an address", async () => {
    await loggedIn();
    server.socket.end();
    await pass(120_000);
    const addresses = [
      ...server.requests.map(({ path, query }) => `${path}?${query}`),
      ...server.sockets.map(({ path }) => path),
    ];
    expect(addresses.length).toBeGreaterThan(5);
    for (const address of addresses) expect(address).not.toContain(TOKEN);
  });

  test("with a wrong token tells so, and forgets it", async () => {
    const desk = createDesk(server.environment);
    expect(await desk.logIn("wrong")).toMatchObject({ status: 401 });
    expect(desk.state).toMatchObject({ isIn: false, ended: null });
    expect(server.kept.size).toBe(0);
    await expectSilence();
    expect(server.requests).toHaveLength(1);
  });

  test("while locked out tells how long", async () => {
    server.routes[STATUS] = () => problem(429, "Too many wrong tokens.", 287);
    const desk = createDesk(server.environment);
    expect(await desk.logIn(TOKEN)).toMatchObject({ status: 429, retryAfter: 287 });
    await expectSilence();
  });

  test("while the server is away is told as that", async () => {
    server.isReachable = false;
    const desk = createDesk(server.environment);
    expect(await desk.logIn(TOKEN)).toMatchObject({ status: 0 });
    expect(desk.state.isIn).toBe(false);
  });

  test("sends a token of any characters as the bytes it has", async () => {
    const token = "пароль-оператора 密";
    server.token = String.fromCharCode(...new TextEncoder().encode(token));
    const desk = createDesk(server.environment);
    expect(await desk.logIn(token)).toBeNull();
  });

  test("a token that was kept is used after a reload", async () => {
    server.kept.set("hashpass.admin", TOKEN);
    const desk = createDesk(server.environment);
    await pass(0);
    expect(desk.state.isIn).toBe(true);
    expect(desk.state.status?.round).toBe(418);
    server.socket.open();
  });

  test("a tab that may keep nothing works until it is reloaded", async () => {
    const desk = createDesk({ ...server.environment, tab: null });
    expect(await desk.logIn(TOKEN)).toBeNull();
    await pass(0);
    expect(server.sockets).toHaveLength(1);
  });
});

describe("the end", () => {
  test("a 401 to any call ends everything: retries, socket, token", async () => {
    const desk = await loggedIn();
    server.token = "a new one";
    const answer = await desk.api.get("/api/admin/miners");
    expect(answer).toMatchObject({ ok: false, problem: { status: 401 } });
    expect(desk.state).toMatchObject({ isIn: false, ended: "", status: null });
    expect(server.socket.isClosed).toBe(true);
    expect(server.kept.size).toBe(0);
    await expectSilence();
  });

  test("an old tab whose token was changed asks once, and never again", async () => {
    server.kept.set("hashpass.admin", "an old token");
    const desk = createDesk(server.environment);
    await pass(0);
    expect(desk.state).toMatchObject({ isIn: false, ended: "" });
    await expectSilence();
    expect(server.requests).toHaveLength(1);
  });

  test("a server that came back with another token is asked once", async () => {
    const desk = await loggedIn();
    server.token = "a new one";
    const before = server.requests.length;
    server.socket.end(1001, "Going away");
    await pass(60_000);
    expect(desk.state.isIn).toBe(false);
    await expectSilence();
    expect(server.requests.length - before).toBe(1);
  });

  test("without a token no call reaches the network", async () => {
    const desk = await loggedIn();
    desk.logOut();
    const before = server.requests.length;
    expect(await desk.api.post("/api/admin/kick-all")).toMatchObject({ ok: false, problem: { status: 401 } });
    expect(server.requests).toHaveLength(before);
    expect(desk.state).toMatchObject({ isIn: false, ended: null });
    await expectSilence();
  });

  test("a status that comes after it is shown to nobody", async () => {
    server.kept.set("hashpass.admin", TOKEN);
    let answer: (response: Response) => void = () => {};
    server.routes[STATUS] = () => new Promise((resolve) => (answer = resolve));
    const desk = createDesk(server.environment);
    await pass(0);
    desk.logOut();
    answer(json(status()));
    await pass(0);
    expect(desk.state).toMatchObject({ isIn: false, status: null });
    expect(server.sockets).toHaveLength(0);
  });

  test("a late 401 to the token before does not throw out the new one", async () => {
    const desk = await loggedIn();
    let answer: (response: Response) => void = () => {};
    server.routes["GET /api/admin/miners"] = () => new Promise((resolve) => (answer = resolve));
    const late = desk.api.get("/api/admin/miners");
    desk.logOut();
    server.token = "a new one";
    expect(await desk.logIn("a new one")).toBeNull();
    answer(problem(401, "This is not the operator's token."));
    await late;
    expect(desk.state.isIn).toBe(true);
    expect([...server.kept.values()]).toEqual(["a new one"]);
  });
});

describe("a socket that the server does not want", () => {
  test("gets one fresh ticket, at once, for the first may have been too old", async () => {
    const desk = await loggedIn();
    server.socket.end(1008, NO_TICKET);
    await pass(0);
    expect(server.sockets).toHaveLength(2);
    expect(server.count(TICKET)).toBe(2);
    server.socket.open();
    server.socket.say({ type: "STATUS_UPDATE", ...status({ round: 419 }) });
    expect(desk.state).toMatchObject({ reach: "live", status: { round: 419 } });
  });

  test("refused again for its ticket, everything ends with the server's reason", async () => {
    const desk = await loggedIn();
    server.socket.end(1008, NO_TICKET);
    await pass(0);
    server.socket.end(1008, NO_TICKET);
    await pass(0);
    expect(desk.state).toMatchObject({ isIn: false, ended: NO_TICKET });
    expect(server.kept.size).toBe(0);
    await expectSilence();
    expect(server.sockets).toHaveLength(2);
  });

  test("refused for what no token mends, it is left alone, and the status is asked for instead", async () => {
    const desk = await loggedIn();
    server.socket.end(1008, "Pages of another site may not open this socket.");
    await pass(0);
    server.socket.end(1008, "Pages of another site may not open this socket.");
    await pass(60_000);
    expect(server.sockets).toHaveLength(2);
    expect(desk.state).toMatchObject({
      isIn: true,
      reach: "polling",
      refusal: "Pages of another site may not open this socket.",
    });
    desk.retry();
    await pass(0);
    expect(server.sockets).toHaveLength(3);
  });
});

describe("trying again", () => {
  test("is done with growing pauses", async () => {
    await loggedIn();
    const began: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const before = server.sockets.length;
      server.socket.end();
      const from = Date.now();
      while (server.sockets.length === before) await pass(500);
      began.push((Date.now() - from) / 1000);
    }
    expect(began).toEqual([1, 2, 4, 8, 15, 30]);
  });

  test("waits as long as the server says", async () => {
    const desk = await loggedIn();
    server.routes[TICKET] = () => problem(429, "Too many.", 200);
    server.socket.end();
    await pass(190_000);
    expect(server.count(TICKET)).toBe(2);
    expect(desk.state.retryAt).not.toBeNull();
    await pass(20_000);
    expect(server.count(TICKET)).toBe(3);
  });

  test("asks for the status every five seconds meanwhile, no oftener than it may", async () => {
    const desk = await loggedIn();
    server.routes[TICKET] = () => json({}, 503);
    server.socket.end();
    const before = server.count(STATUS);
    await pass(30_500);
    expect(desk.state.reach).toBe("polling");
    expect(server.count(STATUS) - before).toBeGreaterThanOrEqual(5);
    expect(server.count(STATUS) - before).toBeLessThanOrEqual(7);
    server.routes[STATUS] = () => problem(429, "Too many.", 100);
    await pass(6000);
    const locked = server.count(STATUS);
    expect(desk.state.reach).toBe("away");
    await pass(90_000);
    expect(server.count(STATUS)).toBe(locked);
  });

  test("is not done while the socket brings news", async () => {
    await loggedIn();
    const before = server.count(STATUS);
    for (let turn = 0; turn < 30; turn += 1) {
      await pass(2000);
      server.socket.say({ type: "STATUS_UPDATE", ...status() });
    }
    expect(server.count(STATUS)).toBe(before);
    expect(server.sockets).toHaveLength(1);
  });

  test("leaves a socket that has fallen silent", async () => {
    const desk = await loggedIn();
    await pass(13_000);
    expect(server.sockets[0]?.isClosed).toBe(true);
    expect(server.sockets.length).toBeGreaterThan(1);
    expect(desk.state.reach).not.toBe("live");
  });
});

describe("what is heard", () => {
  test.each(["", "{", "null", "[]", '{"type":"STATUS_UPDATE"}', '{"type":"PONG","online":1}', '"x"'])(
    "%j changes nothing",
    async (text) => {
      const desk = await loggedIn();
      const before = desk.state;
      server.socket.say(text);
      expect(desk.state.status).toBe(before.status);
    },
  );

  test("the figures of five minutes are kept, and no more", async () => {
    const desk = await loggedIn();
    for (let turn = 0; turn < 400; turn += 1) server.socket.say({ type: "STATUS_UPDATE", ...status() });
    expect(desk.state.history).toHaveLength(151);
  });

  test("the hash rate is kept for longer than the server does, each point once", async () => {
    const desk = await loggedIn();
    const at = (from: number) =>
      Array.from({ length: 50 }, (_, place) => ({ timestamp: from + place, value: 1 }));
    for (let turn = 0; turn < 2000; turn += 10)
      server.socket.say({ type: "STATUS_UPDATE", ...status({ hashrate_chart_history: at(2e9 + turn) }) });
    const times = desk.state.rates.map(({ timestamp }) => timestamp);
    expect(times).toHaveLength(720);
    expect(new Set(times).size).toBe(720);
    expect(times).toEqual([...times].sort((one, other) => one - other));
  });
});
