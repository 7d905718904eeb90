/** The public HTTP API. Every call has an answer: a value, or a refusal with its kind. Nothing here throws. */

import { readDrop } from "./drop.ts";
import type { Clock } from "./environment.ts";
import { readJob } from "./puzzle.ts";
import { createServerTime, type ServerTime } from "./servertime.ts";
import type { Drop, Job, Prize } from "./state.ts";

/** What the server, or the way to it, had against a call. */
export interface Refusal {
  /** 0 where no answer came at all. */
  readonly status: number;
  /** The last part of the problem's `type`, as in `hashpass/domain/errors.py`; empty where there was none. */
  readonly code: string;
  readonly detail: string;
  /** Milliseconds; null where the server did not say. */
  readonly retryAfter: number | null;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

export interface GateConfig {
  readonly gate: string;
  readonly siteKey: string | null;
  readonly testMode: boolean;
  readonly capEndpoint: string | null;
  readonly action: string | null;
  readonly traceUrl: string;
  /** Whether the server has a page of generators. */
  readonly generators: boolean;
}

export interface Proof {
  readonly visitorId: string;
  readonly nonce: number;
  readonly seed: string;
  readonly trace: string;
  readonly hash: string;
}

export interface Api {
  gate(): Promise<Answer<GateConfig>>;
  drop(): Promise<Answer<Drop>>;
  puzzle(token: string, visitorId: string): Promise<Answer<Job>>;
  /** A session for what a gate gave out. */
  enter(gateToken: string): Promise<Answer<string>>;
  trace(token: string, url: string): Promise<Answer<string>>;
  verify(token: string, proof: Proof): Promise<Answer<string>>;
  submit(token: string, proof: Proof): Promise<Answer<null>>;
  codes(token: string): Promise<Answer<readonly Prize[]>>;
}

const TIMEOUT = 30_000;
/** The server holds an undecided answer for two minutes before it asks for it again. */
const VERDICT_TIMEOUT = 130_000;
const PROBLEM = "urn:hashpass:error:";

interface Call {
  readonly method?: "GET" | "POST";
  readonly token?: string;
  readonly body?: unknown;
  readonly timeout?: number;
}

export function createApi(
  fetch: (path: string, init: RequestInit) => Promise<Response>,
  clock: Clock,
  time: Pick<ServerTime, "hear"> = createServerTime(),
): Api {
  async function call<T>(
    path: string,
    options: Call,
    read: (response: Response) => Promise<T>,
  ): Promise<Answer<T>> {
    const abort = new AbortController();
    const cancel = clock.after(options.timeout ?? TIMEOUT, () => abort.abort());
    const asked = clock.wall();
    try {
      const response = await fetch(path, { ...request(options), signal: abort.signal });
      time.hear(response.headers.get("Date"), asked, clock.wall());
      if (!response.ok) return { ok: false, refusal: await readRefusal(response) };
      return { ok: true, value: await read(response) };
    } catch (error) {
      if (error instanceof Unreadable) return { ok: false, refusal: error.refusal };
      return { ok: false, refusal: { status: 0, code: "", detail: String(error), retryAfter: null } };
    } finally {
      cancel();
    }
  }

  const answerTo = (proof: Proof) => ({
    visitorId: proof.visitorId,
    nonce: proof.nonce,
    submittedSeed: proof.seed,
    traceData: proof.trace,
    hash: proof.hash,
  });

  return {
    gate: () => call("/api/gate/config", {}, async (response) => readGate(await readObject(response))),
    drop: () => call("/api/drop", {}, async (response) => readDrop(await readObject(response))),
    puzzle: (token, visitorId) =>
      call("/api/puzzle", { method: "POST", token, body: { visitorId } }, async (response) => {
        const job = readJob(await readObject(response), clock.now());
        if (job === null) throw new Unreadable(response.status);
        return job;
      }),
    enter: (token) =>
      call("/api/session", { method: "POST", body: { token } }, (response) =>
        readText(response, "session_token"),
      ),
    // The bearer binds the session to this request's address, so that the trace will fit. Cloudflare has no use for it.
    trace: (token, url) => call(url, url.startsWith("/api/") ? { token } : {}, (response) => response.text()),
    verify: (token, proof) =>
      call(
        "/api/verify",
        { method: "POST", token, body: answerTo(proof), timeout: VERDICT_TIMEOUT },
        (response) => readText(response, "invite_code"),
      ),
    submit: (token, proof) =>
      call("/api/submit", { method: "POST", token, body: answerTo(proof) }, async () => null),
    codes: (token) =>
      call("/api/code", { token }, async (response) => readCodes((await readObject(response)).codes)),
  };
}

/** No answer that counts: the network, or a proxy whose server is away. To be tried again, with pauses. */
export function isAway(refusal: Refusal): boolean {
  return refusal.status === 0 || (refusal.status >= 500 && (refusal.status !== 503 || refusal.code === ""));
}

/** Busy, or too fast: to be tried again when the server says. */
export function isBusy(refusal: Refusal): boolean {
  return !isAway(refusal) && (refusal.status === 429 || refusal.status === 503);
}

/** The session is of no more use, but a new one would be. */
export function isSessionLost(refusal: Refusal): boolean {
  return refusal.status === 401 || refusal.code === "session_moved" || refusal.code === "visitor_mismatch";
}

/** The answer came from something that is not this server, or from another version of it. */
class Unreadable extends Error {
  readonly refusal: Refusal;

  constructor(status: number) {
    super("unreadable");
    const detail = "The server's answer cannot be read. Reload the page.";
    this.refusal = { status, code: "unreadable", detail, retryAfter: null };
  }
}

function request({ method = "GET", token, body }: Call): RequestInit {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body === undefined) return { method, headers, cache: "no-store" };
  headers["Content-Type"] = "application/json";
  return { method, headers, cache: "no-store", body: JSON.stringify(body) };
}

async function readObject(response: Response): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await response.text());
  } catch {
    throw new Unreadable(response.status);
  }
  if (!isObject(value)) throw new Unreadable(response.status);
  return value;
}

async function readText(response: Response, name: string): Promise<string> {
  const text = (await readObject(response))[name];
  if (typeof text !== "string") throw new Unreadable(response.status);
  return text;
}

export async function readRefusal(response: Response): Promise<Refusal> {
  const told = response.headers.get("Retry-After") ?? "";
  const retryAfter = /^\d+$/.test(told) ? Number(told) * 1000 : null;
  let body: unknown = null;
  try {
    body = JSON.parse(await response.text());
  } catch {
    // A proxy's page; the status has to do.
  }
  const problem = isObject(body) ? body : {};
  const type = typeof problem.type === "string" ? problem.type : "";
  return {
    status: response.status,
    code: type.startsWith(PROBLEM) ? type.slice(PROBLEM.length) : "",
    detail:
      typeof problem.detail === "string" ? problem.detail : `The server answered with ${response.status}.`,
    retryAfter,
  };
}

function readGate(body: Record<string, unknown>): GateConfig {
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const url = text(body.trace_url) ?? "";
  return {
    gate: text(body.gate) ?? "",
    siteKey: text(body.site_key),
    testMode: body.test_mode === true,
    capEndpoint: text(body.cap_endpoint),
    action: text(body.action),
    traceUrl: /^\/(?!\/)/.test(url) ? url : "/api/trace",
    generators: body.generators === true,
  };
}

function readCodes(list: unknown): readonly Prize[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).flatMap((entry): Prize[] => {
    const wonAt = typeof entry.won_at === "string" ? Date.parse(entry.won_at) / 1000 : Number.NaN;
    if (typeof entry.invite_code !== "string" || !Number.isFinite(wonAt)) return [];
    const reason = entry.reason === "consolation" ? "consolation" : "solved";
    return [{ code: entry.invite_code, wonAt, reason }];
  });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
