/** How the page gets in and stays in: the gate, the session's token, the socket, and what a refusal at the door means. */

import { type Api, type GateConfig, isAway, isSessionLost, type Refusal } from "./api.ts";
import { AGAIN, createConnection, type Next } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { GateAway, GateFailed, passGate } from "./gate.ts";
import { waitFor } from "./patience.ts";
import type { Trouble } from "./state.ts";
import type { Storage } from "./storage.ts";
import { type Heard, readMessage } from "./wire.ts";

export interface SessionHooks {
  /** A socket is open and there is a token. `isNew` if the token was given out just now. */
  admitted(isNew: boolean): void;
  heard(message: Heard): void;
  /** The socket has ended; another will be tried. */
  gone(): void;
  /** Why there is no connection, while one is still sought. */
  trouble(trouble: Trouble): void;
  /** There is no sense in trying again by ourselves. */
  stopped(trouble: Trouble): void;
  /** A token that is of no more use, but may have won something. */
  departed(token: string): void;
}

export interface Session {
  /** Null between a lost session and the next. */
  readonly token: string | null;
  readonly visitorId: string;
  readonly traceUrl: string;
  open(): void;
  retry(): void;
  check(): void;
  tick(): void;
  say(message: Readonly<Record<string, unknown>>): void;
  /** The server refused this token over HTTP: get another one, through the gate. */
  lost(token: string): void;
  /** The token, as soon as there is one; null when the page is done. */
  ready(): Promise<string | null>;
  close(): void;
}

const GATE_REFUSALS: ReadonlySet<string> = new Set(["gate_refused", "gate_token_used"]);

export function createSession(
  environment: Environment,
  api: Api,
  storage: Storage,
  hooks: SessionHooks,
): Session {
  const kept = storage.session();
  let token = kept?.token ?? null;
  let visitorId = kept?.visitorId ?? "";
  let config: GateConfig | null = null;
  /** What the gate gave out for the socket that is open or just closed. */
  let pass = "";
  let isNew = false;
  let isClosed = false;
  /** What the server said at the last close, if it said anything. */
  let why: Trouble | null = null;
  const waiters: ((token: string | null) => void)[] = [];

  const connection = createConnection(environment, { address, opened, message, closed, waiting });

  async function address(): Promise<string | Next> {
    visitorId ||= await environment.identify();
    if (config === null || token === null) {
      const answer = await api.gate();
      if (!answer.ok) return refusedBy(answer.refusal);
      config = answer.value;
    }
    return token === null ? askGate(config) : path(token);
  }

  async function askGate(gate: GateConfig): Promise<string | Next> {
    try {
      pass = await passGate(environment.gates, gate);
      return path(pass);
    } catch (error) {
      if (error instanceof GateAway) return refusedBy(error.refusal);
      const detail = error instanceof GateFailed ? error.message : String(error);
      hooks.stopped({ kind: "gate-failed", detail });
      return { kind: "stop" };
    }
  }

  function opened(): void {
    // Whether the token is still good shows with the first call; a socket with a gate's token is told its own.
    if (token !== null) admit();
  }

  function message(text: string): void {
    const heard = readMessage(text, environment.clock.now());
    if (heard === null) return;
    if (heard.type !== "session") {
      hooks.heard(heard);
      return;
    }
    accept(heard.token);
    admit();
  }

  function accept(given: string): void {
    token = given;
    isNew = true;
    storage.keepSession(given, visitorId);
  }

  function admit(): void {
    why = null;
    hooks.admitted(isNew);
    isNew = false;
    for (const tell of waiters.splice(0)) tell(token);
  }

  async function closed(code: number, reason: string): Promise<Next> {
    hooks.gone();
    why = null;
    return code === 1008 ? diagnose(reason) : AGAIN;
  }

  /** A close tells only a sentence; a call to the API tells the kind of the refusal. */
  async function diagnose(reason: string): Promise<Next> {
    const used = token;
    if (used === null) return enter(reason);
    const answer = await api.puzzle(used, visitorId);
    if (!answer.ok && isSessionLost(answer.refusal)) {
      if (token === used) depart(used);
      return { kind: "now" };
    }
    if (!answer.ok) return refusedBy(answer.refusal, reason);
    why = reason ? { kind: "refused", detail: reason } : null;
    return AGAIN;
  }

  /** The socket refused what the gate gave out. Asked the same over HTTP, the server says what was wrong. */
  async function enter(reason: string): Promise<Next> {
    const answer = await api.enter(pass);
    if (!answer.ok && !GATE_REFUSALS.has(answer.refusal.code)) return refusedBy(answer.refusal, reason);
    if (answer.ok) accept(answer.value);
    why = { kind: answer.ok ? "refused" : "gate-failed", detail: reason };
    return AGAIN;
  }

  function refusedBy(refusal: Refusal, reason = ""): Next {
    if (refusal.code === "banned") {
      hooks.stopped({ kind: "banned" });
      return { kind: "stop" };
    }
    why = isAway(refusal) ? null : { kind: "refused", detail: reason || refusal.detail };
    return { kind: "again", atLeast: refusal.retryAfter ?? waitFor(refusal, 0, () => 0) ?? 0 };
  }

  function waiting(retryAt: number | null): void {
    if (retryAt !== null) hooks.trouble(why ?? { kind: "server-away", retryAt });
  }

  function depart(from: string): void {
    token = null;
    why = { kind: "session-gone" };
    storage.forgetSession();
    hooks.trouble(why);
    hooks.departed(from);
  }

  return {
    get token() {
      return token;
    },
    get visitorId() {
      return visitorId;
    },
    get traceUrl() {
      return config?.traceUrl ?? "/api/trace";
    },
    open: connection.open,
    retry: connection.retry,
    check: connection.check,
    tick: connection.tick,
    say: connection.send,
    lost(used) {
      if (used !== token) return;
      hooks.gone();
      depart(used);
      connection.redial();
    },
    ready() {
      if (token !== null || isClosed) return Promise.resolve(isClosed ? null : token);
      return new Promise((resolve) => waiters.push(resolve));
    },
    close() {
      isClosed = true;
      connection.close();
      for (const tell of waiters.splice(0)) tell(null);
    },
  };
}

function path(token: string): string {
  return `/api/ws?token=${encodeURIComponent(token)}`;
}
