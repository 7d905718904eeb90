/** What there is to say while the race is closed. */

import type { Key } from "../../i18n/texts.ts";
import type { Closure, GameState } from "../state.ts";

export type Closed = Closure | "unsaid";

/** Null while the race is open, or nobody has said anything else. */
export function closedFor({ drop }: Pick<GameState, "drop">): Closed | null {
  return drop === null || drop.isOpen ? null : (drop.reason ?? "unsaid");
}

/** Title and advice. */
export const CLOSED_WORDS: Readonly<Record<Closed, Key>> = {
  not_open_yet: "drop.early",
  ended: "drop.ended",
  used_up: "drop.used-up",
  unsaid: "drop.closed",
};

/** Over, as far as anybody knows: there is nothing to start or to wait for. */
export function isOver(closed: Closed | null): boolean {
  return closed === "ended" || closed === "used_up";
}

/** An instant with the name of the visitor's own time zone. */
export function moment(language: string, unixSeconds: number): string {
  return new Intl.DateTimeFormat(language, {
    numberingSystem: "latn",
    month: "short",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    timeZoneName: "short",
  }).format(unixSeconds * 1000);
}
