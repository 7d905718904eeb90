/** The admin API. Every call has an answer: a value, or a problem that can be told. Nothing here throws. */

/** What the server, or the way to it, had against a call. */
export interface Problem {
  /** 0 where no answer came at all. */
  readonly status: number;
  readonly title: string;
  /** A sentence of the server's; empty where it said none. */
  readonly detail: string;
  /** The one field that is wrong. */
  readonly field?: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

export type Query = Readonly<Record<string, string | number | null | undefined>>;

export interface AdminApi {
  /** Whether there is a token to call with. It may be wrong. */
  readonly hasToken: boolean;
  /** Calls with this token from now on. An empty one is as none. */
  take(token: string): void;
  forget(): void;
  /** `path` is the whole one, `/api/admin/…`. What is null, undefined or empty in the query is left out. */
  get<T>(path: string, query?: Query): Promise<Answer<T>>;
  post<T>(path: string, body?: Readonly<Record<string, unknown>>): Promise<Answer<T>>;
  /** Saves the answer as a file of the visitor's. */
  download(path: string, query: Query, filename: string): Promise<Answer<null>>;
}

/** As much of `Storage` as is used. Every call may throw: storage can be full or forbidden. */
export interface Drawer {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;
export type Save = (content: Blob, filename: string) => void;

const KEPT_AS = "hashpass.admin";
const TIMEOUT = 30_000;

/**
 * The token stands in memory and in the tab's drawer, never in an address. `onUnauthorised` is told when a 401 comes:
 * by then it is forgotten, and no call reaches the network without one. So an old tab cannot go on guessing with a token
 * that was changed, which would lock its owner out.
 */
export function createAdminApi(
  fetch: Fetch,
  onUnauthorised: () => void,
  drawer: Drawer | null = null,
  save: Save = saveFile,
): AdminApi {
  let token = read(drawer);

  function keep(value: string): void {
    token = value;
    try {
      if (value === "") drawer?.removeItem(KEPT_AS);
      else drawer?.setItem(KEPT_AS, value);
    } catch {
      // Forbidden: it lasts as long as the page.
    }
  }

  async function call<T>(
    path: string,
    init: RequestInit,
    readBody: (response: Response) => Promise<T>,
  ): Promise<Answer<T>> {
    const used = token;
    if (used === "") return refuse({ status: 401, title: "", detail: "" });
    try {
      const headers = { ...init.headers, Authorization: `Bearer ${bytesOf(used)}` };
      const response = await fetch(path, { ...init, headers, cache: "no-store" });
      if (response.ok) return { ok: true, value: await readBody(response) };
      const problem = await readProblem(response);
      // An answer to the token before must not throw out the one that has just been typed.
      if (response.status === 401 && used === token) {
        keep("");
        onUnauthorised();
      }
      return refuse(problem);
    } catch {
      return refuse({ status: 0, title: "", detail: "" });
    }
  }

  return {
    get hasToken() {
      return token !== "";
    },
    take: keep,
    forget: () => keep(""),
    get: <T>(path: string, query: Query = {}) =>
      call(path + written(query), { signal: AbortSignal.timeout(TIMEOUT) }, readJson<T>),
    post: <T>(path: string, body: Readonly<Record<string, unknown>> = {}) =>
      call(
        path,
        {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(TIMEOUT),
        },
        readJson<T>,
      ),
    // Without a limit: a long log takes as long as it takes.
    download: (path, query, filename) =>
      call(path + written(query), {}, async (response) => {
        save(await response.blob(), filename);
        return null;
      }),
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A header holds bytes, which scripts see as characters up to 255. A token of other characters is sent as UTF-8. */
function bytesOf(token: string): string {
  return String.fromCharCode(...new TextEncoder().encode(token));
}

function refuse(problem: Problem): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem };
}

function written(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

async function readJson<T>(response: Response): Promise<T> {
  // The server is ours and of the same version; what is shown of it is shown as text.
  return JSON.parse(await response.text()) as T;
}

async function readProblem(response: Response): Promise<Problem> {
  let body: unknown = null;
  try {
    body = JSON.parse(await response.text());
  } catch {
    // A proxy's page; the status has to do.
  }
  const problem = isObject(body) ? body : {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const told = response.headers.get("Retry-After") ?? "";
  return {
    status: response.status,
    title: text(problem.title),
    detail: text(problem.detail),
    ...(typeof problem.field === "string" && { field: problem.field }),
    ...(/^\d+$/.test(told) && { retryAfter: Number(told) }),
  };
}

function read(drawer: Drawer | null): string {
  try {
    return drawer?.getItem(KEPT_AS) ?? "";
  } catch {
    return "";
  }
}

function saveFile(content: Blob, filename: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = filename;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
