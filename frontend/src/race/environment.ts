/** All that the game needs of a browser, as values that a test can supply. `browser.ts` makes the real one. */

import type { FromWorker, ToWorker } from "../miner/messages.ts";
import type { Gates } from "./gate.ts";

export interface Clock {
  /** Milliseconds that never run backwards, as `performance.now()`. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls once, later; returns what takes it back. */
  after(milliseconds: number, call: () => void): () => void;
}

export interface SocketHandlers {
  opened(): void;
  message(text: string): void;
  closed(code: number, reason: string): void;
}

export interface SocketPort {
  send(text: string): void;
  close(): void;
}

export interface WorkerHandlers {
  message(message: FromWorker): void;
  /** The worker could not be loaded, or has died. */
  failed(detail: string): void;
}

export interface WorkerPort {
  post(message: ToWorker): void;
  terminate(): void;
}

/** As much of `Storage` as is used. Every call may throw: storage can be full or forbidden. */
export interface Drawer {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Visibility {
  visible(): boolean;
  /** Calls whenever the page is shown or hidden, or the network returns. */
  changed(call: () => void): () => void;
}

export interface WakeSentinel {
  readonly released: boolean;
  release(): Promise<void>;
}

export interface Device {
  readonly webAssembly: boolean;
  readonly cores: number;
  /** In GiB, as coarse as browsers tell it; null where they do not. */
  readonly memory: number | null;
  /** Tells whether the device runs on its battery, now and whenever that changes; never where nobody knows. */
  onBattery(tell: (onBattery: boolean) => void): () => void;
}

export interface Environment {
  readonly clock: Clock;
  readonly random: () => number;
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
  readonly openSocket: (path: string, handlers: SocketHandlers) => SocketPort;
  /** Throws where there are no workers. */
  readonly startWorker: (handlers: WorkerHandlers) => WorkerPort;
  /** SHA-256; null where the page is not secure, for there browsers have none. */
  readonly digest: ((bytes: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>) | null;
  readonly identify: () => Promise<string>;
  readonly gates: Gates;
  /** Lives as long as the tab, over reloads. */
  readonly tab: Drawer;
  readonly device: Device;
  readonly visibility: Visibility;
  /** Null where screens cannot be kept awake. */
  readonly keepAwake: (() => Promise<WakeSentinel>) | null;
}
