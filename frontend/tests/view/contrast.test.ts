/** Holds the colours of tokens.css to what look.md asks for, in light and in dark. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync("src/design/tokens.css", "utf8");

type Colour = readonly [lightness: number, chroma: number, hue: number];

const tokens = new Map<string, Readonly<Record<"light" | "dark", Colour>>>();
const COLOUR = String.raw`oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)`;
for (const [, name = "", ...numbers] of css.matchAll(
  new RegExp(`--([\\w-]+): light-dark\\(${COLOUR}, ${COLOUR}\\)`, "g"),
)) {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = numbers.map(Number);
  tokens.set(name, { light: [a, b, c], dark: [d, e, f] });
}

/** Linear sRGB, by Björn Ottosson's matrices. */
function linear([lightness, chroma, hue]: Colour): readonly [number, number, number] {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function colour(name: string, scheme: "light" | "dark"): Colour {
  const found = tokens.get(name);
  if (found === undefined) throw new Error(`There is no colour --${name}.`);
  return found[scheme];
}

function luminance(name: string, scheme: "light" | "dark"): number {
  const [red, green, blue] = linear(colour(name, scheme)).map((part) => Math.min(1, Math.max(0, part)));
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
}

function contrast(one: string, other: string, scheme: "light" | "dark"): number {
  const [low = 0, high = 0] = [luminance(one, scheme), luminance(other, scheme)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const TEXT = [
  ...["ink", "quiet", "accent"].flatMap((name) => [`${name} on paper`, `${name} on well`]),
  ...["win", "care", "fail"].flatMap((name) => [
    `${name} on paper`,
    `${name} on ${name}-soft`,
    `ink on ${name}-soft`,
    `quiet on ${name}-soft`,
  ]),
  "on-accent on accent",
  "on-accent on accent-pressed",
  "on-accent on win",
  "on-accent on win-pressed",
];
const CONTROLS = [
  "edge on paper",
  "edge on well",
  "edge on win-soft",
  "edge on care-soft",
  "others on paper",
];

describe.each(["light", "dark"] as const)("%s", (scheme) => {
  test.each(TEXT)("text: %s", (pair) => {
    const [text = "", ground = ""] = pair.split(" on ");
    expect(contrast(text, ground, scheme)).toBeGreaterThanOrEqual(7);
  });

  test.each(CONTROLS)("controls and lines: %s", (pair) => {
    const [edge = "", ground = ""] = pair.split(" on ");
    expect(contrast(edge, ground, scheme)).toBeGreaterThanOrEqual(4.5);
  });

  test("what fills the area below your curve differs from the paper, and its edge from both", () => {
    expect(contrast("accent", "accent-soft", scheme)).toBeGreaterThanOrEqual(3);
  });

  test.each([...tokens.keys()])("--%s can be shown by every screen", (name) => {
    for (const part of linear(colour(name, scheme))) {
      expect(part).toBeGreaterThan(-0.005);
      expect(part).toBeLessThan(1.005);
    }
  });
});
