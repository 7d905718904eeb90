/**
 * Who works on what: one puzzle, one order, one generation. Whatever changes bumps the generation, and nothing that
 * belongs to an older one is ever heard.
 */

import type { KernelKind } from "../miner/messages.ts";
import { type Api, isSessionLost, type Proof, type Refusal } from "./api.ts";
import { createCrew, type Order, type Shortage } from "./crew.ts";
import { workersFor } from "./device.ts";
import type { Environment } from "./environment.ts";
import { persist } from "./patience.ts";
import type { Session } from "./session.ts";
import type { Job } from "./state.ts";

/** A hash that was found, and all that it was made of. */
export interface Find extends Proof {
  readonly job: Job;
}

/** Why there is no work although the visitor wants it. */
export type Hold =
  /** A winning answer is out. Ends with the puzzle, too. */
  | "answer"
  /** The server has been away for so long that the puzzle is hardly the same. */
  | "away"
  /** Gentle, and nobody looks. */
  | "hidden"
  /** The server will not take answers now. */
  | "refused";

export interface WorkHooks {
  /** Whether this browser counts as mining. It goes on doing so from one puzzle to the next. */
  active(isActive: boolean): void;
  found(find: Find): void;
  best(find: Find): void;
  progress(hashes: number): void;
  crew(size: number, kernel: KernelKind | null): void;
  /** The workers could not be made ready. */
  failed(kind: Shortage): void;
  /** The server refused a trace. */
  refused(refusal: Refusal): void;
}

export interface Work {
  readonly job: Job | null;
  /** The best hash of the open puzzle. */
  readonly best: Find | null;
  /** Turn to this puzzle, or to none. */
  take(job: Job | null): void;
  /** Make ready what can be while there is no job yet: the workers, and if it comes soon their memory and a trace. */
  prepare(isSoon: boolean): Promise<void>;
  /** Fetch a new trace: the session or the address is another one. */
  renew(): void;
  want(isWanted: boolean): void;
  hold(reason: Hold, isHeld: boolean): void;
  setGentle(isGentle: boolean): void;
  close(): void;
}

const MAX_TRACE = 2048;
/** What most servers ask for. */
const USUAL = { workerCount: 4, memoryCost: 65_536 };
/** A trace is good for ten minutes. */
const SPARE_LIFE = 300_000;

export function createWork(
  environment: Environment,
  api: Pick<Api, "trace">,
  session: Pick<Session, "token" | "visitorId" | "traceUrl" | "lost">,
  hooks: WorkHooks,
): Work {
  const { clock, random, device } = environment;
  const holds = new Set<Hold>();
  let isWanted = false;
  let isGentle = false;
  let isActive = false;
  let isBusy = false;
  let generation = 0;
  let job: Job | null = null;
  let order: Order | null = null;
  let best: Find | null = null;
  let usual = USUAL;
  let isPreparing = false;
  let prepared = "";
  let spare: { readonly trace: string; readonly token: string; readonly at: number } | null = null;

  const crew = createCrew(environment, {
    found(of, nonce, hash) {
      if (of !== generation || order === null || hash >= order.job.target) return;
      const find = noted(order, nonce, hash);
      hold("answer", true);
      hooks.found(find);
    },
    best(of, nonce, hash) {
      if (of === generation && order !== null) noted(order, nonce, hash);
    },
    progress: hooks.progress,
    shrunk(left) {
      hooks.crew(left, crew.kernel);
      if (left === 0) fail("memory-refused");
    },
  });

  function noted(from: Order, nonce: number, hash: string): Find {
    const { visitorId, trace } = from;
    const find: Find = { job: from.job, seed: from.job.seed, visitorId, trace, nonce, hash };
    if (best === null || hash < best.hash) {
      best = find;
      hooks.best(find);
    }
    return find;
  }

  function halt(): void {
    generation += 1;
    if (!isBusy) return;
    isBusy = false;
    crew.halt();
  }

  function setActive(now: boolean): void {
    if (isActive === now) return;
    isActive = now;
    hooks.active(now);
  }

  /** Bring what is done in line with what is wanted. */
  function reconcile(): void {
    if (isWanted && job !== null && holds.size === 0 && session.token !== null) {
      if (!isBusy) void begin(job);
      return;
    }
    // Without a token what was begun goes on, for the next session may well hand it in.
    if (!isWanted || job === null || holds.size > 0) halt();
    const mayGoOn = holds.size === 0 || (holds.size === 1 && holds.has("answer"));
    if (!isWanted || job === null || !mayGoOn) setActive(false);
  }

  async function begin(puzzle: Job): Promise<void> {
    generation += 1;
    isBusy = true;
    const mine = generation;
    const isCurrent = () => mine === generation;
    usual = puzzle;
    const [trace, outcome] = await Promise.all([
      order?.job.seed === puzzle.seed ? order.trace : (useSpare() ?? fetchTrace(isCurrent)),
      muster(puzzle.memoryCost),
    ]);
    hooks.crew(crew.size, crew.kernel);
    if (!isCurrent()) return;
    if (outcome !== "ready") return fail(outcome);
    if (trace === null) {
      isBusy = false;
      return;
    }
    // The same object as before, so that the crew goes on where it was.
    if (order?.trace !== trace || order.job.seed !== puzzle.seed) {
      order = { job: puzzle, visitorId: session.visitorId, trace };
    }
    crew.begin(mine, order, isGentle);
    setActive(true);
  }

  function muster(memoryCost: number): Promise<"ready" | Shortage> {
    const count = isGentle ? 1 : workersFor(device, usual.workerCount, memoryCost);
    return crew.muster(count, memoryCost);
  }

  async function prepare(isSoon: boolean): Promise<void> {
    const { token } = session;
    const isWaiting = () => isWanted && job === null && session.token === token;
    if (isPreparing || token === null || !isWaiting()) return;
    isPreparing = true;
    await warmUp(isSoon);
    if (isSoon && isWaiting() && !hasSpare()) {
      const trace = await fetchTrace(isWaiting);
      if (trace !== null) spare = { trace, token, at: clock.now() };
    }
    isPreparing = false;
  }

  /** Once for each wish: who could not be had need not be asked for again and again. */
  async function warmUp(isSoon: boolean): Promise<void> {
    const wish = `${isSoon} ${isGentle}`;
    if (wish === prepared) return;
    prepared = wish;
    // Nobody's memory is taken for the hours before an opening.
    const outcome = await muster(isSoon ? usual.memoryCost : 0);
    if (!isWanted || job !== null) return;
    hooks.crew(crew.size, crew.kernel);
    // How much memory it will take is a guess, and so is no reason to give up.
    if (outcome === "no-workers" || outcome === "no-webassembly") fail(outcome);
  }

  function hasSpare(): boolean {
    return spare !== null && spare.token === session.token && clock.now() - spare.at < SPARE_LIFE;
  }

  function useSpare(): string | null {
    const trace = hasSpare() && spare !== null ? spare.trace : null;
    spare = null;
    return trace;
  }

  function fail(kind: Shortage): void {
    want(false);
    hooks.failed(kind);
  }

  async function fetchTrace(isCurrent: () => boolean): Promise<string | null> {
    const { token } = session;
    if (token === null) return null;
    const answer = await persist(() => api.trace(token, session.traceUrl), isCurrent, clock, random);
    if (answer === null) return null;
    if (answer.ok && answer.value.length <= MAX_TRACE && /^ip=/m.test(answer.value)) return answer.value;
    if (!answer.ok && isSessionLost(answer.refusal)) {
      session.lost(token);
      return null;
    }
    const detail = `${session.traceUrl} did not answer with a trace.`;
    const unreadable: Refusal = { status: 200, code: "unreadable", detail, retryAfter: null };
    hooks.refused(answer.ok ? unreadable : answer.refusal);
    return null;
  }

  function want(wanted: boolean): void {
    isWanted = wanted;
    // A trace grows old while nobody mines.
    if (!wanted) {
      order = spare = null;
      prepared = "";
    }
    reconcile();
  }

  function hold(reason: Hold, isHeld: boolean): void {
    if (isHeld) holds.add(reason);
    else holds.delete(reason);
    reconcile();
  }

  return {
    get job() {
      return job;
    },
    get best() {
      return best;
    },
    take(next) {
      const isSame = job !== null && next !== null && job.seed === next.seed;
      job = next;
      prepared = "";
      if (!isSame) {
        halt();
        order = null;
        best = null;
        holds.delete("answer");
      }
      reconcile();
    },
    prepare,
    renew() {
      halt();
      order = spare = null;
      reconcile();
    },
    want,
    hold,
    setGentle(gentle) {
      if (gentle === isGentle) return;
      isGentle = gentle;
      if (isBusy) halt();
      reconcile();
    },
    close() {
      want(false);
      crew.close();
    },
  };
}
