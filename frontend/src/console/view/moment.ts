import type { Texts } from "../../i18n/texts.ts";
import { localTime } from "../controls/parameters.ts";

/** An instant to the second, in the operator's zone and as narrow as it can be: tables have many of them. */
export function momentOf(at: number, texts: Texts): string {
  if (Number.isNaN(at)) return "";
  const written = `${dayOf(at)} ${texts.time(at)}`;
  // It reads from left to right among right-to-left words, too.
  return texts.direction === "rtl" ? `\u2066${written}\u2069` : written;
}

export function dayOf(at: number): string {
  return localTime(at).slice(0, 10);
}
