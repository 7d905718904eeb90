/** Whether the race is open: what the server has told last, and what follows from it. */

import type { Board } from "./board.ts";
import type { Environment } from "./environment.ts";
import type { ServerTime } from "./servertime.ts";
import type { Drop } from "./state.ts";

export interface Opening {
  /** True until the server says no. */
  readonly isOpen: boolean;
  /** Milliseconds until the opening; null where none is waited for. */
  readonly left: number | null;
  /** It was asked for. */
  tell(drop: Drop): void;
  /** A socket is there, and will say it anew. */
  admitted(): void;
  /** The socket says it. */
  follow(drop: Drop): void;
  /** There is a puzzle, or none any more; `opensIn` milliseconds if that is known. */
  sawOpen(): void;
  sawClosed(opensIn: number | null): void;
  close(): void;
}

export interface OpeningHooks {
  closed(): void;
  /** It is open, and if there is no puzzle yet, it has to be fetched. */
  open(): void;
}

/** How long the puzzle of an opening may be behind the news of it. */
const PUZZLE_FOLLOWS = 2_000;
const NOTHING: Drop = { isOpen: false, reason: null, opensAt: null, closesAt: null, remaining: null };

export function createOpening(
  board: Board,
  { clock, random }: Pick<Environment, "clock" | "random">,
  time: Pick<ServerTime, "ahead">,
  hooks: OpeningHooks,
): Opening {
  let isFirst = true;
  let cancel = () => {};

  const isOpen = () => board.state.drop?.isOpen !== false;
  const serverNow = () => clock.wall() / 1000 + time.ahead;

  function tell(drop: Drop): void {
    const wasOpen = isOpen();
    const before = board.state.drop?.reason;
    board.update({ drop, serverAhead: time.ahead });
    if (drop.isOpen && !wasOpen) board.log("race-open");
    if (!drop.isOpen && (wasOpen || drop.reason !== before))
      board.log("race-closed", { reason: drop.reason ?? "" });
  }

  return {
    get isOpen() {
      return isOpen();
    },
    get left() {
      const { drop } = board.state;
      if (drop?.reason !== "not_open_yet" || drop.opensAt === null) return null;
      return Math.max(0, (drop.opensAt - serverNow()) * 1000);
    },
    tell,
    admitted() {
      isFirst = true;
    },
    follow(drop) {
      const wasOpen = isOpen();
      const isNews = !isFirst;
      isFirst = false;
      cancel();
      tell(drop);
      if (!drop.isOpen) hooks.closed();
      else if (wasOpen) return;
      // To everybody who was there, the server is about to push it.
      else if (isNews) cancel = clock.after(PUZZLE_FOLLOWS * (1 + random()), hooks.open);
      else hooks.open();
    },
    sawOpen() {
      if (!isOpen()) tell({ ...NOTHING, ...board.state.drop, isOpen: true, reason: null });
    },
    sawClosed(opensIn) {
      if (!isOpen()) return;
      if (opensIn === null) tell(NOTHING);
      else tell({ ...NOTHING, reason: "not_open_yet", opensAt: serverNow() + opensIn / 1000 });
    },
    close() {
      cancel();
    },
  };
}
