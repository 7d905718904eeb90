/** The one state that the page sees, and the only way to change it. */

import type { Clock } from "./environment.ts";
import { addLine, type LogKey } from "./history.ts";
import type { GameState, Job, Phase, Trouble } from "./state.ts";

export interface Board {
  readonly state: GameState;
  /** Make the next state. Without a change the phase alone is looked at again. */
  update(change?: Partial<Omit<GameState, "phase">>): void;
  log(key: LogKey, values?: Readonly<Record<string, string | number>>): void;
  /** Forget the trouble, if it is one of these. */
  clear(...kinds: readonly Trouble["kind"][]): void;
  subscribe(listener: (state: GameState) => void): () => void;
  /** Say nothing to anybody any more. */
  close(): void;
}

const NOTHING: GameState = {
  phase: "idle",
  trouble: null,
  connected: false,
  drop: null,
  serverAhead: 0,
  job: null,
  myRate: 0,
  networkRate: 0,
  miners: 0,
  online: 0,
  curve: [],
  bestBits: 0,
  rounds: [],
  prizes: [],
  justLost: false,
  workers: 0,
  kernel: null,
  gentle: false,
  onBattery: false,
  generators: false,
  log: [],
};

export function createBoard(clock: Pick<Clock, "wall">, phase: (job: Job | null) => Phase): Board {
  const listeners = new Set<(state: GameState) => void>();
  let isClosed = false;
  let state = NOTHING;

  function update(change: Partial<Omit<GameState, "phase">> = {}): void {
    if (isClosed) return;
    const next = { ...state, ...change };
    state = { ...next, phase: phase(next.job) };
    for (const listener of [...listeners]) listener(state);
  }

  return {
    get state() {
      return state;
    },
    update,
    log(key, values = {}) {
      update({ log: addLine(state.log, { at: clock.wall(), key, values }) });
    },
    clear(...kinds) {
      if (state.trouble && kinds.includes(state.trouble.kind)) update({ trouble: null });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      isClosed = true;
      listeners.clear();
    },
  };
}
