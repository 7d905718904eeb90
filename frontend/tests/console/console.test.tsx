// @vitest-environment happy-dom

import axe from "axe-core";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createDesk, type Desk } from "../../src/console/desk.ts";
import { Console } from "../../src/console/view/console.tsx";
import { CONSOLE_WORDS } from "../../src/i18n/console.ts";
import { announceLanguage, Speaking } from "../../src/i18n/speech.tsx";
import { FakeServer, HOSTILE, json, problem, status, TOKEN, troubled, WALL } from "./server.ts";

let server: FakeServer;
let root: HTMLElement;
let desk: Desk;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  localStorage.clear();
  location.hash = "";
  server = new FakeServer();
  root = document.createElement("div");
  document.body.replaceChildren(root);
  announceLanguage(CONSOLE_WORDS.english);
});

afterEach(() => {
  act(() => render(null, root));
  desk.logOut();
  vi.useRealTimers();
});

async function show(): Promise<void> {
  desk = createDesk(server.environment);
  await act(async () =>
    render(
      <Speaking words={CONSOLE_WORDS} texts={CONSOLE_WORDS.english}>
        <Console desk={desk} />
      </Speaking>,
      root,
    ),
  );
}

async function pass(milliseconds: number): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(milliseconds);
  });
}

/** With a token that was kept, and a socket that brings this. */
async function showLive(place: string, told: Record<string, unknown> = status()): Promise<void> {
  location.hash = `#/${place}`;
  server.kept.set("hashpass.admin", TOKEN);
  server.routes["GET /api/admin/status"] = () => json(told);
  await show();
  await pass(10);
  await act(async () => {
    server.socket.open();
    server.socket.say({ type: "STATUS_UPDATE", ...told });
  });
}

function all(selector: string): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(selector)];
}

function textOf(selector: string): string {
  return root.querySelector(selector)?.textContent?.trim() ?? "";
}

function button(label: string, within: Element | null = root): HTMLButtonElement {
  const named = (one: HTMLButtonElement) => one.getAttribute("aria-label") ?? one.textContent?.trim();
  const found = [...(within?.querySelectorAll("button") ?? [])].find((one) => named(one) === label);
  if (found === undefined) throw new Error(`There is no button "${label}".`);
  return found;
}

async function press(label: string, within: Element | null = root): Promise<void> {
  await act(async () => button(label, within).click());
  await pass(1);
}

async function type(selector: string, value: string): Promise<void> {
  const input = root.querySelector<HTMLInputElement>(selector);
  if (input === null) throw new Error(`There is no ${selector}.`);
  await act(async () => {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

async function submit(selector: string): Promise<void> {
  await act(async () => {
    root.querySelector(selector)?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  });
  await pass(1);
}

function dialog(): HTMLElement {
  const [open] = all("dialog");
  if (open === undefined) throw new Error("No dialog is open.");
  return open;
}

/** The values of one column, from above. */
function column(title: string): string[] {
  const [table] = all("table");
  return [...(table?.querySelectorAll(`td[data-label="${title}"]`) ?? [])].map(
    (cell) => cell.textContent ?? "",
  );
}

async function logIn(token: string): Promise<void> {
  await type("input[type=password]", token);
  await submit("form");
}

describe("axe has nothing to say of", () => {
  const told = { now: status(), troubled: troubled(), miners: status() };

  test.each(["login", "now", "troubled", "miners", "dialog"] as const)("%s", async (name) => {
    server.banned = ["198.51.100.0/24"];
    if (name === "login") await show();
    else if (name === "dialog") await showLive("miners");
    else await showLive(name === "troubled" ? "now" : name, told[name]);
    if (name === "dialog") await press("Ban: 203.0.113.7");
    expect(root.textContent).not.toMatch(/undefined|NaN|Infinity|[{}|]|\[object/);
    vi.useRealTimers();
    const { violations } = await axe.run(document.documentElement, {
      // Nothing is laid out here; both are looked at in a browser.
      rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
    });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  });
});

describe("logging in", () => {
  test("is a password field with the focus, for managers of passwords to fill", async () => {
    await show();
    const field = root.querySelector<HTMLInputElement>("input[type=password]");
    expect(field?.autocomplete).toBe("current-password");
    expect(document.activeElement).toBe(field);
  });

  test("leads to the view that the address names", async () => {
    location.hash = "#/miners";
    await show();
    await logIn(` ${TOKEN} `);
    await pass(10);
    expect(textOf("h1")).toBe("Miners");
    expect(document.title).toBe("Miners · HashPass console");
    expect(root.textContent).not.toContain(TOKEN);
  });

  test("with a wrong token says so, and lets it be typed again", async () => {
    await show();
    await logIn("wrong");
    expect(textOf("[role=alert]")).toContain("This is not the admin token.");
    const field = root.querySelector<HTMLInputElement>("input[type=password]");
    expect(field?.getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(field);
  });

  test("while locked out says how long", async () => {
    server.routes["GET /api/admin/status"] = () => problem(429, "Too many.", 287);
    await show();
    await logIn(TOKEN);
    expect(textOf("[role=alert] h2")).toBe("Locked out");
    expect(textOf("[role=alert] p")).toContain("Wait 4m 47s");
  });

  test("without an answer says so, and keeps what was typed", async () => {
    server.isReachable = false;
    await show();
    await logIn(TOKEN);
    expect(textOf("[role=alert] h2")).toBe("Not reached");
    expect(root.querySelector<HTMLInputElement>("input[type=password]")?.value).toBe(TOKEN);
  });

  test("a 401 in the midst of work shows it again, and why", async () => {
    await showLive("miners");
    server.token = "a new one";
    await pass(5000);
    expect(textOf("h1")).toBe("Log in as the operator");
    expect(textOf("[role=alert] h2")).toBe("You have been logged out");
    const before = server.requests.length;
    await pass(600_000);
    expect(server.requests).toHaveLength(before);
  });

  test("logging out gives no reason, and forgets the token", async () => {
    await showLive("now");
    await press("Log out");
    expect(textOf("[role=alert]")).toBe("");
    expect(server.kept.size).toBe(0);
  });
});

describe("the frame", () => {
  test("has five words, the present one marked, and one heading", async () => {
    await showLive("now");
    expect(all(".rail a").map((link) => link.textContent)).toEqual([
      "Now",
      "Miners",
      "Codes",
      "Logs",
      "Controls",
    ]);
    expect(all(".rail [aria-current=page]").map((link) => link.textContent)).toEqual(["Now"]);
    expect(all("h1")).toHaveLength(1);
  });

  test("gives the focus to the heading of a view that was chosen", async () => {
    await showLive("now");
    await act(async () => {
      location.hash = "#/miners";
      dispatchEvent(new Event("hashchange"));
    });
    expect(textOf("h1")).toBe("Miners");
    expect(document.activeElement).toBe(root.querySelector("h1"));
  });

  test("an address that names nothing is Now", async () => {
    await showLive("constructor");
    expect(textOf("h1")).toBe("Now");
  });

  test("says how fresh the figures are", async () => {
    await showLive("now");
    expect(textOf(".reach [role=status]")).toBe("Live");
    await act(async () => server.socket.end());
    expect(textOf(".reach [role=status]")).toBe("No connection");
    expect(textOf(".reach")).toContain("Live again in 1s");
    server.isReachable = false;
    await pass(10_000);
    expect(textOf(".reach")).toContain("Try now");
  });
});

describe("now", () => {
  test("has ten figures, each with what is normal", async () => {
    await showLive("now");
    await pass(4000);
    await act(async () => server.socket.say({ type: "STATUS_UPDATE", ...status() }));
    const figures = all(".figures > div").map((one) => [
      one.querySelector("dt")?.textContent,
      one.querySelector(".value")?.textContent,
      one.querySelector(".normal")?.textContent,
    ]);
    expect(figures).toEqual([
      ["Mining", "13", "no change in 4s"],
      ["Online", "18", "no change in 4s"],
      ["Hash rate", "412 H/s", "no change in 4s"],
      ["Difficulty", "14.6 bits", "allowed 1 to 32"],
      ["Round clock", "03:12", "time-out at 05:00"],
      ["Last solve", "48s", "aim 24s to 1m 36s"],
      ["Average solve", "1m 3s", "aim 24s to 1m 36s"],
      ["Sessions", "21", "no change in 4s"],
      ["Banned", "2", "addresses and networks"],
      ["Webhooks waiting", "0", "usually none"],
    ]);
  });

  test("tells what the last minutes were like", async () => {
    await showLive("now");
    expect(textOf(".figures .normal")).toBe("–");
    for (let turn = 0; turn < 80; turn += 1) {
      await pass(2000);
      await act(async () =>
        server.socket.say({ type: "STATUS_UPDATE", ...status({ active_miners: turn === 3 ? 4 : 13 }) }),
      );
    }
    expect(textOf(".figures .normal")).toBe("4 to 13 in 2m");
  });

  test("what nobody has told is not zero", async () => {
    await showLive("now", status({ last_solve_time: null, average_solve_time: null }));
    expect(all(".value").filter((value) => value.textContent === "–")).toHaveLength(2);
  });

  test("the curves are described to those who hear them", async () => {
    await showLive("now");
    const [rates, solves] = all(".trend .aloud").map((one) => one.textContent);
    expect(rates).toMatch(
      /^Hash rate, \d\d:\d\d:\d\d to \d\d:\d\d:\d\d: lowest \d+ H\/s, highest \d+ H\/s, newest/,
    );
    expect(solves).toContain("lowest 12s, highest 1m 28s, newest 1m 28s.");
  });

  test("an empty history is told as that", async () => {
    await showLive("now", status({ hashrate_chart_history: [], solve_time_chart_history: [] }));
    expect(textOf(".trend .aloud")).toBe("Hash rate: nothing measured yet.");
  });

  const drop = status().drop;
  const later = new Date((WALL + 754) * 1000).toISOString();
  test.each([
    [{ ...drop, open: false, reason: "not_open_yet", opens_at: later }, "in 12m 34s"],
    [{ ...drop, open: false, reason: "used_up", remaining: 0, code_limit: 5 }, "Every code has been won."],
    [{ ...drop, open: false, reason: "ended", closes_at: "2026-05-01T00:00:00Z" }, "It ended at"],
    [{ ...drop, closes_at: later, remaining: 1, code_limit: 5 }, "1 code of 5 is left."],
  ])("the drop %j says: %s", async (told, words) => {
    await showLive("now", status({ drop: told, ...(told.open ? {} : { round: null, current_seed: null }) }));
    expect(textOf(".race-state h2")).toBe(told.open ? "Round 418 is running" : "The race is closed");
    expect(textOf(".race-state p")).toContain(words);
  });

  test("what is wrong stands open: tasks, and webhooks that can be tried again", async () => {
    await showLive("now", troubled());
    expect(textOf(".notice h2")).toBe("The server is degraded");
    expect(root.querySelector("details")?.open).toBe(true);
    expect(textOf("summary")).toBe("1 task is down");
    await press("Try again now");
    expect(server.count("POST /api/admin/webhooks/retry")).toBe(1);
    expect(textOf(".webhooks [role=status]")).toBe("2 are being tried again.");
  });
});

describe("miners", () => {
  test("are sorted by what is pressed, and turned round by a second press", async () => {
    await showLive("miners");
    expect(column("Hash rate")[0]).toBe("41 kH/s");
    await press("Address");
    expect(column("Address").slice(0, 4)).toEqual([
      "192.0.2.61",
      "198.51.100.9",
      "198.51.100.10",
      "203.0.113.7",
    ]);
    expect(textOf("th[aria-sort=ascending]")).toBe("Address");
    await press("Address");
    expect(textOf("th[aria-sort=descending]")).toBe("Address");
    expect(column("Address").at(-1)).toBe("192.0.2.61");
  });

  test("can be sorted where there are no heads to press", async () => {
    await showLive("miners");
    const select = root.querySelector<HTMLSelectElement>(".sorting select");
    if (select === null) throw new Error("There is no choice.");
    await act(async () => {
      select.value = "ip";
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
    expect(column("Address")[0]).toBe("192.0.2.61");
  });

  test("are found by a part of their address", async () => {
    await showLive("miners");
    await type("input[type=search]", "2001:DB8");
    expect(column("Address")).toHaveLength(2);
    await type("input[type=search]", "nowhere");
    expect(textOf(".empty")).toBe("No address here has that in it.");
  });

  test("are asked for every five seconds while they are shown, and no longer", async () => {
    await showLive("miners");
    const calls = () => server.count("GET /api/admin/miners");
    const before = calls();
    await pass(15_000);
    expect(calls() - before).toBe(3);
    await act(async () => {
      location.hash = "#/now";
      dispatchEvent(new Event("hashchange"));
    });
    await pass(15_000);
    expect(calls() - before).toBe(3);
  });

  test("too fast a one is told by a word", async () => {
    await showLive("miners");
    expect(column("State").filter((state) => state.includes("too fast"))).toHaveLength(1);
  });

  test("a banned one takes two presses, and the second is asked for by name", async () => {
    await showLive("miners");
    await press("Ban: 203.0.113.7");
    expect(dialog().querySelector("h2")?.textContent).toBe("Ban 203.0.113.7?");
    expect(server.count("POST /api/admin/kick")).toBe(0);
    const listed = server.count("GET /api/admin/blacklist");
    await press("Ban", dialog());
    expect(server.requests.find(({ path }) => path === "/api/admin/kick")?.body).toEqual({
      ip: "203.0.113.7",
    });
    expect(all("dialog")).toHaveLength(0);
    expect(textOf(".done")).toBe("203.0.113.7 is banned. Sockets closed: 3. Sessions ended: 2.");
    expect(server.count("GET /api/admin/blacklist") - listed).toBe(1);
  });

  test("of an IPv6 address the whole network is named, and how many it concerns", async () => {
    await showLive("miners");
    await press("Ban: 2001:db8:77:1:a:b:c:d");
    expect(dialog().querySelector("h2")?.textContent).toBe("Ban 2001:db8:77:1::/64?");
    expect(dialog().textContent).toContain("2001:db8:77:1:a:b:c:d belongs to 2001:db8:77:1::/64");
    expect(dialog().textContent).toContain("2 miners");
  });

  test("a refusal stays in the dialog, which can be left", async () => {
    await showLive("miners");
    server.routes["POST /api/admin/kick"] = () =>
      problem(400, "This would ban you: your address is 203.0.113.7.");
    await press("Ban: 203.0.113.7");
    await press("Ban", dialog());
    expect(dialog().querySelector("[role=alert]")?.textContent).toContain("This would ban you");
    await press("Cancel", dialog());
    expect(all("dialog")).toHaveLength(0);
    expect(textOf(".done")).toBe("");
  });

  test("Escape leaves the dialog and does nothing", async () => {
    await showLive("miners");
    await press("Ban: 203.0.113.7");
    await act(async () => void dialog().dispatchEvent(new Event("cancel", { cancelable: true })));
    expect(all("dialog")).toHaveLength(0);
    expect(server.count("POST /api/admin/kick")).toBe(0);
  });

  test("a network is banned by its field, and the ban is lifted from its row", async () => {
    server.banned = ["198.51.100.0/24"];
    await showLive("miners");
    await type("form.line input", " 192.0.2.0/24 ");
    await submit("form.line");
    expect(dialog().querySelector("h2")?.textContent).toBe("Ban 192.0.2.0/24?");
    await press("Ban", dialog());
    await press("Lift the ban: 198.51.100.0/24");
    await press("Lift the ban", dialog());
    expect(server.banned).toEqual(["192.0.2.0/24"]);
    expect(textOf(".done")).toBe("198.51.100.0/24 is no longer banned.");
  });

  test("an empty field asks for nothing", async () => {
    await showLive("miners");
    await submit("form.line");
    expect(all("dialog")).toHaveLength(0);
  });

  test("sessions are asked for only when they are opened", async () => {
    await showLive("miners");
    expect(server.count("GET /api/admin/sessions")).toBe(0);
    const details = root.querySelector("details");
    await act(async () => {
      if (details !== null) details.open = true;
      details?.dispatchEvent(new Event("toggle"));
    });
    await pass(1);
    expect(server.count("GET /api/admin/sessions")).toBe(1);
    expect(root.textContent).toContain("gone for 2m 5s");
  });
});

describe("what clients say of themselves", () => {
  test("is text, wherever it stands", async () => {
    server.routes["GET /api/admin/miners"] = () =>
      json({
        miners: [
          {
            ip: HOSTILE,
            hashrate: 1,
            last_seen: WALL,
            connected_since: WALL,
            overspeed: false,
            mining: true,
          },
        ],
        total: 1,
      });
    server.banned = [HOSTILE];
    await showLive("miners");
    const details = root.querySelector("details");
    await act(async () => {
      if (details !== null) details.open = true;
      details?.dispatchEvent(new Event("toggle"));
    });
    await pass(1);
    await press(`Ban: ${HOSTILE}`);
    expect(dialog().textContent).toContain(HOSTILE);
    expect(root.textContent?.split(HOSTILE).length).toBeGreaterThan(4);
    expect(all("img, script, iframe")).toHaveLength(0);
    for (const element of all("*"))
      for (const name of element.getAttributeNames()) expect(name).not.toMatch(/^on/);
  });

  test("is text in the server's own sentences, too", async () => {
    await showLive("now", troubled());
    expect(root.textContent).toContain(HOSTILE);
    expect(all("img")).toHaveLength(0);
  });
});
