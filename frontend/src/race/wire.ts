/** What the server says over the WebSocket, read into values. */

import { isObject } from "./api.ts";
import { readDrop } from "./drop.ts";
import { readJob, seconds } from "./puzzle.ts";
import type { Drop, Job, Round } from "./state.ts";

export type Heard =
  | { readonly type: "session"; readonly token: string }
  | { readonly type: "pong"; readonly online: number }
  | {
      readonly type: "reset";
      /** Null when the race has closed. */
      readonly job: Job | null;
      /** How the round before ended; null where none did. */
      readonly ended: { readonly how: Round["how"]; readonly seconds: number | null } | null;
      /** In the server's own word. */
      readonly reason: string;
    }
  | { readonly type: "race"; readonly drop: Drop }
  | { readonly type: "rate"; readonly total: number; readonly miners: number }
  | { readonly type: "consolation"; readonly code: string; readonly bits: number }
  | { readonly type: "error"; readonly detail: string };

/** A message, or null if it is none that this page knows. */
export function readMessage(text: string, now: number): Heard | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(body)) return null;
  switch (body.type) {
    case "SESSION_TOKEN":
      return typeof body.token === "string" ? { type: "session", token: body.token } : null;
    case "PONG":
      return { type: "pong", online: seconds(body.online) ?? 0 };
    case "PUZZLE_RESET":
      return readReset(body, now);
    case "RACE":
      return { type: "race", drop: readDrop(body) };
    case "NETWORK_HASHRATE":
      return {
        type: "rate",
        total: seconds(body.total_hashrate) ?? 0,
        miners: seconds(body.active_miners) ?? 0,
      };
    case "TIMEOUT_INVITE_CODE":
      if (typeof body.invite_code !== "string") return null;
      return { type: "consolation", code: body.invite_code, bits: seconds(body.leading_zeros) ?? 0 };
    case "ERROR":
      return { type: "error", detail: typeof body.detail === "string" ? body.detail : "" };
    default:
      return null;
  }
}

function readReset(body: Record<string, unknown>, now: number): Heard | null {
  const how = howItEnded(body);
  const ended = how && { how, seconds: how === "solved" ? seconds(body.solve_time) : null };
  const reason = String(body.reason);
  if (body.seed === null) return { type: "reset", job: null, ended, reason };
  const job = readJob(body, now);
  return job === null ? null : { type: "reset", job, ended, reason };
}

function howItEnded(body: Record<string, unknown>): Round["how"] | null {
  const { reason, is_timeout: isTimeout, solve_time: solveTime } = body;
  if (isTimeout === true) return "timeout";
  // The last invite was won, and the race closes.
  if (reason === "closed" && solveTime != null) return "solved";
  return reason === "solved" || reason === "timeout" || reason === "admin" ? reason : null;
}
