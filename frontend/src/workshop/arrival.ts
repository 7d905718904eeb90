/** A mailed link that the race's page has handed over, in the fragment: see `handover.ts`. */

import { decodeNext, type Order } from "./order.ts";

export interface Arrival {
  readonly link: string;
  /** What was to be made when the link was asked for. */
  readonly order: Order | null;
}

export function readArrival(fragment: string): Arrival | null {
  const handed = new URLSearchParams(fragment.replace(/^#/, ""));
  const link = handed.get("magiclink");
  return link ? { link, order: decodeNext(handed.get("next") ?? "") } : null;
}
