/** A browser and a server made by hand, for tests of the game. Time is Vitest's. */

import { createHash } from "node:crypto";
import { vi } from "vitest";
import type { FromWorker, ToWorker } from "../../src/miner/messages.ts";
import type { Environment, SocketHandlers, WorkerHandlers } from "../../src/race/environment.ts";
import { createGame } from "../../src/race/game.ts";
import { GateFailed, type Gates, passOpen } from "../../src/race/gate.ts";

export const WINNING = `0000${"1".repeat(60)}`;
export const LOSING = `4${"0".repeat(63)}`;

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly bearer: string | null;
  readonly body: Record<string, unknown> | null;
}

type Route = (request: Request) => Response | Promise<Response>;

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

export function problem(status: number, code: string, retryAfter?: number): Response {
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  const body = { type: `urn:hashpass:error:${code}`, title: code, status, detail: `It was ${code}.` };
  return new Response(JSON.stringify(body), { status, headers });
}

export function seedOf(round: number): string {
  return round.toString(16).padStart(64, "a");
}

export function puzzle(round: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    round,
    seed: seedOf(round),
    difficulty: 4,
    target: `0${"f".repeat(63)}`,
    algorithm: "argon2d",
    memory_cost: 65536,
    time_cost: 3,
    parallelism: 1,
    worker_count: 2,
    target_timeout: 300,
    commitment: null,
    secret: null,
    proof: null,
    puzzle_start_time: 1_790_000_000,
    mining_time: 1.5,
    last_solve_time: null,
    average_solve_time: null,
    ...change,
  };
}

export const OPEN = { open: true, reason: null, opens_at: null, closes_at: null, remaining: null };

export class FakeSocket {
  readonly sent: Record<string, unknown>[] = [];
  isOpen = false;
  readonly path: string;
  readonly #handlers: SocketHandlers;

  constructor(path: string, handlers: SocketHandlers) {
    this.path = path;
    this.#handlers = handlers;
  }

  get token(): string {
    return new URL(this.path, "http://race").searchParams.get("token") ?? "";
  }

  open(): void {
    this.isOpen = true;
    this.#handlers.opened();
  }

  say(message: unknown): void {
    this.#handlers.message(typeof message === "string" ? message : JSON.stringify(message));
  }

  end(code = 1006, reason = ""): void {
    this.isOpen = false;
    this.#handlers.closed(code, reason);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.isOpen = false;
  }

  types(): unknown[] {
    return this.sent.map((message) => message.type).filter((type) => type !== "ping");
  }
}

export type Order = Extract<ToWorker, { type: "job" }>;

export class FakeWorker {
  readonly got: ToWorker[] = [];
  isAlive = true;
  readonly #handlers: WorkerHandlers;

  constructor(handlers: WorkerHandlers) {
    this.#handlers = handlers;
  }

  say(message: FromWorker): void {
    this.#handlers.message(message);
  }

  die(): void {
    this.#handlers.failed("gone");
  }

  get orders(): Order[] {
    return this.got.filter((message) => message.type === "job");
  }

  /** What it works on; null after a stop. */
  get order(): Order | null {
    const last = this.got.filter((message) => message.type === "job" || message.type === "stop").at(-1);
    return last?.type === "job" ? last : null;
  }

  find(hash = WINNING, nonce = 7, of = this.order): void {
    if (of !== null) this.say({ type: "found", generation: of.generation, nonce, hash });
  }

  best(hash: string, nonce = 5): void {
    if (this.order) this.say({ type: "best", generation: this.order.generation, bits: 0, nonce, hash });
  }
}

export function createWorld() {
  const requests: Request[] = [];
  const sockets: FakeSocket[] = [];
  const workers: FakeWorker[] = [];
  const drawers = { tab: new Map<string, string>() };
  const lookers = new Set<() => void>();
  const batteryListeners = new Set<(onBattery: boolean) => void>();
  let tokens = 0;
  let traces = 0;

  const world = {
    requests,
    sockets,
    workers,
    tab: drawers.tab,
    puzzle: puzzle(1),
    /** What GET /api/drop says. */
    race: { ...OPEN } as Record<string, unknown>,
    generators: false,
    isVisible: true,
    /** The server's clock, in milliseconds since 1970. */
    serverNow: () => Date.now(),
    /** How many workers get memory, and start at all. */
    memory: 8,
    starts: 8,
    /** What a new worker says to `init`. */
    answerToInit: { type: "ready", kernel: "simd" } as FromWorker,
    device: { webAssembly: true, cores: 8, memory: 8 as number | null },
    gates: { open: passOpen } as Gates,
    locks: { held: 0, asked: 0 },
    batteryListeners,
    /** What the server's door does with a socket: nothing for 1006, a close, or a welcome. */
    door: (_token: string): "welcome" | { code: number; reason: string } => "welcome",
    prizes: [] as Record<string, unknown>[],
    routes: new Map<string, Route>(),

    get socket(): FakeSocket {
      const socket = sockets.at(-1);
      if (!socket) throw new Error("no socket");
      return socket;
    },
    get crew(): FakeWorker[] {
      return workers.filter((worker) => worker.isAlive);
    },
    get busy(): FakeWorker[] {
      return world.crew.filter((worker) => worker.order !== null);
    },
    get worker(): FakeWorker {
      const worker = world.busy[0];
      if (!worker) throw new Error("nobody works");
      return worker;
    },
    calls: (path: string) => requests.filter((request) => `${request.method} ${request.path}` === path),
    drop(path: string): void {
      world.routes.set(path, () => Promise.reject(new TypeError("network")));
    },
    /** Tells everybody of a new puzzle. */
    reset(change: Record<string, unknown> = {}): void {
      world.puzzle = puzzle((world.puzzle.round as number) + 1, { mining_time: 0 });
      const news = {
        type: "PUZZLE_RESET",
        ...world.puzzle,
        solve_time: 12.5,
        is_timeout: false,
        reason: "solved",
      };
      world.socket.say({ ...news, ...change });
    },
    /** Tells everybody whether the race is open. */
    tellRace(change: Record<string, unknown>): void {
      world.race = { ...world.race, ...change };
      world.socket.say({ type: "RACE", ...world.race });
    },
    look(isVisible: boolean): void {
      world.isVisible = isVisible;
      for (const look of lookers) look();
    },
  };

  const defaults: Record<string, Route> = {
    "GET /api/gate/config": () =>
      json({
        gate: "open",
        site_key: null,
        test_mode: false,
        cap_endpoint: null,
        trace_url: "/api/trace",
        generators: world.generators,
      }),
    "GET /api/drop": () =>
      new Response(JSON.stringify(world.race), {
        headers: { Date: new Date(world.serverNow()).toUTCString() },
      }),
    "POST /api/session": () => problem(401, "gate_token_used"),
    "POST /api/puzzle": () => json(world.puzzle),
    "GET /api/trace": () => new Response(`ip=203.0.113.7\nts=${++traces}\nsig=00\n`),
    "GET /api/code": () => json({ codes: world.prizes }),
    "POST /api/verify": () => json({ invite_code: "HASHPASS-won" }),
    "POST /api/submit": () => json({ status: "submitted" }, 202),
  };

  const environment: Environment = {
    clock: {
      now: () => performance.now(),
      wall: () => Date.now(),
      after(milliseconds, call) {
        const timer = setTimeout(call, milliseconds);
        return () => clearTimeout(timer);
      },
    },
    random: () => 0,
    async fetch(path, init) {
      const headers = new Headers(init.headers);
      const bearer = headers.get("Authorization")?.replace(/^Bearer /, "") ?? null;
      const body = typeof init.body === "string" ? JSON.parse(init.body) : null;
      const request: Request = { method: init.method ?? "GET", path, bearer, body };
      requests.push(request);
      const name = `${request.method} ${path}`;
      const route = world.routes.get(name) ?? defaults[name] ?? (() => problem(404, "not_found"));
      const aborted = new Promise<never>((_resolve, reject) => {
        init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
      return Promise.race([route(request), aborted]);
    },
    openSocket(path, handlers) {
      const socket = new FakeSocket(path, handlers);
      sockets.push(socket);
      queueMicrotask(() => {
        const outcome = world.door(socket.token);
        if (outcome === "welcome" || outcome.code === 1008) socket.open();
        if (outcome !== "welcome") return socket.end(outcome.code, outcome.reason);
        if (socket.token.startsWith("hps_")) return;
        tokens += 1;
        socket.say({ type: "SESSION_TOKEN", token: `hps_${tokens}`, expires_in: 300 });
      });
      return socket;
    },
    startWorker(handlers) {
      if (workers.length >= world.starts) throw new Error("no more workers");
      const worker = new FakeWorker(handlers);
      workers.push(worker);
      const number = world.crew.length;
      return {
        post(message) {
          worker.got.push(message);
          queueMicrotask(() => {
            if (!worker.isAlive) return;
            if (message.type === "init") worker.say(world.answerToInit);
            if (message.type !== "reserve") return;
            const { memoryCost } = message;
            if (number <= world.memory) worker.say({ type: "reserved", memoryCost });
            else worker.say({ type: "failed", generation: null, reason: "memory", detail: "" });
          });
        },
        terminate() {
          worker.isAlive = false;
        },
      };
    },
    digest: async (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()).buffer,
    identify: async () => "visitor-1",
    get gates() {
      return world.gates;
    },
    tab: {
      getItem: (key) => drawers.tab.get(key) ?? null,
      setItem: (key, value) => void drawers.tab.set(key, value),
      removeItem: (key) => void drawers.tab.delete(key),
    },
    get device() {
      return {
        ...world.device,
        onBattery(tell: (onBattery: boolean) => void) {
          batteryListeners.add(tell);
          return () => batteryListeners.delete(tell);
        },
      };
    },
    visibility: {
      visible: () => world.isVisible,
      changed(call) {
        lookers.add(call);
        return () => lookers.delete(call);
      },
    },
    async keepAwake() {
      world.locks.asked += 1;
      world.locks.held += 1;
      let released = false;
      return {
        get released() {
          return released;
        },
        async release() {
          if (!released) world.locks.held -= 1;
          released = true;
        },
      };
    },
  };

  return Object.assign(world, { environment });
}

export type World = ReturnType<typeof createWorld>;

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await vi.advanceTimersByTimeAsync(0);
}

export async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await settle();
}

/** A game that mines. */
export async function mining(world: World) {
  const game = createGame(world.environment);
  game.start();
  await settle();
  if (game.state.phase !== "mining") throw new Error(`not mining: ${JSON.stringify(game.state.trouble)}`);
  return game;
}

export function failingGate(why: string): Gates {
  return { open: () => Promise.reject(new GateFailed(why)) };
}
