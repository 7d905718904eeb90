/** What the tab remembers over a reload: its session, who it is, and what it has won. */

import { isObject } from "./api.ts";
import type { Drawer } from "./environment.ts";
import type { Prize } from "./state.ts";

const SESSION = "hashpass.session";
const PRIZES = "hashpass.prizes";
const MAX_PRIZES = 100;

export interface Storage {
  session(): { readonly token: string; readonly visitorId: string } | null;
  keepSession(token: string, visitorId: string): void;
  forgetSession(): void;
  prizes(): readonly Prize[];
  keepPrizes(prizes: readonly Prize[]): void;
}

/** A drawer that cannot be used costs the memory of a reload, nothing else. */
export function createStorage(drawer: Drawer): Storage {
  function read(key: string): unknown {
    try {
      return JSON.parse(drawer.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  function write(key: string, value: unknown): void {
    try {
      if (value === null) drawer.removeItem(key);
      else drawer.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden.
    }
  }

  return {
    session() {
      const kept = read(SESSION);
      if (!isObject(kept) || typeof kept.token !== "string" || typeof kept.visitorId !== "string")
        return null;
      return { token: kept.token, visitorId: kept.visitorId };
    },
    keepSession: (token, visitorId) => write(SESSION, { token, visitorId }),
    forgetSession: () => write(SESSION, null),
    prizes() {
      const kept = read(PRIZES);
      return Array.isArray(kept) ? kept.filter(isPrize) : [];
    },
    keepPrizes: (prizes) => write(PRIZES, prizes.slice(0, MAX_PRIZES)),
  };
}

/** Both lists as one, newest first, each code once. What `fresh` says of a code counts: it comes from the server. */
export function mergePrizes(known: readonly Prize[], fresh: readonly Prize[]): readonly Prize[] {
  const byCode = new Map([...known, ...fresh].map((prize) => [prize.code, prize]));
  return [...byCode.values()].sort((one, other) => other.wonAt - one.wonAt).slice(0, MAX_PRIZES);
}

function isPrize(value: unknown): value is Prize {
  return (
    isObject(value) &&
    typeof value.code === "string" &&
    typeof value.wonAt === "number" &&
    (value.reason === "solved" || value.reason === "consolation")
  );
}
