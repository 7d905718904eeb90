/** The words of one language: `text` puts values into them, the rest writes numbers, times and dates. */

import type console from "./console/en.json";
import { type Direction, directionOf, type Language } from "./languages.ts";
import type race from "./race/en.json";
import type shared from "./shared/en.json";
import type workshop from "./workshop/en.json";

/** The words of every page; each loads those of its own part and the shared ones. */
export type Key = keyof typeof shared | keyof typeof race | keyof typeof workshop | keyof typeof console;
/** A text that depends on `count` has one form for each plural category of its language. */
export type Entry = string | { readonly [category: string]: string };
export type Dictionary = { readonly [key in Key]?: Entry };
export type Values = Readonly<Record<string, string | number>>;

export interface Texts {
  readonly language: Language;
  readonly direction: Direction;
  text(key: Key, values?: Values): string;
  /** A text with a `|` in it: what stands before and after. */
  parts(key: Key, values?: Values): readonly [string, string];
  number(value: number, digits?: number): string;
  /** Hashes a second. */
  rate(value: number): string;
  /** As on a stop-watch, 03:12. */
  clock(seconds: number): string;
  /** In words, 48 s or 2 min 5 s. */
  duration(seconds: number): string;
  /** From KiB. */
  memory(kibibytes: number): string;
  time(milliseconds: number): string;
  date(milliseconds: number): string;
}

/** Seeds, codes and hashes are written in these digits everywhere, so the numbers beside them are, too. */
const DIGITS = { numberingSystem: "latn" } as const;
/** Keeps a value from rearranging the right-to-left words around it. */
const ISOLATE = ["\u2068", "\u2069"] as const;
/** The same for what reads from left to right whatever surrounds it: a number before its Latin unit. */
const ISOLATE_LTR = ["\u2066", "\u2069"] as const;

export function createTexts(language: Language, dictionary: Dictionary): Texts {
  const plural = new Intl.PluralRules(language);
  const plain = [0, 1].map(
    (digits) => new Intl.NumberFormat(language, { ...DIGITS, maximumFractionDigits: digits }),
  );
  const two = new Intl.NumberFormat(language, { ...DIGITS, minimumIntegerDigits: 2, useGrouping: false });
  const direction = directionOf(language);

  function number(value: number, digits = 0): string {
    return (plain[digits] ?? plain[0])?.format(value) ?? String(value);
  }

  function text(key: Key, values: Values = {}): string {
    const entry = dictionary[key] ?? key;
    const form =
      typeof entry === "string" ? entry : (entry[plural.select(Number(values.count))] ?? entry.other ?? "");
    return form.replace(/\{(\w+)\}/g, (_, name: string) => isolate(values[name] ?? ""));
  }

  function isolate(value: string | number): string {
    const written = typeof value === "number" ? number(value) : value;
    return direction === "rtl" ? ISOLATE[0] + written + ISOLATE[1] : written;
  }

  function leftToRight(written: string): string {
    return direction === "rtl" ? ISOLATE_LTR[0] + written + ISOLATE_LTR[1] : written;
  }

  return {
    language,
    direction,
    text,
    parts(key, values) {
      const [head = "", ...rest] = text(key, values).split("|");
      return [head, rest.join("|")];
    },
    number,
    rate(value) {
      const [unit, size] = value >= 999_500 ? ["MH/s", 1e6] : value >= 999.5 ? ["kH/s", 1e3] : ["H/s", 1];
      const scaled = value / size;
      return leftToRight(`${number(scaled, scaled < 9.95 ? 1 : 0)} ${unit}`);
    },
    clock(seconds) {
      const whole = Math.max(0, Math.floor(seconds));
      const hours = Math.floor(whole / 3600);
      const rest = `${two.format(Math.floor(whole / 60) % 60)}:${two.format(whole % 60)}`;
      return hours > 0 ? `${two.format(hours)}:${rest}` : rest;
    },
    duration(seconds) {
      const whole = Math.max(0, Math.round(seconds));
      const pieces = [
        [Math.floor(whole / 86_400), "day"],
        [Math.floor(whole / 3600) % 24, "hour"],
        [Math.floor(whole / 60) % 60, "minute"],
        [whole % 60, "second"],
      ] as const;
      const first = pieces.findIndex(([count]) => count > 0);
      const shown = first < 0 ? pieces.slice(3) : pieces.slice(first, first + 2);
      return shown
        .filter(([count], place) => count > 0 || place === 0)
        .map(([count, unit]) => unitOf(count, unit))
        .join(" ");
    },
    memory(kibibytes) {
      const gibibytes = kibibytes / (1024 * 1024);
      if (gibibytes >= 1) return leftToRight(`${number(gibibytes, 1)} GiB`);
      return leftToRight(kibibytes >= 1024 ? `${number(kibibytes / 1024)} MiB` : `${number(kibibytes)} KiB`);
    },
    time: (milliseconds) =>
      when(milliseconds, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
    date: (milliseconds) => when(milliseconds, { dateStyle: "medium", timeStyle: "short" }),
  };

  function unitOf(count: number, unit: string): string {
    // English writes "48 sec" otherwise; the other languages are best without narrowing, as "5 min 48 s".
    const format = {
      ...DIGITS,
      style: "unit",
      unit,
      unitDisplay: language === "en" ? "narrow" : "short",
    } as const;
    return new Intl.NumberFormat(language, format).format(count);
  }

  function when(milliseconds: number, format: Intl.DateTimeFormatOptions): string {
    return new Intl.DateTimeFormat(language, { ...DIGITS, ...format }).format(milliseconds);
  }
}
