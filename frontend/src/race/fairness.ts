/** Checks that nobody chose a seed: it follows from a secret that was fixed before, and from how the round ended. */

import type { Environment } from "./environment.ts";
import type { Job } from "./state.ts";

/** How a round without a winner may have ended; the operator could have known the seed that follows. */
const CAUSES = ["timeout", "admin", "closed", "restart"] as const;

/** Null where it cannot be told: the puzzles do not follow on each other, or this browser computes no digests. */
export async function followsFrom(
  before: Job,
  next: Job,
  /** As the server tells it; anything but an ending of the round before leaves open how that was. */
  reason: string,
  digest: Environment["digest"],
): Promise<boolean | null> {
  const { commitment } = before;
  if (digest === null || commitment === null || next.round !== before.round + 1) return null;
  if (next.secret === null) return false;
  const secret = bytesOf(next.secret);
  const hash = async (...parts: readonly Uint8Array<ArrayBuffer>[]) => hexOf(await digest(joined(parts)));
  if ((await hash(secret)) !== commitment) return false;
  const isForced = reason === "timeout" || reason === "admin";
  if (!isForced && next.proof !== null) return (await hash(secret, bytesOf(next.proof))) === next.seed;
  if (reason === "solved") return false;
  const endings = (isForced ? [reason] : CAUSES).map((cause) => `${before.seed}:${cause}`);
  // A server whose disk has lost the end of the last round begins anew.
  if (!isForced) endings.push(`${"0".repeat(64)}:first`);
  for (const ending of endings) {
    const text = new TextEncoder().encode(`${ending}:${next.round}`);
    if ((await hash(secret, text)) === next.seed) return true;
  }
  return false;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array((hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
}

function hexOf(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
