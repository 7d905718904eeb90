/** How far the server's clock is ahead of ours, from the `Date` of its answers. */

export interface ServerTime {
  /** Seconds; negative where ours is ahead. */
  readonly ahead: number;
  /** A call was made and answered at these times of our clock, in milliseconds since 1970. */
  hear(date: string | null, asked: number, answered: number): void;
}

export function createServerTime(): ServerTime {
  // What the answers so far leave possible, in milliseconds.
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  return {
    get ahead() {
      // Dates are told in whole seconds; a clock that may be right is left alone.
      return low <= 0 && high >= 0 ? 0 : (low + high) / 2000;
    },
    hear(date, asked, answered) {
      const told = Date.parse(date ?? "");
      if (!Number.isFinite(told)) return;
      const least = told - answered;
      const most = told + 1000 - asked;
      if (least > high || most < low) {
        // One of the clocks has been set.
        low = least;
        high = most;
      } else {
        low = Math.max(low, least);
        high = Math.min(high, most);
      }
    },
  };
}
