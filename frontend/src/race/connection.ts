/** One WebSocket that is opened again whenever it ends, with growing pauses. It knows nothing of what is said. */

import type { Environment, SocketPort } from "./environment.ts";
import { pauseAfter } from "./patience.ts";

/** What to do after a failure: `again` after a pause of its own making but at least so many milliseconds. */
export type Next =
  | { readonly kind: "again"; readonly atLeast: number }
  | { readonly kind: "now" }
  | { readonly kind: "stop" };

export const AGAIN: Next = { kind: "again", atLeast: 0 };

export interface ConnectionHooks {
  /** Where to connect; a `Next` if that cannot be said. */
  address(): Promise<string | Next>;
  opened(): void;
  message(text: string): void;
  /** The socket has ended; 1006 stands for every end without a word. */
  closed(code: number, reason: string): Promise<Next>;
  /** The next try is at `retryAt`; null when one has begun. */
  waiting(retryAt: number | null): void;
}

export interface Connection {
  open(): void;
  /** Try now, also after a `stop`. Does nothing to a connection that works. */
  retry(): void;
  /** Leave this socket and dial again, at once unless that has just failed. */
  redial(): void;
  /** See whether the other end is still there, and dial if not. For pages that come back to the foreground. */
  check(): void;
  /** To be called about every second. */
  tick(): void;
  send(message: Readonly<Record<string, unknown>>): void;
  close(): void;
}

/** The server tells the hash rate every few seconds. */
const SILENCE = 45_000;
const PING_EVERY = 20_000;
const PROOF_OF_LIFE = 5_000;
const CONNECT_TIMEOUT = 15_000;
/** A connection that has lasted so long was no failure. */
const LASTED = 10_000;

export function createConnection(
  { clock, random, openSocket }: Pick<Environment, "clock" | "random" | "openSocket">,
  hooks: ConnectionHooks,
): Connection {
  // Whatever belongs to an older cycle is ignored.
  let cycle = 0;
  let running = false;
  let isWaiting = false;
  let failures = 0;
  let hasHurried = false;
  let socket: SocketPort | null = null;
  let isOpen = false;
  let openedAt = 0;
  let heardAt = 0;
  let pingedAt = 0;
  let cancel = () => {};

  function later(milliseconds: number, call: () => void): void {
    cancel();
    cancel = clock.after(milliseconds, call);
  }

  function leave(): number {
    cancel();
    cancel = () => {};
    isWaiting = false;
    const old = socket;
    socket = null;
    isOpen = false;
    old?.close();
    cycle += 1;
    return cycle;
  }

  async function dial(): Promise<void> {
    const mine = leave();
    running = true;
    hooks.waiting(null);
    const address = await hooks.address();
    if (mine !== cycle) return;
    if (typeof address !== "string") return follow(address);
    later(CONNECT_TIMEOUT, () => end(mine, 1006, ""));
    try {
      socket = openSocket(address, {
        opened() {
          if (mine !== cycle) return;
          cancel();
          isOpen = true;
          openedAt = heardAt = pingedAt = clock.now();
          hooks.opened();
        },
        message(text) {
          if (mine !== cycle) return;
          heardAt = clock.now();
          hooks.message(text);
        },
        closed: (code, reason) => end(mine, code, reason),
      });
    } catch {
      end(mine, 1006, "");
    }
  }

  /** Leave, and forget old failures if this socket was none. */
  function part(): number {
    if (isOpen && clock.now() - openedAt >= LASTED) {
      failures = 0;
      hasHurried = false;
    }
    return leave();
  }

  function end(of: number, code: number, reason: string): void {
    if (of !== cycle) return;
    const mine = part();
    void hooks.closed(code, reason).then((next) => {
      if (mine === cycle) follow(next);
    });
  }

  function follow(next: Next): void {
    if (next.kind === "stop") {
      running = false;
      return;
    }
    failures += 1;
    // An end that calls for a new start at once does so only once: the second in a row is a failure like others.
    hasHurried = next.kind === "now" && !hasHurried;
    if (hasHurried) {
      void dial();
      return;
    }
    const wait = Math.max(pauseAfter(failures, random), next.kind === "again" ? next.atLeast : 0);
    hooks.waiting(clock.now() + wait);
    isWaiting = true;
    later(wait, () => void dial());
  }

  function send(message: Readonly<Record<string, unknown>>): void {
    if (isOpen) socket?.send(JSON.stringify(message));
  }

  function ping(): void {
    pingedAt = clock.now();
    send({ type: "ping" });
  }

  return {
    open() {
      if (!running) void dial();
    },
    retry() {
      if (!running || isWaiting) void dial();
    },
    redial() {
      part();
      follow({ kind: "now" });
    },
    check() {
      if (isWaiting) void dial();
      if (!isOpen) return;
      const mine = cycle;
      const asked = clock.now();
      ping();
      later(PROOF_OF_LIFE, () => {
        if (heardAt < asked) end(mine, 1006, "");
      });
    },
    tick() {
      if (!isOpen) return;
      const now = clock.now();
      if (now - heardAt > SILENCE) end(cycle, 1006, "");
      else if (now - pingedAt >= PING_EVERY) ping();
    },
    send,
    close() {
      running = false;
      leave();
    },
  };
}
