/** The workers: started one after the other, kept warm over the rounds, and given one order at a time. */

import type { FromWorker, KernelKind, ToWorker } from "../miner/messages.ts";
import type { Environment, WorkerPort } from "./environment.ts";
import type { Job } from "./state.ts";

/** Why a machine cannot take part. */
export type Shortage = "no-workers" | "no-webassembly" | "memory-refused";

/** Everything that the hashes of one search depend on. A new trace makes a new order. */
export interface Order {
  readonly job: Job;
  readonly visitorId: string;
  readonly trace: string;
}

export interface CrewHooks {
  found(generation: number, nonce: number, hash: string): void;
  best(generation: number, nonce: number, hash: string): void;
  progress(hashes: number): void;
  /** A worker has died at work; `left` are still there. */
  shrunk(left: number): void;
}

export interface Crew {
  readonly size: number;
  /** Null until a worker has tested one. */
  readonly kernel: KernelKind | null;
  /** Bring the crew to `count` workers with memory for such hashes, or to as many as the machine gives. */
  muster(count: number, memoryCost: number): Promise<"ready" | Shortage>;
  /** Drop what is being done and search this, going on where the same order was left. */
  begin(generation: number, order: Order, gentle: boolean): void;
  halt(): void;
  close(): void;
}

interface Hand {
  readonly port: WorkerPort;
  memoryCost: number;
  /** What it was last given, and the first nonce of that it has not tried yet. */
  generation: number;
  next: number;
  /** Called with what it answers while it is being made ready. */
  answer: ((message: FromWorker | null) => void) | null;
}

const PATIENCE = 30_000;
/** Rest after every slice of work, which takes about as long: half the machine's time. The fallback's is a whole hash. */
const GENTLE_PAUSE = { simd: 10, fallback: 150 } as const;

export function createCrew(
  { clock, startWorker }: Pick<Environment, "clock" | "startWorker">,
  hooks: CrewHooks,
): Crew {
  let hands: Hand[] = [];
  let kernel: KernelKind | null = null;
  /** How many got memory when not all did, and how much each wanted. */
  let ceiling = { hands: Number.POSITIVE_INFINITY, memoryCost: 0 };
  let mustering: Promise<unknown> = Promise.resolve();
  let order: Order | null = null;
  let generation = -1;
  let stride = 1;
  let isClosed = false;

  function dismiss(hand: Hand): void {
    hands = hands.filter((other) => other !== hand);
    hand.port.terminate();
    reply(hand, null);
  }

  function hear(hand: Hand, message: FromWorker): void {
    switch (message.type) {
      case "progress":
        // Work on an order that has just ended was work all the same.
        hooks.progress(message.hashes);
        if (message.generation === hand.generation) hand.next += message.hashes * stride;
        break;
      case "best":
        if (message.generation === generation) hooks.best(generation, message.nonce, message.hash);
        break;
      case "found":
        if (message.generation === generation) hooks.found(generation, message.nonce, message.hash);
        break;
      case "failed":
        if (hand.answer === null) lose(hand);
        else reply(hand, message);
        break;
      default:
        reply(hand, message);
    }
  }

  function reply(hand: Hand, message: FromWorker | null): void {
    const { answer } = hand;
    hand.answer = null;
    answer?.(message);
  }

  function lose(hand: Hand): void {
    if (!hands.includes(hand)) return;
    const wasAtWork = hand.answer === null;
    dismiss(hand);
    if (!wasAtWork) return;
    // Memory most likely, so that another one would only die in its turn.
    ceiling = { hands: Math.max(1, hands.length), memoryCost: hand.memoryCost };
    hooks.shrunk(hands.length);
  }

  /** The worker's answer to a message; null if it has none in time. */
  function ask(hand: Hand, message: ToWorker): Promise<FromWorker | null> {
    return new Promise((resolve) => {
      const cancel = clock.after(PATIENCE, () => {
        hand.answer = null;
        resolve(null);
      });
      hand.answer = (answer) => {
        cancel();
        resolve(answer);
      };
      hand.port.post(message);
    });
  }

  async function hire(): Promise<Hand | Shortage> {
    let hand: Hand | null = null;
    try {
      const port = startWorker({
        message: (message) => hand && hear(hand, message),
        failed: () => hand && lose(hand),
      });
      hand = { port, memoryCost: 0, generation: -1, next: 0, answer: null };
    } catch {
      return "no-workers";
    }
    hands.push(hand);
    const ready = await ask(hand, { type: "init" });
    if (ready?.type === "ready") {
      kernel = ready.kernel;
      return hand;
    }
    dismiss(hand);
    if (ready?.type !== "failed") return "no-workers";
    return ready.reason === "memory" ? "memory-refused" : "no-webassembly";
  }

  async function reserve(hand: Hand, memoryCost: number): Promise<boolean> {
    if (hand.memoryCost === memoryCost) return true;
    const answer = await ask(hand, { type: "reserve", memoryCost });
    if (answer?.type === "reserved") {
      hand.memoryCost = memoryCost;
      return true;
    }
    dismiss(hand);
    return false;
  }

  async function bring(count: number, memoryCost: number): Promise<"ready" | Shortage> {
    const most = memoryCost >= ceiling.memoryCost ? Math.min(count, ceiling.hands) : count;
    for (const hand of hands.slice(most)) dismiss(hand);
    let shortage: Shortage | null = null;
    for (const hand of [...hands]) {
      if (!(await reserve(hand, memoryCost))) shortage = "memory-refused";
    }
    // One after the other: all at once would take the memory of a phone away before anybody could say no.
    while (!isClosed && shortage === null && hands.length < most) {
      const hand = await hire();
      if (typeof hand === "string") shortage = hand;
      else if (!(await reserve(hand, memoryCost))) shortage = "memory-refused";
    }
    if (hands.length === 0) return shortage ?? "no-workers";
    // Those who cannot be had need not be asked for again with every puzzle.
    if (shortage !== null) ceiling = { hands: hands.length, memoryCost };
    return "ready";
  }

  return {
    get size() {
      return hands.length;
    },
    get kernel() {
      return kernel;
    },
    muster(count, memoryCost) {
      const brought = mustering.then(() => bring(count, memoryCost));
      mustering = brought;
      return brought;
    },
    begin(of, next, gentle) {
      // Low nonces first, for high ones look dishonest. The same order goes on behind what was tried.
      const from = order === next ? Math.max(...hands.map((hand) => hand.next), 0) : 0;
      generation = of;
      order = next;
      stride = hands.length;
      const { job, visitorId, trace } = next;
      const { seed, target, algorithm, memoryCost, timeCost, parallelism } = job;
      const puzzle = {
        seed,
        target,
        algorithm,
        memoryCost,
        timeCost,
        parallelism,
        visitorId,
        traceData: trace,
      };
      const pauseMs = gentle ? GENTLE_PAUSE[kernel ?? "simd"] : 0;
      for (const [place, hand] of hands.entries()) {
        hand.generation = generation;
        hand.next = from + place;
        hand.port.post({ type: "job", generation, ...puzzle, start: hand.next, stride, pauseMs });
      }
    },
    halt() {
      generation = -1;
      for (const hand of hands) hand.port.post({ type: "stop" });
    },
    close() {
      isClosed = true;
      generation = -1;
      for (const hand of [...hands]) dismiss(hand);
    },
  };
}
