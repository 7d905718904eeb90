/** How values of parameters, and what they will do, are written in the operator's language. */

import type { Texts } from "../../../i18n/texts.ts";
import {
  type Fault,
  type Name,
  PARAMETERS,
  rangeOf,
  type Value,
  type Values,
} from "../../controls/parameters.ts";
import type { Effect } from "../../controls/predict.ts";
import { seconds } from "../seconds.ts";

const SECONDS: ReadonlySet<Name> = new Set(["target_time", "target_timeout", "win_cooldown"]);

/** What stands behind a field. */
export function unitOf(name: Name, { text }: Texts): string {
  if (SECONDS.has(name)) return text("controls.unit.seconds");
  if (name === "memory_cost") return "KiB";
  if (name === "max_nonce_speed") return "H/s";
  return PARAMETERS[name].call === "difficulty" ? text("controls.unit.bits") : "";
}

/** A value as it is read, not as it is sent. */
export function valueText(name: Name, value: Value, texts: Texts): string {
  const { off, kind } = PARAMETERS[name];
  if (value === null || (off && value === 0)) return texts.text("controls.off");
  if (kind === "instant") return texts.date(Date.parse(String(value)));
  const number = Number(value);
  if (name === "memory_cost") return texts.memory(number);
  if (name === "max_nonce_speed") return texts.rate(number);
  if (SECONDS.has(name)) return secondsOf(number, texts);
  const isDifficulty = PARAMETERS[name].call === "difficulty";
  return isDifficulty ? texts.text("controls.bits", { count: number }) : texts.number(number);
}

export function rangeText(name: Name, values: Values, texts: Texts): string {
  const { kind, off } = PARAMETERS[name];
  if (kind === "instant") return texts.text("controls.range.instant", { zone: zone() });
  // A bound that no launch comes near is there for the server, not for people.
  if (off) return texts.text("controls.range.off");
  const [low, high] = rangeOf(name, values);
  return texts.text("controls.range", { low: texts.number(low, 1), high: texts.number(high, 1) });
}

export function faultText(name: Name, fault: Fault, values: Values, texts: Texts): string {
  const { low, high, kind } = PARAMETERS[name];
  const [least, most] = fault === "range" ? [low, high] : rangeOf(name, values);
  const range = { low: texts.number(least, 1), high: texts.number(most, 1) };
  if (fault === "order" && kind === "instant") return texts.text("controls.fault.instants");
  return texts.text(`controls.fault.${fault}`, range);
}

export function effectText({ key, values }: Effect, texts: Texts): string {
  const written: Record<string, string | number> = {};
  for (const [name, part] of Object.entries(values)) {
    if (typeof part === "number") written[name] = part;
    else if ("seconds" in part) written[name] = secondsOf(part.seconds, texts);
    else if ("rate" in part) written[name] = texts.rate(part.rate);
    else if ("kibibytes" in part) written[name] = texts.memory(part.kibibytes);
    else written[name] = texts.date(part.instant);
  }
  return texts.text(key, written);
}

/** What is hardly a time at all is called so: "about 0 s" would be wrong. */
function secondsOf(value: number, texts: Texts): string {
  return value > 0 && value < 0.1 ? texts.text("controls.instant") : seconds(value, texts);
}

/** The operator's zone, in which the fields are: it goes without saying, and is said all the same. */
function zone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
