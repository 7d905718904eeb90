/** The workshop's HTTP API. Every call has an answer: a value, or a refusal. Nothing here throws. */

import { bodyOf, type Order, queryOf } from "./order.ts";

export interface Refusal {
  /** 0 where no answer came at all. */
  readonly status: number;
  /** The last part of the problem's `type`; empty where there was none. */
  readonly code: string;
  readonly detail: string;
  /** Which parameter is wrong, where one is. */
  readonly field: string | null;
  /** Seconds; null where the server did not say. */
  readonly retryAfter: number | null;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** A generator's answer. */
export interface Made {
  readonly text: string;
  readonly seed: string;
  readonly otp: string;
  /** Unix seconds. */
  readonly at: number;
}

export interface Tokens {
  readonly user: string;
  readonly access: string;
  /** Seconds. */
  readonly life: number;
}

export interface Versions {
  readonly api: string;
  readonly pages: string;
}

export interface LinkRequest {
  readonly email: string;
  readonly language: string;
  readonly origin: string;
  readonly next: string | null;
}

export interface Api {
  make(order: Order, access: string): Promise<Answer<Made>>;
  sendLink(request: LinkRequest): Promise<Answer<null>>;
  redeem(link: string): Promise<Answer<Tokens>>;
  refresh(): Promise<Answer<Tokens>>;
  logOut(access: string | null): Promise<Answer<null>>;
  versions(): Promise<Answer<Versions>>;
}

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

interface Call {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly access?: string | null;
  readonly body?: unknown;
  /** An answer with a cookie in it counts even if the page is left before it comes. */
  readonly outlives?: boolean;
}

type Body = Readonly<Record<string, unknown>>;

const TIMEOUT = 30_000;
const PROBLEM = "urn:hashpass:error:";

export function createApi(fetch: Fetch, deadline: (milliseconds: number) => AbortSignal): Api {
  async function call<T>(path: string, options: Call, read: (body: Body) => T | null): Promise<Answer<T>> {
    try {
      const response = await fetch(path, { ...request(options), signal: deadline(TIMEOUT) });
      const body = readBody(await response.text());
      if (!response.ok) return { ok: false, refusal: readRefusal(response, body) };
      const value = read(body);
      if (value !== null) return { ok: true, value };
      return refused(response.status, "unreadable", "The server's answer cannot be read. Reload the page.");
    } catch (error) {
      return refused(0, "", String(error));
    }
  }

  return {
    make(order, access) {
      const path = `/api/${order.endpoint}`;
      if (order.values.seed) return call(path, { method: "POST", access, body: bodyOf(order) }, readMade);
      return call(`${path}?${queryOf(order)}`, { access }, readMade);
    },
    sendLink: ({ email, language, origin, next }) =>
      done("/api/login/", {
        method: "POST",
        body: { email, email_lang: language, ui_host: origin, ...(next === null ? {} : { next }) },
      }),
    redeem: (link) =>
      call(`/api/login/?${new URLSearchParams({ magiclink: link })}`, { outlives: true }, readTokens),
    refresh: () => call("/api/refresh", { method: "POST", outlives: true }, readTokens),
    logOut: (access) => done("/api/login/", { method: "DELETE", access, outlives: true }),
    versions: () =>
      call("/api/version", {}, (body) => {
        const [api, pages] = [text(body.api_version), text(body.ui_version)];
        return api === null || pages === null ? null : { api, pages };
      }),
  };

  async function done(path: string, options: Call): Promise<Answer<null>> {
    const answer = await call(path, options, () => true);
    return answer.ok ? { ok: true, value: null } : answer;
  }
}

export function refused(status: number, code: string, detail: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { status, code, detail, field: null, retryAfter: null } };
}

/** Nobody is signed in, or no longer. */
export const SIGNED_OUT = refused(401, "signed_out", "Nobody is signed in.");

export function isSignedOut(refusal: Refusal): boolean {
  return refusal.status === 401;
}

function request({ method = "GET", access, body, outlives = false }: Call): RequestInit {
  const headers: Record<string, string> = {};
  if (access) headers.Authorization = `Bearer ${access}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return {
    method,
    headers,
    cache: "no-store",
    credentials: "same-origin",
    keepalive: outlives,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

/** A proxy's page has nothing to say here. */
function readBody(text: string): Body {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

function readRefusal(response: Response, problem: Body): Refusal {
  const told = response.headers.get("Retry-After") ?? "";
  const type = text(problem.type) ?? "";
  return {
    status: response.status,
    code: type.startsWith(PROBLEM) ? type.slice(PROBLEM.length) : "",
    detail: text(problem.detail) ?? `The server answered with ${response.status}.`,
    field: text(problem.field),
    retryAfter: /^\d+$/.test(told) ? Number(told) : null,
  };
}

function readMade(body: Body): Made | null {
  const [hash, seed, otp] = [text(body.hash), text(body.seed), text(body.otp)];
  const at = body.timestamp;
  if (hash === null || seed === null || otp === null || typeof at !== "number") return null;
  return { text: hash, seed, otp, at };
}

function readTokens(body: Body): Tokens | null {
  const [user, access] = [text(body.user_id), text(body.access_token)];
  const life = body.expires_in;
  if (!user || !access || typeof life !== "number") return null;
  return { user, access, life };
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
