/** Who is signed in, in every tab of this browser at once.
 *
 * The refresh token is a cookie that no script can read. It works once: a second use ends the session, so whatever
 * changes the cookie happens under one lock of all tabs. The access token is kept in memory only; who gets a new one
 * tells the other tabs. What stays in the storage is the user's name, to know after a reload that asking is worth it.
 */

import { type Answer, type Api, refused, SIGNED_OUT, type Tokens } from "./api.ts";

/** As much of `Storage` as is used. Every call may throw: storage can be full or forbidden. */
export interface Drawer {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Channel {
  post(message: unknown): void;
  heard(listen: (message: unknown) => void): void;
}

export interface SessionPorts {
  readonly api: Pick<Api, "redeem" | "refresh" | "logOut">;
  /** One at a time in all tabs; rejects when the turn does not come in time. */
  readonly exclusive: <T>(run: () => Promise<T>) => Promise<T>;
  readonly channel: Channel;
  readonly drawer: Drawer;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** How it came to be as it is: "out" is somebody's wish, "ended" is not. */
export type Change = "in" | "out" | "ended";

export interface Session {
  readonly user: string | null;
  subscribe(listener: (change: Change) => void): void;
  /** After a load: somebody may still be signed in. */
  resume(): Promise<void>;
  /** Asks with the access token; after a 401 once more with a new one. */
  ask<T>(call: (access: string) => Promise<Answer<T>>): Promise<Answer<T>>;
  redeem(link: string): Promise<Answer<null>>;
  logOut(): Promise<Answer<null>>;
  /** Another tab may have changed things while this one was frozen. */
  lookAgain(): void;
}

interface Access {
  readonly user: string;
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

const USER = "hashpass.user";
const REFRESHING = "hashpass.refreshing";
/** A token is not used in its last moments: it would arrive too late. */
const MARGIN = 10_000;
/** How long a refresh that a closed tab has left behind may take until its cookie is there. */
const LEFT_BEHIND = 3_000;

export function createSession({ api, exclusive, channel, drawer, wall, sleep }: SessionPorts): Session {
  const listeners: ((change: Change) => void)[] = [];
  let user = kept(USER);
  /** What cannot be kept cannot be missed either. */
  let isKept = user !== null;
  let access: Access | null = null;
  let renewing: Promise<Answer<string>> | null = null;

  channel.heard((message) => {
    const told = readTold(message);
    if (told === null) return;
    if (told.user !== null) adopt(told);
    // It may be late news, from before somebody signed in again.
    else if (user !== null && kept(USER) === null) become(null, "out");
  });

  function adopt(told: Access): void {
    if (access?.user === told.user && access.expires > told.expires) return;
    access = told;
    become(told.user, "in");
  }

  function accept({ user: name, access: token, life }: Tokens): string {
    isKept = keep(USER, name);
    adopt({ user: name, token, expires: wall() + life * 1000 });
    channel.post(access);
    return token;
  }

  function leave(change: "out" | "ended"): void {
    keep(USER, null);
    become(null, change);
    channel.post({ user: null });
  }

  function become(name: string | null, change: Change): void {
    if (name === null) access = null;
    if (user === name) return;
    user = name;
    for (const listener of listeners) listener(change);
  }

  /** The token in hand, unless the server has refused it or it is too old. */
  function usable(refusedToken: string | null): string | null {
    if (access === null || access.user !== user || access.token === refusedToken) return null;
    return wall() < access.expires - MARGIN ? access.token : null;
  }

  function renew(refusedToken: string | null): Promise<Answer<string>> {
    renewing ??= inTurn(() => renewNow(refusedToken)).finally(() => {
      renewing = null;
    });
    return renewing;
  }

  async function renewNow(refusedToken: string | null): Promise<Answer<string>> {
    // Another tab may have been faster, or may have logged out.
    const token = usable(refusedToken);
    if (token !== null) return { ok: true, value: token };
    if (user === null) return SIGNED_OUT;
    await afterTheLast();
    keep(REFRESHING, String(wall()));
    const answer = await api.refresh();
    if (answer.ok || answer.refusal.status > 0) keep(REFRESHING, null);
    if (answer.ok) return { ok: true, value: accept(answer.value) };
    if (answer.refusal.status === 401) leave("ended");
    return answer;
  }

  /** A tab that is closed gives up its lock at once, but what it has asked goes on, and the cookie is still to come. */
  async function afterTheLast(): Promise<void> {
    const since = wall() - Number(kept(REFRESHING) ?? Number.NaN);
    if (since >= 0 && since < LEFT_BEHIND) await sleep(LEFT_BEHIND - since);
  }

  async function inTurn<T>(run: () => Promise<Answer<T>>): Promise<Answer<T>> {
    try {
      return await exclusive(run);
    } catch (error) {
      return refused(0, "", String(error));
    }
  }

  function kept(key: string): string | null {
    try {
      return drawer.getItem(key);
    } catch {
      return null;
    }
  }

  /** Where it is forbidden, somebody is signed in as long as the page lives. */
  function keep(key: string, value: string | null): boolean {
    try {
      if (value === null) drawer.removeItem(key);
      else drawer.setItem(key, value);
      return value !== null;
    } catch {
      return false;
    }
  }

  return {
    get user() {
      return user;
    },
    subscribe: (listener) => void listeners.push(listener),
    async resume() {
      if (user !== null) await renew(null);
    },
    async ask(call) {
      if (user === null) return SIGNED_OUT;
      const held = usable(null);
      if (held !== null) {
        const answer = await call(held);
        if (answer.ok || answer.refusal.status !== 401) return answer;
      }
      const renewed = await renew(held);
      if (!renewed.ok) return renewed;
      const answer = await call(renewed.value);
      // A token made a moment ago: there is no use in a third.
      if (!answer.ok && answer.refusal.status === 401) leave("ended");
      return answer;
    },
    redeem: (link) =>
      inTurn(async () => {
        const answer = await api.redeem(link);
        if (!answer.ok) return answer;
        accept(answer.value);
        return { ok: true, value: null };
      }),
    logOut: () =>
      inTurn(async () => {
        const answer = await api.logOut(access?.token ?? null);
        if (answer.ok) leave("out");
        return answer;
      }),
    lookAgain() {
      const name = kept(USER);
      if (name !== null || isKept) become(name, name === null ? "out" : "in");
    },
  };
}

function readTold(message: unknown): Access | { readonly user: null } | null {
  if (typeof message !== "object" || message === null || !("user" in message)) return null;
  const { user, token, expires }: Partial<Record<keyof Access, unknown>> = message;
  if (user === null) return { user };
  if (typeof user !== "string" || typeof token !== "string" || typeof expires !== "number") return null;
  return { user, token, expires };
}
