/** Reads whether the race is open, whether that was asked for or pushed. */

import { seconds } from "./puzzle.ts";
import type { Closure, Drop } from "./state.ts";

const CLOSURES: readonly unknown[] = ["not_open_yet", "ended", "used_up"] satisfies readonly Closure[];

export function readDrop(body: Readonly<Record<string, unknown>>): Drop {
  const isOpen = body.open === true;
  return {
    isOpen,
    reason: !isOpen && CLOSURES.includes(body.reason) ? (body.reason as Closure) : null,
    opensAt: unixSeconds(body.opens_at),
    closesAt: unixSeconds(body.closes_at),
    remaining: seconds(body.remaining),
  };
}

/** An instant as the server may tell it: Unix seconds, or ISO 8601. */
export function unixSeconds(value: unknown): number | null {
  const parsed = typeof value === "string" ? Date.parse(value) / 1000 : value;
  return typeof parsed === "number" && Number.isFinite(parsed) ? parsed : null;
}
