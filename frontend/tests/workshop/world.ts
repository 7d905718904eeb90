/** A server that is as strict as the real one, and a browser with any number of tabs. */

import { createApi } from "../../src/workshop/api.ts";
import type { Arrival } from "../../src/workshop/arrival.ts";
import { createSession, type Session } from "../../src/workshop/session.ts";
import { createWorkshop, type Workshop } from "../../src/workshop/workshop.ts";

export const USER = "88BCBxoAm61vEn7Dy162LoU6Pd4gaz9w5SNEuGid2vsY";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly bearer: string | null;
}

type Reply = Response | "away";

export function problem(
  status: number,
  code: string,
  detail: string,
  more: object = {},
  headers: object = {},
) {
  return new Response(JSON.stringify({ type: `urn:hashpass:error:${code}`, detail, ...more }), {
    status,
    headers: { ...headers },
  });
}

function json(value: object): Response {
  return new Response(JSON.stringify(value));
}

export function createServer() {
  let count = 0;
  const server = {
    asked: [] as Asked[],
    /** The refresh token that the browser holds, and the one that the server expects. */
    cookie: "",
    expected: "",
    /** Every access token that is good for something. */
    access: new Set<string>(),
    links: new Set<string>(),
    life: 900,
    /** Answers in place of the server; undefined leaves it to it. */
    instead: (_asked: Asked): Reply | undefined => undefined,
    /** Every answer waits for this. */
    wait: () => Promise.resolve(),
    calls: (what: string) => server.asked.filter(({ method, path }) => `${method} ${path}` === what),
    /** As after a link. */
    open() {
      count += 1;
      server.cookie = server.expected = `refresh${count}`;
      const token = `access${count}`;
      server.access.add(token);
      return { access_token: token, expires_in: server.life, user_id: USER };
    },
    async fetch(url: string, init: RequestInit): Promise<Response> {
      const { pathname: path, searchParams: query } = new URL(url, "http://localhost");
      const headers = new Headers(init.headers);
      const asked: Asked = {
        method: init.method ?? "GET",
        path,
        query,
        body: typeof init.body === "string" ? JSON.parse(init.body) : {},
        bearer: headers.get("Authorization")?.replace("Bearer ", "") ?? null,
      };
      server.asked.push(asked);
      // The cookie goes with the request, not with the answer.
      const { cookie } = server;
      await server.wait();
      const reply = server.instead(asked) ?? answer(asked, cookie);
      if (reply === "away") throw new TypeError("Failed to fetch");
      return reply;
    },
  };

  function answer({ method, path, query, body, bearer }: Asked, cookie: string): Response {
    switch (`${method} ${path}`) {
      case "GET /api/version":
        return json({ api_version: "1.4.5", ui_version: "0.19.4" });
      case "POST /api/login/":
        return json({ status: "OK", message: "" });
      case "GET /api/login/":
        if (!server.links.delete(query.get("magiclink") ?? ""))
          return problem(400, "bad_request", "Invalid or expired magic link", { field: "magiclink" });
        return json({ ...server.open(), token_type: "Bearer" });
      case "DELETE /api/login/":
        end();
        return json({ message: "Logged out successfully" });
      case "POST /api/refresh":
        if (cookie === "" || cookie !== server.expected) {
          end();
          return problem(401, "session_revoked", "Invalid refresh token");
        }
        return json(server.open());
    }
    if (bearer === null || !server.access.has(bearer)) return problem(401, "session_required", "No.");
    const seed = body.seed ?? "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H";
    count += 1;
    return json({ hash: `made-${count}`, seed, otp: "012345678", timestamp: 1_790_000_000 });
  }

  function end(): void {
    server.cookie = server.expected = "";
    server.access.clear();
  }

  return server;
}

export type Server = ReturnType<typeof createServer>;

/** What the tabs of one browser have in common. */
export function createBrowser(server: Server) {
  const tabs: ((message: unknown) => void)[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const kept = new Map<string, string>();
  const browser = {
    kept,
    wall: 1_790_000_000_000,
    slept: [] as number[],
    /** How news come to the other tabs: at once, unless a test wants them late. */
    carry: (deliver: () => void) => void queueMicrotask(deliver),
    openTab(ports: { readonly hasStorage?: boolean } = {}): {
      session: Session;
      api: ReturnType<typeof createApi>;
    } {
      let listen: ((message: unknown) => void) | null = null;
      const hear = (message: unknown) => listen?.(message);
      tabs.push(hear);
      const api = createApi(server.fetch, () => new AbortController().signal);
      const forbidden = (): never => {
        throw new Error("forbidden");
      };
      const session = createSession({
        api,
        exclusive(run) {
          const mine = turn.then(run);
          turn = mine.catch(() => {});
          return mine;
        },
        channel: {
          post(message) {
            const copy: unknown = structuredClone(message);
            for (const other of tabs) if (other !== hear) browser.carry(() => other(copy));
          },
          heard(call) {
            listen = call;
          },
        },
        drawer:
          ports.hasStorage === false
            ? { getItem: forbidden, setItem: forbidden, removeItem: forbidden }
            : {
                getItem: (key) => kept.get(key) ?? null,
                setItem: (key, value) => void kept.set(key, value),
                removeItem: (key) => void kept.delete(key),
              },
        wall: () => browser.wall,
        async sleep(milliseconds) {
          browser.slept.push(milliseconds);
          browser.wall += milliseconds;
        },
      });
      return { session, api };
    },
    /** Puts a message into the channel that is none of ours. */
    say(message: unknown) {
      for (const tab of tabs) tab(message);
    },
    /** As somebody left it who signed in and then closed the tab. */
    signIn() {
      server.open();
      kept.set("hashpass.user", USER);
    },
  };
  return browser;
}

export type Browser = ReturnType<typeof createBrowser>;

/** A tab that shows the pages, with its own address bar. */
export function openWorkshop(browser: Browser, path: string, arrival: Arrival | null = null) {
  const entries = [path];
  let place = 0;
  let moved = () => {};
  const later = new Set<() => void>();
  const { session, api } = browser.openTab();
  const workshop: Workshop = createWorkshop(
    {
      api,
      session,
      history: {
        get address() {
          return new URL(entries[place] ?? "/", "http://localhost");
        },
        origin: "http://localhost",
        push(to) {
          entries.splice(place + 1, entries.length, to);
          place += 1;
        },
        replace(to) {
          entries[place] = to;
        },
        moved(call) {
          moved = call;
        },
      },
      after(_, call) {
        later.add(call);
        return () => void later.delete(call);
      },
    },
    arrival,
  );
  return {
    workshop,
    session,
    entries,
    get path() {
      return entries[place];
    },
    move(steps: number) {
      place += steps;
      moved();
    },
    /** Time passes. */
    pass() {
      for (const call of [...later]) {
        later.delete(call);
        call();
      }
    },
  };
}

export async function settle(): Promise<void> {
  for (let round = 0; round < 60; round += 1) await Promise.resolve();
}
