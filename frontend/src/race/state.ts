/** What the page shows: one immutable value, made anew by the game whenever something changes. */

export type Algorithm = "argon2d" | "argon2id";

/** The open puzzle as the server describes it. */
export interface Job {
  readonly round: number;
  readonly seed: string;
  /** What anybody needs to check that this seed was fixed before, and to check the next; null where not told. */
  readonly commitment: string | null;
  readonly secret: string | null;
  readonly proof: string | null;
  readonly difficulty: number;
  /** 64 hex digits; a hash below it wins. */
  readonly target: string;
  readonly algorithm: Algorithm;
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
  readonly workerCount: number;
  /** Mining time of the round when the job was told, in seconds, and when that was (`performance.now()`). */
  readonly miningTime: number;
  readonly toldAt: number;
  /** Seconds of mining after which the round ends without a winner. */
  readonly targetTimeout: number;
  readonly lastSolveTime: number | null;
  readonly averageSolveTime: number | null;
}

/** Why there is no race. */
export type Closure = "not_open_yet" | "ended" | "used_up";

/** Whether there is something to win. Instants are Unix seconds of the server's clock. */
export interface Drop {
  readonly isOpen: boolean;
  /** Null while it is open, and where the server does not say. */
  readonly reason: Closure | null;
  readonly opensAt: number | null;
  readonly closesAt: number | null;
  /** Invites that are left; null where they are not counted. */
  readonly remaining: number | null;
}

export type Phase =
  /** Nothing has been asked of the visitor's machine yet, or it was asked to stop. */
  | "idle"
  /** The gate, the session, the kernel and the workers are being made ready. */
  | "starting"
  | "mining"
  /** An answer is on its way to the server. */
  | "submitting";

/** What keeps the visitor from mining, or may. Each has a text of its own in every language. */
export type Trouble =
  | { readonly kind: "no-webassembly" | "no-workers" | "memory-refused" | "banned" | "visitor-done" }
  /** The gate cannot be passed in this browser; `detail` is a sentence in English that says why. */
  | { readonly kind: "gate-failed"; readonly detail?: string }
  | { readonly kind: "session-gone" }
  /** The server does not answer; the next try is at `retryAt` (`performance.now()`). */
  | { readonly kind: "server-away"; readonly retryAt: number }
  /** A winner lets the others try until then (`performance.now()`). */
  | { readonly kind: "cooling-down"; readonly until: number }
  /** Anything the server said that we have no words for; `detail` is its sentence. */
  | { readonly kind: "refused"; readonly detail: string };

export interface Sample {
  /** `performance.now()` / 1000. */
  readonly at: number;
  readonly mine: number;
  readonly everybody: number;
}

export interface Round {
  readonly round: number;
  readonly how: "solved" | "timeout" | "admin";
  /** Seconds of mining; null where nobody solved it. */
  readonly seconds: number | null;
  /** Null as long as an answer of ours has no verdict. */
  readonly mine: boolean | null;
}

export interface Prize {
  readonly code: string;
  /** Unix seconds. */
  readonly wonAt: number;
  readonly reason: "solved" | "consolation";
}

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** A key below `log.` in the texts, and what it speaks of. */
  readonly key: string;
  readonly values: Readonly<Record<string, string | number>>;
}

export interface GameState {
  readonly phase: Phase;
  readonly trouble: Trouble | null;
  readonly connected: boolean;
  /** Null until the server has told. */
  readonly drop: Drop | null;
  /** Seconds that the server's clock is ahead of this browser's. */
  readonly serverAhead: number;
  readonly job: Job | null;
  /** Hashes a second. */
  readonly myRate: number;
  readonly networkRate: number;
  readonly miners: number;
  readonly online: number;
  /** The last five minutes, oldest first. */
  readonly curve: readonly Sample[];
  /** Leading zero bits of my best hash of this puzzle. */
  readonly bestBits: number;
  /** The last few, newest first. */
  readonly rounds: readonly Round[];
  readonly prizes: readonly Prize[];
  /** Shown once when somebody else was faster; cleared by the next round's first second. */
  readonly justLost: boolean;
  readonly workers: number;
  /** Null until the self-test has chosen one. */
  readonly kernel: "simd" | "fallback" | null;
  readonly gentle: boolean;
  /** Whether the device says that it runs on its battery, so that gentle mining is worth offering. */
  readonly onBattery: boolean;
  /** Whether the server has a page of generators. */
  readonly generators: boolean;
  readonly log: readonly LogLine[];
}

/** The game as the page sees it. `start` must be called from a click: gates and wake locks want one. */
export interface Game {
  readonly state: GameState;
  subscribe(listener: (state: GameState) => void): () => void;
  start(): void;
  pause(): void;
  setGentle(gentle: boolean): void;
  /** Try now instead of at `retryAt`. */
  retry(): void;
  close(): void;
}
