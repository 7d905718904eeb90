/** What an operator can change while the server runs: one row a parameter. Nothing here draws or sends. */

/** The calls that change something, as the admin API names them. */
export type Call = "difficulty" | "target-time" | "argon2" | "worker-count" | "max-nonce-speed" | "drop";

export type Value = number | string | null;

interface Row {
  readonly call: Call;
  /** An instant is ISO 8601 text, or null where it is off. */
  readonly kind: "whole" | "decimal" | "instant";
  readonly low: number;
  readonly high: number;
  /** Whether nothing (0, or no instant) switches it off. */
  readonly off: boolean;
}

const MOST_CODES = 1e9;
const YEAR = 366 * 86_400;

function row(call: Call, kind: Row["kind"], low = 0, high = 0, off = false): Row {
  return { call, kind, low, high, off };
}

/** The names are those of the calls' fields and of the status. */
export const PARAMETERS = {
  difficulty: row("difficulty", "whole", 1, 64),
  min_difficulty: row("difficulty", "whole", 1, 64),
  max_difficulty: row("difficulty", "whole", 1, 64),
  target_time: row("target-time", "decimal", 0.1, 86_400),
  target_timeout: row("target-time", "decimal", 0.1, 86_400),
  time_cost: row("argon2", "whole", 1, 16),
  memory_cost: row("argon2", "whole", 8, 4_194_304),
  parallelism: row("argon2", "whole", 1, 16),
  worker_count: row("worker-count", "whole", 1, 32),
  max_nonce_speed: row("max-nonce-speed", "decimal", 0, 1e12, true),
  code_limit: row("drop", "whole", 0, MOST_CODES, true),
  wins_per_visitor: row("drop", "whole", 0, MOST_CODES, true),
  win_cooldown: row("drop", "decimal", 0, YEAR, true),
  opens_at: row("drop", "instant", 0, 0, true),
  closes_at: row("drop", "instant", 0, 0, true),
} as const satisfies Readonly<Record<string, Row>>;

export type Name = keyof typeof PARAMETERS;
export type Values = { readonly [name in Name]: Value };
export type Changes = { readonly [name in Name]?: Value };

export const NAMES = Object.keys(PARAMETERS) as readonly Name[];

/** Parameters that one call takes together, so that they are changed together or not at all. */
export interface Group {
  readonly call: Call;
  readonly names: readonly Name[];
}

function group(call: Call): Group {
  return { call, names: NAMES.filter((name) => PARAMETERS[name].call === call) };
}

/** What belongs together for the eye. */
export const SECTIONS = [
  { title: "difficulty", groups: [group("difficulty")] },
  { title: "time", groups: [group("target-time")] },
  { title: "hash", groups: [group("argon2")] },
  { title: "miners", groups: [group("worker-count"), group("max-nonce-speed")] },
  { title: "drop", groups: [group("drop")] },
] as const satisfies readonly { readonly title: string; readonly groups: readonly Group[] }[];

/** A new drop leaves the running puzzle alone; every other change opens a new one. */
export function resetsPuzzle(call: Call): boolean {
  return call !== "drop";
}

export type Fault = "empty" | "whole" | "number" | "range" | "instant" | "order" | "memory";
export type Read =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly fault: Fault };

const WHOLE = /^\d{1,16}$/;
/** Either sign of a decimal fraction, for a field is filled in by hand; no grouping, which could be mistaken for it. */
const DECIMAL = /^\d{1,16}(?:[.,]\d{1,6})?$/;

/** What stands in a field, as the value to be sent. */
export function read(name: Name, written: string): Read {
  const { kind, low, high } = PARAMETERS[name];
  const text = written.trim();
  if (kind === "instant") return readInstant(text);
  if (text === "") return { ok: false, fault: "empty" };
  if (!(kind === "whole" ? WHOLE : DECIMAL).test(text)) {
    return { ok: false, fault: kind === "whole" ? "whole" : "number" };
  }
  const value = Number(text.replace(",", "."));
  return value < low || value > high ? { ok: false, fault: "range" } : { ok: true, value };
}

/** What a browser's field for a date and a time holds: the operator's own zone, though it does not say so. */
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?$/;

const END = Date.UTC(9999, 0);

function readInstant(text: string): Read {
  if (text === "") return { ok: true, value: null };
  const at = LOCAL.test(text) ? new Date(text).getTime() : Number.NaN;
  if (Number.isNaN(at)) return { ok: false, fault: "instant" };
  // Further away it is a slip of the pen, and the server would say so, too.
  return at < 0 || at >= END
    ? { ok: false, fault: "instant" }
    : { ok: true, value: new Date(at).toISOString() };
}

/** A value as its field shows it. */
export function write(name: Name, value: Value): string {
  if (value === null) return "";
  if (PARAMETERS[name].kind === "instant") return localTime(Date.parse(String(value)));
  return String(value);
}

/** The day and the time in the operator's zone, as the field for them wants it. */
export function localTime(at: number): string {
  if (Number.isNaN(at)) return "";
  const date = new Date(at);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = [String(date.getFullYear()).padStart(4, "0"), two(date.getMonth() + 1), two(date.getDate())];
  const time = [two(date.getHours()), two(date.getMinutes())];
  if (date.getSeconds() > 0) time.push(two(date.getSeconds()));
  return `${day.join("-")}T${time.join(":")}`;
}

/** Whether two values are one: an instant may be written in more than one way. */
export function isSame(name: Name, one: Value, other: Value): boolean {
  if (PARAMETERS[name].kind !== "instant" || one === null || other === null) return one === other;
  return Date.parse(String(one)) === Date.parse(String(other));
}

/** What is wrong with these changes as a whole, and at whose field: each value may be right and all of them not. */
export function findConflict(
  present: Values,
  changes: Changes,
): { readonly name: Name; readonly fault: Fault } | null {
  const after: Values = { ...present, ...changes };
  const blame = (one: Name, other: Name) => (one in changes ? one : other);
  for (const [low, high] of ORDERED) {
    const [less, more] = [measure(low, after), measure(high, after)];
    if (less === null || more === null) continue;
    const wrong = low === "opens_at" ? less >= more : less > more;
    if (wrong && (low in changes || high in changes)) return { name: blame(low, high), fault: "order" };
  }
  const [memory, lanes] = [measure("memory_cost", after), measure("parallelism", after)];
  if (memory !== null && lanes !== null && memory < 8 * lanes) {
    if ("memory_cost" in changes || "parallelism" in changes) {
      return { name: blame("memory_cost", "parallelism"), fault: "memory" };
    }
  }
  return null;
}

/** The first may never be more than the second; the end of a drop comes after its beginning. */
const ORDERED = [
  ["min_difficulty", "difficulty"],
  ["difficulty", "max_difficulty"],
  ["target_time", "target_timeout"],
  ["opens_at", "closes_at"],
] as const satisfies readonly (readonly [Name, Name])[];

function measure(name: Name, values: Values): number | null {
  const value = values[name];
  if (value === null) return null;
  const size = PARAMETERS[name].kind === "instant" ? Date.parse(String(value)) : Number(value);
  return Number.isNaN(size) ? null : size;
}

/** The range a parameter has as long as its neighbours stay what they are. */
export function rangeOf(name: Name, present: Values): readonly [low: number, high: number] {
  const { low, high } = PARAMETERS[name];
  const number = (other: Name, otherwise: number) => measure(other, present) ?? otherwise;
  switch (name) {
    case "difficulty":
      return [number("min_difficulty", low), number("max_difficulty", high)];
    case "min_difficulty":
      return [low, Math.floor(number("difficulty", high))];
    case "max_difficulty":
      return [Math.ceil(number("difficulty", low)), high];
    case "target_time":
      return [low, number("target_timeout", high)];
    case "target_timeout":
      return [number("target_time", low), high];
    case "memory_cost":
      return [8 * number("parallelism", 1), high];
    default:
      return [low, high];
  }
}
