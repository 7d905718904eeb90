/** The operator's desk: whether somebody is logged in, the newest status, and how it reaches us. */

import { AGAIN, type Connection, createConnection, type Next } from "../race/connection.ts";
import type { Environment } from "../race/environment.ts";
import { type AdminApi, createAdminApi, type Drawer, type Fetch, type Problem } from "./api.ts";
import { joinPoints, type Moment, momentOf, readStatus } from "./status.ts";
import type { ChartPoint, Status } from "./types.ts";

/** How the newest status came: pushed, asked for, or not at all at present. */
export type Reach = "live" | "polling" | "away";

export interface DeskState {
  readonly isIn: boolean;
  /** Why the log-in is there again, empty where nobody said; null where nothing was ended from outside. */
  readonly ended: string | null;
  readonly status: Status | null;
  readonly reach: Reach;
  /** When the socket is tried again, on the page's clock. */
  readonly retryAt: number | null;
  /** Why the server takes no socket of ours, although the token is right. */
  readonly refusal: string | null;
  /** Oldest first. */
  readonly history: readonly Moment[];
  /** The server keeps four minutes of the hash rate; this page adds what it has seen itself. Oldest first. */
  readonly rates: readonly ChartPoint[];
}

export interface Desk {
  readonly state: DeskState;
  readonly api: AdminApi;
  subscribe(listener: (state: DeskState) => void): () => void;
  /** Null where the token was right. */
  logIn(token: string): Promise<Problem | null>;
  logOut(): void;
  /** Try the connection now. */
  retry(): void;
}

export type DeskEnvironment = Pick<Environment, "clock" | "random" | "openSocket"> & {
  readonly fetch: Fetch;
  /** Lives as long as the tab, over reloads; null where the browser forbids it. */
  readonly tab: Drawer | null;
};

const STATUS = "/api/admin/status";
const TICKET = "/api/admin/ws-ticket";
const SOCKET = "/api/admin/ws?ticket=";
/** A status comes every two seconds. A socket that keeps silent for so long is dead. */
const SILENCE = 12_000;
const POLL_EVERY = 5_000;
/** Five minutes of updates, and where they begin. */
const MOMENTS = 151;
/** An hour of points, five seconds apart. */
const RATES = 720;
/** What the server closes with when it does not want us. */
const UNWANTED = 1008;

const OUT: DeskState = {
  isIn: false,
  ended: null,
  status: null,
  reach: "away",
  retryAt: null,
  refusal: null,
  history: [],
  rates: [],
};

export function createDesk(environment: DeskEnvironment): Desk {
  const { clock } = environment;
  const listeners = new Set<(state: DeskState) => void>();
  // What was asked for before a log-out must not be answered into the next log-in.
  let sitting = 0;
  let heardAt = 0;
  let pollAt = 0;
  let isPolling = false;
  /** In a row. */
  let closes = 0;
  let stopTicking = () => {};
  let state = OUT;

  const api = createAdminApi(environment.fetch, () => leave(state.isIn ? "" : null), environment.tab);

  function change(part: Partial<DeskState>): void {
    state = { ...state, ...part };
    for (const listener of listeners) listener(state);
  }

  function sitDown(firstPoll: number): void {
    sitting += 1;
    closes = 0;
    heardAt = clock.now();
    pollAt = heardAt + firstPoll;
    isPolling = false;
    change({ ...OUT, isIn: true });
    tick();
  }

  /** The end of everything: no timer, no socket, no token. */
  function leave(ended: string | null): void {
    sitting += 1;
    stopTicking();
    connection.close();
    api.forget();
    change({ ...OUT, ended });
  }

  function show(body: unknown, reach: Reach): void {
    const status = readStatus(body);
    if (status === null) return;
    heardAt = clock.now();
    const moment = momentOf(status, heardAt / 1000);
    change({
      status,
      reach,
      history: [...state.history, moment].slice(-MOMENTS),
      rates: joinPoints(state.rates, status.hashrate_chart_history).slice(-RATES),
    });
  }

  function tick(): void {
    stopTicking = clock.after(1000, tick);
    const now = clock.now();
    if (state.reach === "live") {
      connection.tick();
      if (now - heardAt < SILENCE) return;
      change({ reach: "away" });
      connection.redial();
    } else if (now >= pollAt) void poll();
  }

  /** The status over HTTP, for as long as no socket brings it: some proxies let none through. */
  async function poll(): Promise<void> {
    if (isPolling) return;
    isPolling = true;
    const mine = sitting;
    const answer = await api.get<unknown>(STATUS);
    if (mine !== sitting) return;
    isPolling = false;
    const wait = answer.ok ? POLL_EVERY : Math.max(POLL_EVERY, (answer.problem.retryAfter ?? 0) * 1000);
    pollAt = clock.now() + wait;
    if (state.reach === "live") return;
    if (!answer.ok) return change({ reach: "away" });
    show(answer.value, "polling");
    dial();
  }

  /** Only with a token that has just been found right: a wrong one is one wrong guess a tab, not two. */
  function dial(): void {
    if (state.refusal === null) connection.open();
  }

  const connection: Connection = createConnection(environment, {
    async address(): Promise<string | Next> {
      const answer = await api.post<{ readonly ticket: string }>(TICKET);
      if (answer.ok) return SOCKET + encodeURIComponent(answer.value.ticket);
      return { kind: "again", atLeast: (answer.problem.retryAfter ?? 0) * 1000 };
    },
    opened() {},
    message(text) {
      let body: unknown;
      try {
        body = JSON.parse(text);
      } catch {
        return;
      }
      closes = 0;
      if (state.refusal !== null) change({ refusal: null });
      show(body, "live");
    },
    async closed(code, reason) {
      if (state.reach === "live") {
        pollAt = clock.now() + POLL_EVERY;
        change({ reach: "away" });
      }
      if (code !== UNWANTED) return AGAIN;
      closes += 1;
      // The ticket may have been too old, which a fresh one mends; not twice.
      if (closes === 1) return { kind: "now" };
      if (/token|ticket/i.test(reason)) leave(reason);
      else change({ refusal: reason });
      return { kind: "stop" };
    },
    waiting(retryAt) {
      if (state.isIn) change({ retryAt });
    },
  });

  if (api.hasToken) sitDown(0);

  return {
    get state() {
      return state;
    },
    api,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async logIn(token) {
      api.take(token);
      const answer = await api.get<unknown>(STATUS);
      if (!answer.ok) {
        leave(null);
        return answer.problem;
      }
      sitDown(POLL_EVERY);
      show(answer.value, "polling");
      dial();
      return null;
    },
    logOut: () => leave(null),
    retry() {
      closes = 0;
      change({ refusal: null });
      connection.retry();
    },
  };
}
