/** What is measured while time goes by: the own rate, the curve, and how long a loss is shown. */

import type { Board } from "./board.ts";
import type { Clock } from "./environment.ts";
import { addSample, createMeter } from "./meter.ts";

export interface Figures {
  setActive(isActive: boolean): void;
  add(hashes: number): void;
  showLoss(): void;
  /** To be called often: by a timer, and by whatever else happens, for the timers of a hidden page are slow. */
  beat(): void;
}

const REPORT_EVERY = 5_000;
const LOSS_SHOWN = 5_000;

export function createFigures(
  board: Board,
  clock: Pick<Clock, "now">,
  say: (message: Readonly<Record<string, unknown>>) => void,
): Figures {
  const meter = createMeter();
  let isActive = false;
  let reportedAt = 0;
  let lostAt = 0;

  function beat(): void {
    const now = clock.now();
    const { state } = board;
    if (state.justLost && now - lostAt >= LOSS_SHOWN) board.update({ justLost: false });
    const mine = isActive ? meter.rate(now) : 0;
    if (isActive && now - reportedAt >= REPORT_EVERY) {
      reportedAt = now;
      say({ type: "hashrate", payload: { rate: Math.round(mine * 100) / 100 } });
    }
    if (!state.connected) return;
    const curve = addSample(state.curve, { at: now / 1000, mine, everybody: state.networkRate });
    if (curve !== state.curve) board.update({ myRate: mine, curve });
  }

  return {
    setActive(now) {
      isActive = now;
      reportedAt = clock.now();
      meter.reset(clock.now());
      if (!now) board.update({ myRate: 0 });
    },
    add(hashes) {
      meter.add(hashes, clock.now());
      beat();
    },
    showLoss() {
      lostAt = clock.now();
      board.update({ justLost: true });
    },
    beat,
  };
}
