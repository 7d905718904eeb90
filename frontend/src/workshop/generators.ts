/** What the four generators take, and within which limits; the server's own table is hashpass/generators/table.py. */

export const ENDPOINTS = ["custom", "password", "api-key", "mnemonic"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

export const FIELDS = ["length", "alphabet", "prefix", "suffix", "language", "words", "seed"] as const;
export type Field = (typeof FIELDS)[number];

/** How many characters each alphabet has. */
export const ALPHABETS = {
  base58: 58,
  "no-look-alike": 49,
  full: 62,
  "full-with-symbols": 73,
  numeric: 10,
} as const;
export type Alphabet = keyof typeof ALPHABETS;

/** Each name with the tag by which browsers can tell the language in the visitor's own. */
export const WORD_LANGUAGES = {
  english: "en",
  spanish: "es",
  french: "fr",
  portuguese: "pt",
  japanese: "ja",
  chinese: "zh-Hans",
  "chinese-traditional": "zh-Hant",
  italian: "it",
  korean: "ko",
  czech: "cs",
} as const;
export type WordLanguage = keyof typeof WORD_LANGUAGES;

export const WORD_COUNTS = [12, 24] as const;

/** Bytes in UTF-8. */
export const MAX_AFFIX = 32;

/** A generator of text. The first alphabet is the default. */
export interface TextRules {
  readonly alphabets: readonly [Alphabet, ...Alphabet[]];
  readonly shortest: number;
  readonly shortestWithoutLookAlikes: number;
  readonly longest: number;
  /** Null: the shortest that the alphabet allows. */
  readonly length: number | null;
  readonly affixes: boolean;
}

const TEXTS: Readonly<Partial<Record<Endpoint, TextRules>>> = {
  custom: {
    alphabets: ["base58", "no-look-alike", "full", "full-with-symbols", "numeric"],
    shortest: 2,
    shortestWithoutLookAlikes: 2,
    longest: 128,
    length: 21,
    affixes: true,
  },
  password: {
    alphabets: ["full-with-symbols", "no-look-alike"],
    shortest: 21,
    shortestWithoutLookAlikes: 24,
    longest: 44,
    length: null,
    affixes: false,
  },
  "api-key": {
    alphabets: ["full", "no-look-alike"],
    shortest: 44,
    shortestWithoutLookAlikes: 47,
    longest: 64,
    length: null,
    affixes: false,
  },
};

/** Null for phrases, which are made of words. */
export function textRules(endpoint: Endpoint): TextRules | null {
  return TEXTS[endpoint] ?? null;
}

export function shortestOf(rules: TextRules, alphabet: string): number {
  return alphabet === "no-look-alike" ? rules.shortestWithoutLookAlikes : rules.shortest;
}

/** In the order in which they are written into addresses. */
export function fieldsOf(endpoint: Endpoint): readonly Field[] {
  if (endpoint === "mnemonic") return ["language", "words", "seed"];
  return TEXTS[endpoint]?.affixes
    ? ["length", "alphabet", "prefix", "suffix", "seed"]
    : ["length", "alphabet", "seed"];
}

export function isEndpoint(value: unknown): value is Endpoint {
  return ENDPOINTS.some((endpoint) => endpoint === value);
}

export function isAlphabet(value: unknown): value is Alphabet {
  return typeof value === "string" && Object.hasOwn(ALPHABETS, value);
}

export function isWordLanguage(value: unknown): value is WordLanguage {
  return typeof value === "string" && Object.hasOwn(WORD_LANGUAGES, value);
}
