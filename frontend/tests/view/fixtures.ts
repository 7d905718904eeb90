/** One example of every state that the page can be in, and a game that stays where it is put. */

import type { Drop, Game, GameState, Job, LogLine, Round, Sample, Trouble } from "../../src/race/state.ts";

const WALL = Date.UTC(2026, 4, 4, 9, 41, 7);

/** 14.6 bits, so that 15 surely suffice. */
const TARGET = `0002a${"5".repeat(59)}`;

export function job(change: Partial<Job> = {}): Job {
  return {
    round: 418,
    seed: "9f3ac1e47b20d58866aa01c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506",
    commitment: "4be07d1f9c2a6b58e3f04d1726ab90cc5e6f718293a4b5c6d7e8f90a1b2c3d4e",
    secret: null,
    proof: null,
    difficulty: 15,
    target: TARGET,
    algorithm: "argon2d",
    memoryCost: 65_536,
    timeCost: 3,
    parallelism: 1,
    workerCount: 4,
    miningTime: 192.4,
    toldAt: performance.now(),
    targetTimeout: 300,
    lastSolveTime: 48,
    averageSolveTime: 63,
    ...change,
  };
}

/** Five minutes of a room that fills up, with one pause of ours; smooth and always the same. */
function curve(): Sample[] {
  const now = performance.now() / 1000;
  return Array.from({ length: 61 }, (_, place) => {
    const everybody = 300 + 70 * Math.sin(place / 7) + 45 * Math.sin(place / 2.3) + place * 1.4;
    const mine = place > 16 && (place < 38 || place > 44) ? 30 + 3 * Math.sin(place) : 0;
    return { at: now - 300 + place * 5, mine, everybody };
  });
}

const rounds: readonly Round[] = [
  { round: 417, how: "solved", seconds: 48, mine: false },
  { round: 416, how: "solved", seconds: 71, mine: false },
  { round: 415, how: "timeout", seconds: null, mine: false },
  { round: 414, how: "solved", seconds: 12, mine: true },
  { round: 413, how: "solved", seconds: 126, mine: false },
  { round: 412, how: "admin", seconds: null, mine: false },
];

const log: readonly LogLine[] = [
  { at: WALL - 300_000, key: "connected", values: {} },
  { at: WALL - 299_000, key: "workers", values: { count: 4, kernel: "simd" } },
  { at: WALL - 298_000, key: "started", values: {} },
  { at: WALL - 240_000, key: "solved", values: { seconds: 48 } },
  { at: WALL - 240_000, key: "lost", values: {} },
  { at: WALL - 239_000, key: "round", values: { round: 418, difficulty: 15 } },
  { at: WALL - 60_000, key: "refused", values: { detail: "The queue is full." } },
];

const idle: GameState = {
  phase: "idle",
  trouble: null,
  connected: false,
  drop: null,
  serverAhead: 0,
  job: null,
  myRate: 0,
  networkRate: 0,
  miners: 0,
  online: 0,
  curve: [],
  bestBits: 0,
  rounds: [],
  prizes: [],
  justLost: false,
  workers: 0,
  kernel: null,
  gentle: false,
  onBattery: false,
  generators: false,
  log: [],
};

function mining(change: Partial<GameState> = {}): GameState {
  return {
    ...idle,
    phase: "mining",
    connected: true,
    job: job(),
    myRate: 31.2,
    networkRate: 412,
    miners: 13,
    online: 21,
    curve: curve(),
    bestBits: 11,
    rounds,
    workers: 4,
    kernel: "simd",
    log,
    ...change,
  };
}

function paused(change: Partial<GameState> = {}): GameState {
  return mining({ phase: "idle", myRate: 0, ...change });
}

function troubled(trouble: Trouble): GameState {
  return { ...idle, trouble };
}

const CLOSES = Date.UTC(2026, 9, 1, 16) / 1000;

function opening(change: Partial<Drop> = {}): Drop {
  const opensAt = Math.floor(Date.now() / 1000) + 8074;
  return { isOpen: false, reason: "not_open_yet", opensAt, closesAt: null, remaining: 250, ...change };
}

/** Started before the opening. */
function waiting(change: Partial<GameState> = {}): GameState {
  return {
    ...idle,
    phase: "starting",
    connected: true,
    online: 21,
    drop: opening(),
    log: log.slice(0, 2),
    ...change,
  };
}

/** Closed after it was mined. */
function closed(drop: Partial<Drop>, change: Partial<GameState> = {}): GameState {
  return mining({ phase: "starting", job: null, bestBits: 0, myRate: 0, drop: opening(drop), ...change });
}

const newest = { code: "HASHPASS-7Kq2mXwP9vTzRb4N", wonAt: WALL / 1000, reason: "solved" } as const;
const older = { code: "HASHPASS-Qd8RfWm3ZsYx6LtC", wonAt: WALL / 1000 - 900, reason: "consolation" } as const;

/** Made anew at each call, so that their clocks start now. */
export const STATES = {
  idle: () => idle,
  starting: (): GameState => ({ ...idle, phase: "starting" }),
  measuring: () => mining({ myRate: 0, bestBits: 0, curve: [], rounds: [] }),
  mining: () => mining(),
  gentle: () => mining({ gentle: true, onBattery: true, myRate: 7.8 }),
  fallback: () => mining({ kernel: "fallback", myRate: 9.1 }),
  easy: () => mining({ job: job({ difficulty: 3, target: `2${"0".repeat(63)}` }), bestBits: 2 }),
  hard: () =>
    mining({
      job: job({ round: 12_418, difficulty: 40, target: `0000000001${"0".repeat(54)}`, targetTimeout: 4000 }),
      bestBits: 28,
      networkRate: 1_234_567,
    }),
  paused: () => paused(),
  deserted: () => paused({ miners: 0, networkRate: 0 }),
  submitting: () => mining({ phase: "submitting", bestBits: 15 }),
  lost: () => mining({ justLost: true, bestBits: 0, job: job({ round: 419, miningTime: 0 }) }),
  won: () => mining({ prizes: [newest] }),
  wonAgain: () => paused({ prizes: [newest, older] }),
  consolation: () => paused({ prizes: [older] }),
  mnemonic: () =>
    paused({
      prizes: [
        {
          ...newest,
          code: "legal winner thank year wave sausage worth useful legal winner thank yellow",
        },
      ],
    }),
  "no-webassembly": () => troubled({ kind: "no-webassembly" }),
  "no-workers": () => troubled({ kind: "no-workers" }),
  "memory-refused": () => paused({ trouble: { kind: "memory-refused" } }),
  "gate-failed": () =>
    troubled({
      kind: "gate-failed",
      detail: "Cloudflare's script could not be loaded. An extension or the network may block it.",
    }),
  banned: () => troubled({ kind: "banned" }),
  "session-gone": () => mining({ trouble: { kind: "session-gone" } }),
  "server-away": () =>
    mining({ connected: false, trouble: { kind: "server-away", retryAt: performance.now() + 12_000 } }),
  "server-away-idle": () => troubled({ kind: "server-away", retryAt: performance.now() + 12_000 }),
  "race-closed": () => closed({ reason: null }),
  "race-opens": () => waiting({ workers: 4 }),
  "race-opens-starting": () => waiting({ connected: false }),
  "race-opens-idle": () => ({ ...idle, drop: opening(), generators: true }),
  "race-opens-in-days": () => ({
    ...idle,
    drop: opening({ remaining: null, opensAt: Math.floor(Date.now() / 1000) + 400_000 }),
  }),
  "race-opens-away": () =>
    waiting({ connected: false, trouble: { kind: "server-away", retryAt: performance.now() + 12_000 } }),
  stock: () => mining({ drop: opening({ isOpen: true, reason: null }), generators: true }),
  "stock-closes": () =>
    mining({ drop: opening({ isOpen: true, reason: null, remaining: 1, closesAt: CLOSES }) }),
  "stock-idle": () => ({ ...idle, drop: opening({ isOpen: true, reason: null, closesAt: CLOSES }) }),
  "race-ended": () => closed({ reason: "ended" }),
  "race-ended-idle": () => ({ ...idle, drop: opening({ reason: "ended" }) }),
  "race-used-up": () => closed({ reason: "used_up", remaining: 0 }),
  "race-used-up-won": () => closed({ reason: "used_up", remaining: 0 }, { prizes: [newest] }),
  "race-used-up-idle": () => ({ ...idle, drop: opening({ reason: "used_up", remaining: 0 }) }),
  "cooling-down": () =>
    mining({
      phase: "starting",
      prizes: [newest],
      myRate: 0,
      trouble: { kind: "cooling-down", until: performance.now() + 252_000 },
    }),
  "visitor-done": () => paused({ prizes: [newest], trouble: { kind: "visitor-done" } }),
  unfair: () =>
    mining({
      log: [
        ...log,
        { at: WALL - 1_000, key: "seed-checked", values: {} },
        { at: WALL, key: "seed-wrong", values: {} },
      ],
    }),
  refused: () =>
    mining({
      phase: "starting",
      trouble: {
        kind: "refused",
        detail: "Too many false answers came from this address. Wait before you try again.",
      },
    }),
} as const satisfies Record<string, () => GameState>;

export type StateName = keyof typeof STATES;

export interface StillGame extends Game {
  /** The calls of the page, oldest first. */
  readonly calls: readonly string[];
  show(state: GameState): void;
}

export function stillGame(first: GameState): StillGame {
  let state = first;
  const calls: string[] = [];
  const listeners = new Set<(state: GameState) => void>();
  const note = (call: string) => () => void calls.push(call);
  const show = (next: GameState) => {
    state = next;
    for (const listener of listeners) listener(state);
  };
  return {
    get state() {
      return state;
    },
    calls,
    show,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: note("start"),
    pause: note("pause"),
    retry: note("retry"),
    close: note("close"),
    setGentle(gentle) {
      calls.push(`gentle ${gentle}`);
      show({ ...state, gentle });
    },
  };
}
