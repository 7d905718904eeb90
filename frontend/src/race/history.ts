/** What has happened: the page's log and the rounds that have ended. Lists only, without a clock of their own. */

import type { LogLine, Round } from "./state.ts";

/** Every key that the log can have, below `log.` in the texts, and the values it comes with. */
export type LogKey =
  | "connected"
  /** `seconds` until the next try. */
  | "away"
  | "session-gone"
  /** `count`, `kernel`. */
  | "workers"
  | "started"
  | "paused"
  /** `round`, `difficulty`. */
  | "round"
  /** The round before was solved, in `seconds`. */
  | "solved"
  | "timeout"
  | "admin"
  /** `nonce`. */
  | "found"
  | "won"
  | "lost"
  | "late"
  /** The best hash of a puzzle that timed out was handed in; it has so many `bits`. */
  | "best-sent"
  /** It won; `bits`. */
  | "consolation"
  /** `reason`. */
  | "race-closed"
  | "race-open"
  /** The seed follows from what the puzzle before had fixed, or does not. */
  | "seed-checked"
  | "seed-wrong"
  /** The visitor has won, and must wait or stop. */
  | "cooling-down"
  | "visitor-done"
  /** `detail`, the server's sentence. */
  | "refused";

const MAX_LINES = 200;
const MAX_ROUNDS = 20;

export function addLine(
  log: readonly LogLine[],
  line: LogLine & { readonly key: LogKey },
): readonly LogLine[] {
  return [...log.slice(1 - MAX_LINES), line];
}

export function addRound(rounds: readonly Round[], round: Round): readonly Round[] {
  if (rounds[0]?.round === round.round) return rounds;
  return [round, ...rounds.slice(0, MAX_ROUNDS - 1)];
}

/** The verdict on an answer may come before or after the news that its round is over. */
export function markMine(rounds: readonly Round[], number: number, mine: boolean): readonly Round[] {
  return rounds.map((round) => (round.round === number ? { ...round, mine } : round));
}
