/** How much of the visitor's machine may be asked for. */

import type { Device } from "./environment.ts";

/** Where a browser does not tell (Firefox, Safari): what even a modest phone has. */
const UNKNOWN_MEMORY = 4;
/** MiB that a worker needs beside its Argon2 memory. */
const OVERHEAD = 8;

/**
 * Workers to start: never more than the server asks for, than there are cores (one is left for the page and the system
 * where there are three or more), or than fit into half of the memory. `memoryCost` is in KiB.
 */
export function workersFor(
  device: Pick<Device, "cores" | "memory">,
  workerCount: number,
  memoryCost: number,
): number {
  const cores = device.cores > 2 ? device.cores - 1 : device.cores;
  const half = ((device.memory ?? UNKNOWN_MEMORY) * 1024) / 2;
  const fitting = Math.floor(half / (memoryCost / 1024 + OVERHEAD));
  return Math.max(1, Math.min(workerCount, cores, fitting));
}
