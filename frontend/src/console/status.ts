/** What the server tells of itself, in the shape of `Status`, and its figures over the last minutes. */

import { isObject } from "./api.ts";
import type { ChartPoint, Status } from "./types.ts";

/** The figures that have a small curve each. */
export const FIGURES = [
  "active_miners",
  "online_connections",
  "total_hashrate",
  "exact_difficulty",
  "mining_time",
  "last_solve_time",
  "average_solve_time",
  "session_count",
  "banned_count",
] as const satisfies readonly (keyof Status)[];

export type Figure = (typeof FIGURES)[number] | "codes_left" | "webhooks_waiting";

export interface Moment {
  /** Seconds on the page's own clock. */
  readonly at: number;
  readonly figures: Readonly<Record<Figure, number | null>>;
}

/** The message of the socket and the answer over HTTP are the same. Null where it is neither. */
export function readStatus(body: unknown): Status | null {
  if (!isObject(body) || typeof body.active_miners !== "number") return null;
  // The parameters stand among the figures on the wire; a view that only sets them takes them by themselves.
  return { ...body, parameters: body } as unknown as Status;
}

export function momentOf(status: Status, at: number): Moment {
  const told = FIGURES.map((name) => [name, status[name]] as const);
  const codes_left = status.drop.remaining;
  const webhooks_waiting = status.webhooks.pending;
  return {
    at,
    figures: { ...Object.fromEntries(told), codes_left, webhooks_waiting } as Moment["figures"],
  };
}

/** What is new goes behind what is known. */
export function joinPoints(known: readonly ChartPoint[], told: readonly ChartPoint[]): readonly ChartPoint[] {
  const newest = known.at(-1)?.timestamp ?? Number.NEGATIVE_INFINITY;
  const fresh = told.filter(({ timestamp }) => timestamp > newest);
  return fresh.length === 0 ? known : [...known, ...fresh];
}
