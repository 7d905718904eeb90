import { beforeEach, describe, expect, test } from "vitest";
import type { Change } from "../../src/workshop/session.ts";
import { type Browser, createBrowser, createServer, problem, type Server, settle, USER } from "./world.ts";

let server: Server;
let browser: Browser;

beforeEach(() => {
  server = createServer();
  browser = createBrowser(server);
});

function openTab(ports?: { hasStorage: boolean }) {
  const { session, api } = browser.openTab(ports);
  const changes: Change[] = [];
  session.subscribe((change) => void changes.push(change));
  const ask = () => session.ask((access) => api.make({ endpoint: "custom", values: {} }, access));
  return { session, changes, ask };
}

const refreshes = () => server.calls("POST /api/refresh").length;

test("nobody is signed in where nobody was, and nothing is asked for that", async () => {
  const { session, ask } = openTab();
  await session.resume();
  expect(session.user).toBeNull();
  expect(await ask()).toMatchObject({ ok: false, refusal: { status: 401 } });
  expect(server.asked).toEqual([]);
});

test("a link opens a session, of which only the name is kept", async () => {
  server.links.add("link");
  const { session, changes, ask } = openTab();
  expect(await session.redeem("link")).toEqual({ ok: true, value: null });
  expect(session.user).toBe(USER);
  expect(changes).toEqual(["in"]);
  expect(await ask()).toMatchObject({ ok: true });
  expect(Object.fromEntries(browser.kept)).toEqual({ "hashpass.user": USER });
});

test("a link that is refused changes nothing", async () => {
  const { session, changes } = openTab();
  expect(await session.redeem("used")).toMatchObject({
    ok: false,
    refusal: { status: 400, field: "magiclink" },
  });
  expect(session.user).toBeNull();
  expect(changes).toEqual([]);
  expect(browser.kept.size).toBe(0);
});

test("a reload finds the session again", async () => {
  browser.signIn();
  const { session, ask } = openTab();
  expect(session.user).toBe(USER);
  await session.resume();
  expect(await ask()).toMatchObject({ ok: true });
  expect(refreshes()).toBe(1);
});

test("a reload after the session has ended shows nobody", async () => {
  browser.signIn();
  server.expected = "another";
  const { session, changes } = openTab();
  await session.resume();
  expect(session.user).toBeNull();
  expect(changes).toEqual(["ended"]);
  expect(browser.kept.size).toBe(0);
});

test.each([
  ["a server that is away", "away" as const],
  ["a limit", problem(429, "rate_limited", "Slow down.", {}, { "Retry-After": "7" })],
  ["a proxy's page", new Response("<h1>Bad gateway</h1>", { status: 502 })],
])("%s ends no session", async (_, reply) => {
  browser.signIn();
  server.instead = ({ path }) => (path === "/api/refresh" ? reply : undefined);
  const { session, changes, ask } = openTab();
  await session.resume();
  expect(session.user).toBe(USER);
  expect(changes).toEqual([]);
  server.instead = () => undefined;
  expect(await ask()).toMatchObject({ ok: true });
});

describe("a 401", () => {
  test("is followed by one refresh and one more try", async () => {
    browser.signIn();
    const { session, ask } = openTab();
    await session.resume();
    server.access.clear();
    expect(await ask()).toMatchObject({ ok: true });
    expect(refreshes()).toBe(2);
    expect(server.calls("GET /api/custom").map(({ bearer }) => bearer)).toEqual(["access2", "access3"]);
  });

  test("ends the session if the new token is refused as well", async () => {
    browser.signIn();
    const { session, changes, ask } = openTab();
    await session.resume();
    server.instead = ({ path }) =>
      path === "/api/custom" ? problem(401, "session_required", "No.") : undefined;
    expect(await ask()).toMatchObject({ ok: false, refusal: { status: 401 } });
    expect(server.calls("GET /api/custom")).toHaveLength(2);
    expect(session.user).toBeNull();
    expect(changes).toEqual(["ended"]);
  });

  test("of many calls at once costs one refresh", async () => {
    browser.signIn();
    const { session, ask } = openTab();
    await session.resume();
    server.access.clear();
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(refreshes()).toBe(2);
  });
});

test("a token is renewed before it expires, not after", async () => {
  browser.signIn();
  const { session, ask } = openTab();
  await session.resume();
  browser.wall += 880_000;
  await ask();
  expect(refreshes()).toBe(1);
  browser.wall += 15_000;
  await ask();
  expect(refreshes()).toBe(2);
  expect(server.calls("GET /api/custom")).toHaveLength(2);
});

describe("two tabs", () => {
  test("that need a token at the same moment refresh once between them", async () => {
    browser.signIn();
    const [one, other] = [openTab(), openTab()];
    const answers = await Promise.all([one.ask(), other.ask(), one.session.resume(), other.session.resume()]);
    expect(answers.slice(0, 2)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(refreshes()).toBe(1);
    expect(server.calls("GET /api/custom").map(({ bearer }) => bearer)).toEqual(["access2", "access2"]);
  });

  test("never use one refresh token twice, however late the news of it come", async () => {
    browser.signIn();
    const late: (() => void)[] = [];
    browser.carry = (deliver) => void late.push(deliver);
    const tabs = Array.from({ length: 5 }, () => openTab());
    const answers = await Promise.all(tabs.map(({ ask }) => ask()));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(refreshes()).toBe(5);
    for (const deliver of late) deliver();
    expect(tabs.map(({ session }) => session.user)).toEqual(new Array(5).fill(USER));
    expect(await tabs[0]?.ask()).toMatchObject({ ok: true });
  });

  test("learn of a sign-in and of a log-out", async () => {
    server.links.add("link");
    const [one, other] = [openTab(), openTab()];
    await one.session.redeem("link");
    await settle();
    expect(other.session.user).toBe(USER);
    expect(await other.ask()).toMatchObject({ ok: true });
    expect(refreshes()).toBe(0);
    await other.session.logOut();
    await settle();
    expect([one.session.user, other.session.user]).toEqual([null, null]);
    expect([one.changes, other.changes]).toEqual([
      ["in", "out"],
      ["in", "out"],
    ]);
  });

  test("do not take an old log-out for a new one", async () => {
    server.links.add("link").add("second");
    const [one, other] = [openTab(), openTab()];
    await one.session.redeem("link");
    await settle();
    const late: (() => void)[] = [];
    browser.carry = (deliver) => void late.push(deliver);
    await one.session.logOut();
    await one.session.redeem("second");
    for (const deliver of late.reverse()) deliver();
    expect(other.session.user).toBe(USER);
  });

  test("that were asleep look again", async () => {
    browser.signIn();
    const { session, changes } = openTab();
    browser.kept.delete("hashpass.user");
    session.lookAgain();
    expect(session.user).toBeNull();
    browser.kept.set("hashpass.user", USER);
    session.lookAgain();
    expect(session.user).toBe(USER);
    expect(changes).toEqual(["out", "in"]);
  });

  test("are not taken in by what others say in the channel", () => {
    const { session, changes } = openTab();
    const messages = [
      null,
      1,
      "x",
      {},
      { user: 1 },
      { user: USER },
      { user: USER, token: 1, expires: 2 },
      { token: "x" },
    ];
    const stranger = browser.openTab();
    expect(stranger.session.user).toBeNull();
    for (const message of messages) browser.say(message);
    expect(session.user).toBeNull();
    expect(changes).toEqual([]);
  });
});

test("a refresh that a closed tab left behind is waited for", async () => {
  browser.signIn();
  browser.kept.set("hashpass.refreshing", String(browser.wall - 1000));
  const { session } = openTab();
  await session.resume();
  expect(browser.slept).toEqual([2000]);
  expect(session.user).toBe(USER);
  expect(browser.kept.has("hashpass.refreshing")).toBe(false);
});

test.each(["", "x", "0", "9999999999999999"])("a mark %j of one is not", async (mark) => {
  browser.signIn();
  browser.kept.set("hashpass.refreshing", mark);
  await openTab().session.resume();
  expect(browser.slept).toEqual([]);
});

test("a log-out that did not come through is none", async () => {
  browser.signIn();
  const { session, changes } = openTab();
  await session.resume();
  server.instead = () => "away";
  expect(await session.logOut()).toMatchObject({ ok: false, refusal: { status: 0 } });
  expect(session.user).toBe(USER);
  expect(changes).toEqual([]);
  server.instead = () => undefined;
  expect(await session.logOut()).toMatchObject({ ok: true });
  expect(server.calls("DELETE /api/login/").at(-1)?.bearer).toBe("access2");
});

test("without a storage somebody is signed in as long as the page lives", async () => {
  server.links.add("link");
  const { session, ask } = openTab({ hasStorage: false });
  await session.redeem("link");
  session.lookAgain();
  expect(session.user).toBe(USER);
  browser.wall += 2_000_000;
  expect(await ask()).toMatchObject({ ok: true });
  expect(openTab({ hasStorage: false }).session.user).toBeNull();
});
