/** Takes one answer to the server, and brings back a verdict. It may take several tries. */

import { type Api, isAway, isBusy, isSessionLost, type Proof, type Refusal } from "./api.ts";
import type { Environment } from "./environment.ts";
import { sleep, waitFor } from "./patience.ts";
import type { Session } from "./session.ts";

export type Verdict =
  | { readonly kind: "won"; readonly code: string }
  | { readonly kind: "lost" }
  /** The puzzle was over before the server had taken the answer in. */
  | { readonly kind: "late" }
  /** The trace no longer fits the address: search again with a new one. */
  | { readonly kind: "trace" }
  /** Refused for a reason that another answer would meet too. */
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Tries after the puzzle is over, for an answer of which we do not know whether the server has it. */
const LAST_TRIES = 8;
const NONCE_PAUSE = 1_000;

export async function submit(
  proof: Proof,
  { clock, random }: Pick<Environment, "clock" | "random">,
  api: Pick<Api, "verify">,
  session: Pick<Session, "ready" | "lost">,
  isOpen: () => boolean,
): Promise<Verdict> {
  // An answer that got lost on its way back may have won, and then the server says the same code again.
  let unsure = false;
  let failures = 0;
  for (let last = 0; last < LAST_TRIES; last += isOpen() ? 0 : 1) {
    const token = await session.ready();
    if (token === null) return { kind: "late" };
    const answer = await api.verify(token, proof);
    if (answer.ok) return { kind: "won", code: answer.value };
    const { refusal } = answer;
    const { status, code, retryAfter } = refusal;
    let wait = waitFor(refusal, failures + 1, random);
    if (status === 409) return { kind: "lost" };
    if (isSessionLost(refusal)) {
      session.lost(token);
      wait = 0;
    } else if (code === "trace_refused") {
      return { kind: "trace" };
    } else if (code === "nonce_too_fast") {
      wait = retryAfter ?? NONCE_PAUSE;
    } else if (wait === null) {
      return { kind: "refused", refusal };
    }
    if (isAway(refusal)) failures += 1;
    unsure ||= isAway(refusal) || status === 503 || code === "answer_pending";
    if (!isOpen() && !unsure) return { kind: "late" };
    // While the puzzle is open every second counts, so that the longer pauses are left to those who cannot win by it.
    const longest = isBusy(refusal) ? Number.POSITIVE_INFINITY : isOpen() ? 4_000 : 15_000;
    if (wait) await sleep(clock, Math.min(wait, longest));
  }
  return { kind: "late" };
}
