import type { Texts } from "../../i18n/texts.ts";

export const UNKNOWN = "–";

const YEAR = 365.25 * 86_400;

/** How long something took, or will take: below ten seconds the tenths tell something, over years not even the days. */
export function seconds(value: number | null, { text, number, duration, language }: Texts): string {
  if (value === null) return UNKNOWN;
  if (value < 10) return text("codes.seconds", { seconds: number(value, 1) });
  if (value < 2 * YEAR) return duration(value);
  const format = { style: "unit", unit: "year", unitDisplay: "long", maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(language, { ...format, numberingSystem: "latn" }).format(value / YEAR);
}
