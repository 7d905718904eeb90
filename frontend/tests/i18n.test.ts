import { describe, expect, test } from "vitest";
import { chooseLanguage, directionOf, isLanguage, LANGUAGES, type Language } from "../src/i18n/languages.ts";
import { RACE_WORDS } from "../src/i18n/race.ts";
import { createTexts, type Dictionary, type Entry, type Key } from "../src/i18n/texts.ts";

const ENGLISH = RACE_WORDS.english;
const PARTS = ["shared", "race", "workshop", "console"] as const;
const files = import.meta.glob<Dictionary>("../src/i18n/*/*.json", { eager: true, import: "default" });
const found = Object.entries(files).map(([path, dictionary]) => {
  const [, part = "", language = ""] = /(\w+)\/(\w+)\.json$/.exec(path) ?? [];
  if (!isLanguage(language)) throw new Error(`${path} is not a language of the pages`);
  return [part, language, dictionary] as const;
});
const english = new Map(
  found.filter(([, language]) => language === "en").map(([part, , words]) => [part, words]),
);
const sources = import.meta.glob<string>("../src/*/**/*.{ts,tsx}", {
  eager: true,
  query: "?raw",
  import: "default",
});

function formsOf(entry: Entry): string[] {
  return typeof entry === "string" ? [entry] : Object.values(entry);
}

function placeholders(form: string): string[] {
  return [...form.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).sort();
}

test.each(PARTS)("every language has its file of %s, and every file its language", (part) => {
  const languages = found.filter(([other]) => other === part).map(([, language]) => language);
  expect(languages.sort()).toEqual(Object.keys(LANGUAGES).sort());
});

test("no two parts have a key in common", () => {
  const keys = [...english.values()].flatMap((words) => Object.keys(words));
  expect(new Set(keys).size).toBe(keys.length);
});

test.each(["race", "workshop", "console"])("the pages of %s use no words of another part", (part) => {
  const strange = [...english].filter(([other]) => other !== part && other !== "shared");
  const keys = strange.flatMap(([, words]) => Object.keys(words));
  for (const [path, source] of Object.entries(sources)) {
    if (!path.includes(`/src/${part}/`)) continue;
    for (const key of keys) expect(source.includes(`"${key}"`), `${path}: ${key}`).toBe(false);
  }
});

test("the texts of the miner's page stay few", () => {
  expect(Object.keys(english.get("race") ?? {}).length).toBeLessThan(80);
});

describe.each(found)("%s %s", (part, language, dictionary) => {
  const en = english.get(part) ?? {};
  const keys = Object.keys(en) as Key[];

  test("has the same keys as English, in the same order", () => {
    expect(Object.keys(dictionary)).toEqual(keys);
  });

  test("has the placeholders and parts of the English texts", () => {
    for (const key of keys) {
      const [example = ""] = formsOf(en[key] ?? "");
      const wanted = placeholders(example);
      for (const form of formsOf(dictionary[key] ?? "")) {
        expect(form.trim(), key).toBe(form);
        expect(form, key).not.toBe("");
        expect(form.split("|").length, key).toBe(example.split("|").length);
        // "One worker is ready" needs no figure.
        const isPlural = typeof dictionary[key] !== "string";
        const optional = (name: string) => isPlural && name === "count";
        expect(
          placeholders(form).filter((name) => !optional(name)),
          key,
        ).toEqual(wanted.filter((name) => !optional(name)));
      }
    }
  });

  test("has a form for every plural that small numbers ask for", () => {
    const rules = new Intl.PluralRules(language);
    const asked = new Set(Array.from({ length: 300 }, (_, count) => rules.select(count)));
    for (const key of keys) {
      expect(typeof dictionary[key] === "string").toBe(typeof en[key] === "string");
      const entry = dictionary[key] ?? "";
      if (typeof entry === "string") continue;
      expect(Object.keys(entry)).toContain("other");
      for (const category of asked) expect(Object.keys(entry)).toContain(category);
      for (const category of Object.keys(entry)) {
        expect(rules.resolvedOptions().pluralCategories).toContain(category);
      }
    }
  });
});

test.each(Object.keys(LANGUAGES) as Language[])("%s is loaded as itself", async (language) => {
  const texts = await RACE_WORDS.load(language);
  const own = found.find(([part, other]) => part === "race" && other === language)?.[2];
  expect(texts.language).toBe(language);
  expect(texts.text("button.start")).toBe(own?.["button.start"]);
});

describe("choosing a language", () => {
  test.each([
    ["de", ["fr"], "de"],
    [null, ["pt-BR", "en"], "pt"],
    [null, ["zh-Hant-TW"], "zh"],
    [null, ["nl", "eu-ES", "es"], "eu"],
    [null, ["nl"], "en"],
    [null, [], "en"],
    ["tlh", ["gl"], "gl"],
    ["constructor", [], "en"],
  ] as const)("kept %s, wanted %j gives %s", (kept, wanted, chosen) => {
    expect(chooseLanguage(kept, wanted)).toBe(chosen);
  });

  test("Arabic is written from right to left, the others are not", () => {
    const leftwards = (Object.keys(LANGUAGES) as Language[]).filter((one) => directionOf(one) === "rtl");
    expect(leftwards).toEqual(["ar"]);
  });
});

describe("writing values", () => {
  test("a count chooses the form", () => {
    expect(ENGLISH.text("best.bits", { count: 1 })).toBe("1 bit");
    expect(ENGLISH.text("best.bits", { count: 1200 })).toBe("1,200 bits");
  });

  test("a value is not searched for placeholders", () => {
    expect(ENGLISH.parts("trouble.refused", { detail: "{detail} $& |" })[1]).toBe("{detail} $& |");
  });

  test("rates keep to a few figures", () => {
    const written = [0, 3.14, 31.2, 412, 999.6, 1234, 56_789, 1_234_567].map(ENGLISH.rate);
    expect(written).toEqual([
      "0 H/s",
      "3.1 H/s",
      "31 H/s",
      "412 H/s",
      "1 kH/s",
      "1.2 kH/s",
      "57 kH/s",
      "1.2 MH/s",
    ]);
  });

  test("clocks and durations", () => {
    expect(ENGLISH.clock(192.9)).toBe("03:12");
    expect(ENGLISH.clock(-1)).toBe("00:00");
    expect(ENGLISH.clock(3661)).toBe("01:01:01");
    expect(ENGLISH.duration(48.2)).toBe("48s");
    expect(ENGLISH.duration(125)).toBe("2m 5s");
    expect(ENGLISH.duration(0)).toBe("0s");
    expect(ENGLISH.duration(90_000)).toBe("1d 1h");
    expect(ENGLISH.memory(65_536)).toBe("64 MiB");
    expect(ENGLISH.memory(1_572_864)).toBe("1.5 GiB");
  });

  test("figures are the same in every language, as codes and seeds have them", () => {
    for (const [, language, dictionary] of found) {
      const texts = createTexts(language, dictionary);
      expect(texts.clock(754)).toBe("12:34");
      expect(texts.number(1234567)).toMatch(/1.?234.?567|12.?34.?567/);
      expect(texts.date(0) + texts.time(0)).not.toMatch(/[٠-٩०-९]/);
    }
  });

  test("right-to-left words are kept apart from the values among them", async () => {
    const arabic = await RACE_WORDS.load("ar");
    expect(arabic.text("round.title", { number: "418" })).toContain("\u2068418\u2069");
    expect(arabic.rate(31)).toBe("\u206631 H/s\u2069");
  });
});
