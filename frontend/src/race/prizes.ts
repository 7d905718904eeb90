/** What has been won: shown at once, kept in the tab, and asked for again wherever an answer may have got lost. */

import type { Api } from "./api.ts";
import type { Board } from "./board.ts";
import type { Environment } from "./environment.ts";
import { persist } from "./patience.ts";
import type { Prize } from "./state.ts";
import { mergePrizes, type Storage } from "./storage.ts";

export interface Prizes {
  add(code: string, reason: Prize["reason"]): void;
  /** Ask what the session of this token has won, though it may have ended. */
  fetch(token: string | null): void;
  close(): void;
}

/** Whoever is away for longer asks again with the next connection. */
const PATIENCE = 60_000;

export function createPrizes(
  board: Board,
  { clock, random }: Pick<Environment, "clock" | "random">,
  api: Pick<Api, "codes">,
  storage: Storage,
): Prizes {
  let isClosed = false;
  board.update({ prizes: storage.prizes() });

  function merge(fresh: readonly Prize[]): void {
    const prizes = mergePrizes(board.state.prizes, fresh);
    storage.keepPrizes(prizes);
    board.update({ prizes });
  }

  async function ask(token: string): Promise<void> {
    const until = clock.now() + PATIENCE;
    const isWorthIt = () => !isClosed && clock.now() < until;
    const answer = await persist(() => api.codes(token), isWorthIt, clock, random);
    if (answer?.ok && answer.value.length > 0) merge(answer.value);
  }

  return {
    add(code, reason) {
      merge([{ code, wonAt: clock.wall() / 1000, reason }]);
    },
    fetch(token) {
      if (token !== null) void ask(token);
    },
    close() {
      isClosed = true;
    },
  };
}
