/** Asks whether the race is open as long as no socket tells it: seldom, and soon after it should have opened. */

import type { Api } from "./api.ts";
import type { Environment } from "./environment.ts";
import type { ServerTime } from "./servertime.ts";
import type { Drop } from "./state.ts";

export interface Lookout {
  /** Ask now, unless that was just done. */
  look(): void;
  close(): void;
}

const EVERY = 30_000;
const NOT_SOONER = 2_000;
/** Those who only look on ask after those who mine have their job, and not all at once. */
const AFTER_OPENING = 1_000;
const SPREAD = 3_000;

export function createLookout(
  { clock, random, visibility }: Pick<Environment, "clock" | "random" | "visibility">,
  api: Pick<Api, "drop">,
  time: Pick<ServerTime, "ahead">,
  isNeeded: () => boolean,
  told: (drop: Drop) => void,
): Lookout {
  let isClosed = false;
  let isAsking = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let opensAt: number | null = null;
  let cancel = () => {};

  async function ask(): Promise<void> {
    cancel();
    if (isNeeded() && visibility.visible()) {
      isAsking = true;
      askedAt = clock.now();
      const answer = await api.drop();
      isAsking = false;
      if (isClosed) return;
      if (answer.ok && isNeeded()) {
        opensAt = answer.value.isOpen ? null : answer.value.opensAt;
        told(answer.value);
      }
    }
    cancel = clock.after(wait(), () => void ask());
  }

  function wait(): number {
    if (opensAt === null) return EVERY;
    const left = (opensAt - time.ahead) * 1000 - clock.wall();
    // Once more, too, if it has not opened by then: clocks differ.
    return Math.abs(left) > EVERY ? EVERY : Math.max(0, left) + AFTER_OPENING + SPREAD * random();
  }

  void ask();

  return {
    look() {
      if (!isAsking && clock.now() - askedAt >= NOT_SOONER) void ask();
    },
    close() {
      isClosed = true;
      cancel();
    },
  };
}
