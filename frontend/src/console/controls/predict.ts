/** What a change will do, as far as it can be reckoned before it is made. */

import type { Key } from "../../i18n/texts.ts";
import type { Changes, Name, Values } from "./parameters.ts";

/** What is so now. */
export interface Present {
  readonly values: Values;
  /** Hashes a second, of everybody. */
  readonly rate: number;
  /** Hashes that a solve takes on average. */
  readonly tries: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

type Part =
  | number
  | { readonly seconds: number }
  | { readonly rate: number }
  | { readonly kibibytes: number }
  | { readonly instant: number };

/** A sentence, with values that the language will write. */
export interface Effect {
  readonly key: Key;
  readonly values: Readonly<Record<string, Part>>;
}

/** Seconds that a solve of so many bits takes on average; infinite while nobody mines. */
export function solveTime(bits: number, rate: number): number {
  return 2 ** bits / Math.max(0, rate);
}

/** The share of rounds given up after so many seconds: solve times are exponentially distributed. */
export function givenUp(timeout: number, mean: number): number {
  return mean > 0 ? Math.exp(-timeout / mean) : 0;
}

/** Nobody waits that long, and no sentence gains by the years. */
const FOREVER = 100 * 365.25 * 86_400;
const LOW = 0.4;
const HIGH = 1.6;

export function predict(name: Name, changes: Changes, present: Present): readonly Effect[] {
  const after: Values = { ...present.values, ...changes };
  const number = (one: Name) => Number(after[one] ?? 0);
  const value = number(name);
  switch (name) {
    case "difficulty":
      return expected("controls.effect.difficulty", value, present, number("target_timeout"));
    case "min_difficulty":
      return expected("controls.effect.min", value, present, null);
    case "max_difficulty":
      return expected("controls.effect.max", value, present, null);
    case "target_time":
      return [
        say("controls.effect.target", {
          low: { seconds: LOW * value },
          high: { seconds: HIGH * value },
          timeout: { seconds: number("target_timeout") },
        }),
      ];
    case "target_timeout":
      return timeoutEffect(value, present);
    case "time_cost":
    case "memory_cost":
      return [
        ...(name === "memory_cost" ? [memoryEffect(after)] : []),
        ...slowdown(value / Math.max(1, Number(present.values[name] ?? 0)), present),
      ];
    case "parallelism":
      return [
        value > 1
          ? say("controls.effect.lanes", {
              count: value,
              memory: { kibibytes: number("memory_cost") / value },
            })
          : say("controls.effect.lane"),
      ];
    case "worker_count":
      return [memoryEffect(after)];
    case "max_nonce_speed":
      return [
        value > 0
          ? say("controls.effect.speed", { rate: { rate: value } })
          : say("controls.effect.speed-off"),
      ];
    case "code_limit":
      return [say(value > 0 ? "controls.effect.limit" : "controls.effect.limit-off", { count: value })];
    case "wins_per_visitor":
      return [say(value > 0 ? "controls.effect.wins" : "controls.effect.wins-off", { count: value })];
    case "win_cooldown":
      return [
        value > 0
          ? say("controls.effect.cooldown", { time: { seconds: value } })
          : say("controls.effect.cooldown-off"),
      ];
    case "opens_at":
    case "closes_at":
      return [instantEffect(name, after, present)];
  }
}

function say(key: Key, values: Effect["values"] = {}): Effect {
  return { key, values };
}

/** How long a round takes at this difficulty, and how many will be given up. */
function expected(key: Key, bits: number, { rate }: Present, timeout: number | null): readonly Effect[] {
  if (!(rate > 0)) return [say("controls.effect.hashes", { count: Number((2 ** bits).toPrecision(2)) })];
  const mean = solveTime(bits, rate);
  const told =
    mean > FOREVER ? say("controls.effect.forever") : say(key, { time: { seconds: mean }, rate: { rate } });
  return timeout === null ? [told] : [told, ...lost(givenUp(timeout, mean))];
}

/** Below one in a hundred it is not worth a word. */
function lost(share: number): readonly Effect[] {
  return share < 0.01 ? [] : [say("controls.effect.lost", { percent: Math.round(100 * share) })];
}

function timeoutEffect(timeout: number, { rate, tries }: Present): readonly Effect[] {
  if (!(rate > 0)) return [say("controls.effect.no-rate")];
  return [say("controls.effect.timeout", { percent: Math.round(100 * givenUp(timeout, tries / rate)) })];
}

function memoryEffect(after: Values): Effect {
  const [workers, memory] = [Number(after.worker_count), Number(after.memory_cost)];
  return say("controls.effect.memory", {
    workers,
    memory: { kibibytes: memory },
    total: { kibibytes: workers * memory },
  });
}

/** A hash costs in proportion to its passes and its memory. */
function slowdown(factor: number, { rate, tries }: Present): readonly Effect[] {
  if (!(factor > 0) || factor === 1) return [say("controls.effect.same-cost")];
  if (!(rate > 0)) return [say("controls.effect.no-rate")];
  const after = rate / factor;
  const time = tries / after;
  if (time > FOREVER) return [say("controls.effect.rate", { rate: { rate }, after: { rate: after } })];
  return [say("controls.effect.cost", { rate: { rate }, after: { rate: after }, time: { seconds: time } })];
}

function instantEffect(name: "opens_at" | "closes_at", after: Values, { at }: Present): Effect {
  const value = after[name];
  const moment = value === null ? Number.NaN : Date.parse(String(value));
  const opens = name === "opens_at";
  if (Number.isNaN(moment)) return say(opens ? "controls.effect.opens-off" : "controls.effect.closes-off");
  const seconds = (moment - at) / 1000;
  if (seconds <= 0) return say(opens ? "controls.effect.opens-past" : "controls.effect.closes-past");
  return say(opens ? "controls.effect.opens" : "controls.effect.closes", {
    time: { seconds },
    instant: { instant: moment },
  });
}
