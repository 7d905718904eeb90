/** What every view of the console gets. */

import type { AdminApi } from "../api.ts";
import type { Moment } from "../status.ts";
import type { ChartPoint, Status } from "../types.ts";

export interface ViewProperties {
  readonly api: AdminApi;
  /** The newest status; null until the first one has come. */
  readonly status: Status | null;
  /** The figures of the last minutes, oldest first. */
  readonly history: readonly Moment[];
  /** The hash rate for as long as this page knows it, at most an hour, oldest first. */
  readonly rates: readonly ChartPoint[];
}
