/** What the server says over the WebSocket, read into values. */

import { isObject } from "./api.ts";
import { readJob, seconds } from "./puzzle.ts";
import type { Job, Round } from "./state.ts";

export type Heard =
  | { readonly type: "session"; readonly token: string }
  | { readonly type: "pong"; readonly online: number }
  | {
      readonly type: "reset";
      /** Null when the race has closed. */
      readonly job: Job | null;
      /** How the round before ended; null where none did. */
      readonly ended: { readonly how: Round["how"]; readonly seconds: number | null } | null;
    }
  | { readonly type: "race"; readonly open: boolean; readonly opensAt: number | null }
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
      return { type: "race", open: body.open === true, opensAt: unixSeconds(body.opens_at) };
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

/** An instant as the server may tell it: Unix seconds, or ISO 8601. */
export function unixSeconds(value: unknown): number | null {
  const parsed = typeof value === "string" ? Date.parse(value) / 1000 : value;
  return typeof parsed === "number" && Number.isFinite(parsed) ? parsed : null;
}

function readReset(body: Record<string, unknown>, now: number): Heard | null {
  const how = howItEnded(body);
  const ended = how && { how, seconds: how === "solved" ? seconds(body.solve_time) : null };
  if (body.seed === null) return { type: "reset", job: null, ended };
  const job = readJob(body, now);
  return job === null ? null : { type: "reset", job, ended };
}

function howItEnded({ reason, is_timeout: isTimeout }: Record<string, unknown>): Round["how"] | null {
  if (isTimeout === true) return "timeout";
  return reason === "solved" || reason === "timeout" || reason === "admin" ? reason : null;
}
