/** An admin API made by hand, for tests of the console and for looking at it. Time is the caller's. */

import type { DeskEnvironment } from "../../src/console/desk.ts";
import type { Miner, SessionView } from "../../src/console/types.ts";
import type { SocketHandlers } from "../../src/race/environment.ts";

export const TOKEN = "correct-horse-battery";
/** The server's wall clock. */
export const WALL = Date.UTC(2026, 4, 4, 9, 41, 7) / 1000;
/** What a hostile client calls itself. */
export const HOSTILE = `"><img src=x onerror=alert(1)>');alert(document.domain)//`;

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly bearer: string | null;
  readonly body: Record<string, unknown> | null;
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

export function problem(status: number, detail: string, retryAfter?: number, field?: string): Response {
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  return new Response(JSON.stringify({ type: "urn:hashpass:error:x", title: "No", status, detail, field }), {
    status,
    headers,
  });
}

export class FakeSocket {
  isClosed = false;
  readonly sent: string[] = [];
  readonly path: string;
  readonly #handlers: SocketHandlers;

  constructor(path: string, handlers: SocketHandlers) {
    this.path = path;
    this.#handlers = handlers;
  }

  open(): void {
    this.#handlers.opened();
  }

  say(message: unknown): void {
    this.#handlers.message(typeof message === "string" ? message : JSON.stringify(message));
  }

  end(code = 1006, reason = ""): void {
    this.isClosed = true;
    this.#handlers.closed(code, reason);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }
}

type Route = (request: Request) => Response | Promise<Response>;

export class FakeServer {
  token = TOKEN;
  isReachable = true;
  readonly requests: Request[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly kept = new Map<string, string>();
  banned: string[] = [];
  #tickets = 0;
  readonly routes: Record<string, Route> = {
    "GET /api/admin/status": () => json(status()),
    "POST /api/admin/ws-ticket": () => {
      this.#tickets += 1;
      return json({ ticket: `ticket ${this.#tickets}`, expires_in: 30 });
    },
    "GET /api/admin/miners": () => json({ miners: MINERS, total: MINERS.length }),
    "GET /api/admin/sessions": () => json({ sessions: SESSIONS, total: SESSIONS.length }),
    "GET /api/admin/blacklist": () => json({ banned_ips: this.banned }),
    "POST /api/admin/kick": ({ body }) => {
      this.banned = [...this.banned, String(body?.ip)];
      return json({ banned: body?.ip, closed: 3, revoked: 2 });
    },
    "POST /api/admin/unban": ({ body }) => {
      this.banned = this.banned.filter((one) => one !== body?.ip);
      return json({ unbanned: body?.ip, banned_ips: this.banned });
    },
    "POST /api/admin/webhooks/retry": () => json({ retried: 2, webhooks: status().webhooks }),
  };

  get environment(): DeskEnvironment {
    return {
      clock: {
        now: () => performance.now(),
        wall: () => Date.now(),
        after(milliseconds, call) {
          const timer = setTimeout(call, milliseconds);
          return () => clearTimeout(timer);
        },
      },
      random: () => 0,
      fetch: (path, init) => this.#answer(path, init),
      openSocket: (path, handlers) => {
        const socket = new FakeSocket(path, handlers);
        this.sockets.push(socket);
        return socket;
      },
      tab: {
        getItem: (key) => this.kept.get(key) ?? null,
        setItem: (key, value) => void this.kept.set(key, value),
        removeItem: (key) => void this.kept.delete(key),
      },
    };
  }

  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (newest === undefined) throw new Error("There is no socket.");
    return newest;
  }

  count(call: string): number {
    return this.requests.filter(({ method, path }) => `${method} ${path}` === call).length;
  }

  async #answer(address: string, init: RequestInit): Promise<Response> {
    const url = new URL(address, "http://console");
    const request: Request = {
      method: init.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      bearer: new Headers(init.headers).get("Authorization")?.replace("Bearer ", "") ?? null,
      body: typeof init.body === "string" ? JSON.parse(init.body) : null,
    };
    this.requests.push(request);
    if (!this.isReachable) throw new TypeError("Failed to fetch");
    if (request.bearer !== this.token) return problem(401, "This is not the operator's token.");
    const route = this.routes[`${request.method} ${request.path}`];
    return route === undefined ? problem(404, "There is nothing here.") : await route(request);
  }
}

/** A room that fills up; always the same. */
export function rateAt(place: number): number {
  return 300 + 70 * Math.sin(place / 7) + 45 * Math.sin(place / 2.3) + place * 1.4;
}

const TASKS = [
  "audit",
  "trail",
  "state",
  "webhooks",
  "verifier",
  "hub",
  "consoles",
  "sessions",
  "hashrate",
  "figures",
  "rounds",
  "race",
];

export function status(change: Record<string, unknown> = {}) {
  return {
    active_miners: 13,
    online_connections: 18,
    total_hashrate: 412.3,
    mining_time: 192.4,
    last_solve_time: 48.2,
    average_solve_time: 63.1,
    banned_count: 2,
    current_seed: "9f3ac1e47b20d58866aa01c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506",
    round: 418,
    session_count: 21,
    hashrate_chart_history: Array.from({ length: 50 }, (_, place) => ({
      timestamp: WALL - 245 + place * 5,
      value: rateAt(place),
    })),
    solve_time_chart_history: [
      { timestamp: WALL - 220, value: 31 },
      { timestamp: WALL - 150, value: 71 },
      { timestamp: WALL - 138, value: 12 },
      { timestamp: WALL - 48, value: 88 },
    ],
    difficulty: 15,
    exact_difficulty: 14.6,
    difficulty_policy: "steady",
    min_difficulty: 1,
    max_difficulty: 32,
    target_time: 60,
    target_time_min: 24,
    target_time_max: 96,
    target_timeout: 300,
    algorithm: "argon2d",
    time_cost: 3,
    memory_cost: 65536,
    parallelism: 1,
    worker_count: 4,
    max_nonce_speed: 0,
    timeout_award: false,
    drop: {
      open: true,
      reason: null,
      opens_at: null,
      closes_at: null,
      remaining: null,
      code_limit: 0,
      wins_per_visitor: 0,
      win_cooldown: 0,
    },
    webhooks: {
      enabled: true,
      pending: 0,
      failed: 0,
      delivered: 417,
      refused: 0,
      saved: true,
      failures: [] as unknown[],
    },
    status: "ok",
    version: "1.0.0",
    uptime: 93_780,
    tasks: Object.fromEntries(
      TASKS.map((name) => [name, { state: "running", crashes: name === "hub" ? 1 : 0 }]),
    ) as Record<string, unknown>,
    timestamp: WALL,
    ...change,
  };
}

/** Webhooks that do not get through, a task that is down, a drop near its end. */
export function troubled() {
  return status({
    status: "degraded",
    tasks: {
      ...status().tasks,
      webhooks: { state: "restarting", crashes: 4 },
    },
    webhooks: {
      ...status().webhooks,
      pending: 3,
      failed: 1,
      failures: [{ id: "msg_5f1c0e9b", created_at: WALL - 260_000, last_error: `HTTP 502 ${HOSTILE}` }],
    },
    drop: {
      ...status().drop,
      open: true,
      closes_at: new Date((WALL + 754) * 1000).toISOString(),
      remaining: 7,
      code_limit: 100,
    },
  });
}

const ADDRESSES = [
  "203.0.113.7",
  "203.0.113.40",
  "198.51.100.9",
  "198.51.100.10",
  "2001:db8:77:1::1",
  "2001:db8:77:1:a:b:c:d",
  "192.0.2.61",
];

export const MINERS: readonly Miner[] = ADDRESSES.map((ip, place) => ({
  ip,
  hashrate: place === 2 ? 41_000 : 12 + place * 7.3,
  last_seen: WALL - place,
  connected_since: WALL - 60 - place * 417,
  overspeed: place === 2,
  mining: place !== 3,
}));

export const SESSIONS: readonly SessionView[] = ADDRESSES.map((ip, place) => ({
  token_preview: `a1b2c3d${place}`,
  ip,
  visitor_id: place === 1 ? HOSTILE : place === 5 ? null : `visitor-${place}`,
  created_at: WALL - 600 - place * 60,
  is_connected: place !== 4,
  disconnected_at: place === 4 ? WALL - 125 : null,
}));
