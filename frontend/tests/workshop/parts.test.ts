import { describe, expect, test } from "vitest";
import { readArrival } from "../../src/workshop/arrival.ts";
import { decodeBase58, encodeBase58, isSeed } from "../../src/workshop/base58.ts";
import { bitsOf, type Form, faultsOf, readForm, withAlphabet, writeForm } from "../../src/workshop/form.ts";
import {
  ALPHABETS,
  type Alphabet,
  ENDPOINTS,
  type Endpoint,
  shortestOf,
  textRules,
  WORD_LANGUAGES,
  type WordLanguage,
} from "../../src/workshop/generators.ts";
import { takeMagicLink } from "../../src/workshop/handover.ts";
import { bodyOf, decodeNext, encodeNext, type Order, orderOf, queryOf } from "../../src/workshop/order.ts";
import { formPath, pathOf, readRoute, resultPath } from "../../src/workshop/routes.ts";

const SEED = "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H";
const NEXT = "3FTYu8SWm4oR6tfvDLLJW4TXtQeLRmy9t6CN6C36TybPkfeVubxCaaPLfap7KHXiqYMinmK1e";

function addressOf(path: string) {
  const { pathname, search } = new URL(path, "http://localhost");
  return { pathname, search };
}

function formAt(path: string): Form {
  const route = readRoute(addressOf(path));
  if (route.page !== "form") throw new Error(`${path} is no form`);
  return readForm(route.order);
}

function nextOf(value: unknown): string {
  return encodeBase58(new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)));
}

describe("base58", () => {
  test.each([
    ["", []],
    ["1", [0]],
    ["11", [0, 0]],
    ["2g", [97]],
    ["5Q", [255]],
    ["15R", [0, 1, 0]],
    ["a3gV", [98, 98, 98]],
    ["1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE", Array.from({ length: 32 }, (_, place) => place)],
    ["JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG", new Array(32).fill(255)],
  ] as const)("%j is the bytes %j, and back", (text, bytes) => {
    expect([...(decodeBase58(text) ?? [])]).toEqual(bytes);
    expect(encodeBase58(Uint8Array.from(bytes))).toBe(text);
  });

  test.each(["0", "O", "I", "l", "a b", "ä", "🎈", "1".repeat(5000)])("%j is none", (text) => {
    expect(decodeBase58(text)).toBeNull();
  });

  test("a seed is whatever decodes to 32 bytes, be it 32, 42, 43 or 44 characters long", () => {
    for (const seed of [
      "1".repeat(32),
      "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE",
      "e5FaMMJRbNmNqLYGmvrM7jPegTHVBjgiRzNNCTkHxUP",
      SEED,
    ]) {
      expect(isSeed(seed), seed).toBe(true);
    }
    for (const seed of [
      "",
      SEED.slice(2),
      `${SEED}1`,
      "1".repeat(33),
      "1".repeat(44),
      "z".repeat(44),
      `${SEED.slice(1)}0`,
    ]) {
      expect(isSeed(seed), seed).toBe(false);
    }
  });
});

/** A form for every generator and alphabet, at both ends of the length, and for every language of words. */
const FORMS: Form[] = ENDPOINTS.flatMap((endpoint): Form[] => {
  const base = readForm({ endpoint, values: {} });
  const rules = textRules(endpoint);
  if (rules === null) {
    return (Object.keys(WORD_LANGUAGES) as WordLanguage[]).flatMap((language) => [
      { ...base, language, words: 12 },
      { ...base, language, words: 24, seed: SEED },
    ]);
  }
  return rules.alphabets.flatMap((alphabet) =>
    [shortestOf(rules, alphabet), rules.longest].flatMap((length) => [
      { ...base, alphabet, length },
      { ...base, alphabet, length, seed: SEED },
      ...(rules.affixes
        ? [{ ...base, alphabet, length, prefix: "a&b=c+d%20 #?", suffix: "ñ🎈 \u202e" }]
        : []),
    ]),
  );
});

describe.each(FORMS.map((form) => [JSON.stringify(form), form] as const))("%s", (_, form) => {
  const order = writeForm(form);

  test("survives its own address", () => {
    expect(formAt(formPath(form.endpoint, order))).toEqual(form);
  });

  test("survives the address of its result", () => {
    const route = readRoute(addressOf(resultPath(order)));
    expect(route).toEqual({ page: "result", order });
    expect(pathOf(route)).toBe(resultPath(order));
  });

  test("survives the way through the mail", () => {
    const next = encodeNext(order) ?? "";
    expect(next.length).toBeLessThanOrEqual(2048);
    expect(decodeNext(next)).toEqual(order);
  });

  test("has nothing wrong", () => {
    expect(faultsOf(form).size).toBe(0);
  });
});

describe("what an address says of a form", () => {
  test.each([
    ["/custom/", { length: 21, alphabet: "base58", prefix: "", suffix: "", seed: "" }],
    ["/custom", { length: 21 }],
    ["/password/", { length: 21, alphabet: "full-with-symbols" }],
    ["/password/?alphabet=no-look-alike", { length: 24, alphabet: "no-look-alike" }],
    ["/password/?alphabet=no-look-alike&length=23", { length: 24 }],
    ["/password/?alphabet=no-look-alike&length=25", { length: 25 }],
    ["/password/?alphabet=numeric&length=30", { alphabet: "full-with-symbols", length: 30 }],
    ["/api-key/", { length: 44, alphabet: "full" }],
    ["/api-key/?alphabet=no-look-alike", { length: 47 }],
    ["/api-key/?length=65", { length: 44 }],
    ["/mnemonic/", { language: "english", words: 12 }],
    ["/mnemonic/?language=japanese&words=24", { language: "japanese", words: 24 }],
    ["/mnemonic/?language=ja&words=13", { language: "english", words: 12 }],
    ["/custom/?length=1", { length: 21 }],
    ["/custom/?length=129", { length: 21 }],
    ["/custom/?length=-5", { length: 21 }],
    ["/custom/?length=1e1", { length: 21 }],
    ["/custom/?length=12.5", { length: 21 }],
    ["/custom/?length=0x20", { length: 21 }],
    ["/custom/?length=%E0%A5%A7", { length: 21 }],
    ["/custom/?length=30&length=40", { length: 30 }],
    ["/custom/?alphabet=constructor", { alphabet: "base58" }],
    ["/custom/?alphabet=BASE58", { alphabet: "base58" }],
    ["/custom/?prefix=%F0%9F%8E%88%F0%9F%8E%88", { prefix: "🎈🎈" }],
    [
      `/custom/?prefix=${"a".repeat(33)}&suffix=${"%C3%B1".repeat(16)}`,
      { prefix: "", suffix: "ñ".repeat(16) },
    ],
    [`/custom/?suffix=${"%C3%B1".repeat(17)}`, { suffix: "" }],
    ["/custom/?prefix=%FF%zz", { prefix: "\ufffd%zz" }],
    ["/custom/?language=german&words=24&raw=true&x=y", { length: 21, language: "english", words: 12 }],
    [`/password/?seed=${SEED}`, { seed: SEED }],
    ["/password/?seed=nonsense", { seed: "nonsense" }],
  ])("%s", (path, expected) => {
    expect(formAt(path)).toMatchObject(expected);
  });

  test("a seed that is none stands in the way, since without it something else would be made", () => {
    expect([...faultsOf(formAt("/password/?seed=nonsense"))]).toEqual(["seed"]);
  });

  test("affixes are measured in bytes", () => {
    const form = formAt("/custom/");
    expect([...faultsOf({ ...form, prefix: "🎈".repeat(9), suffix: "ñ".repeat(16) })]).toEqual(["prefix"]);
  });
});

describe("another alphabet", () => {
  test.each([
    ["password", 21, "full-with-symbols", "no-look-alike", 24],
    ["password", 24, "no-look-alike", "full-with-symbols", 21],
    ["password", 30, "full-with-symbols", "no-look-alike", 30],
    ["password", 30, "no-look-alike", "full-with-symbols", 30],
    ["password", 22, "full-with-symbols", "no-look-alike", 24],
    ["api-key", 44, "full", "no-look-alike", 47],
    ["api-key", 47, "no-look-alike", "full", 44],
    ["custom", 2, "base58", "no-look-alike", 2],
    ["custom", 21, "base58", "numeric", 21],
  ] as const)("of a %s of %i, from %s to %s, makes it %i long", (endpoint, length, from, to, expected) => {
    const form = { ...readForm({ endpoint, values: {} }), length, alphabet: from };
    expect(withAlphabet(form, to)).toMatchObject({ length: expected, alphabet: to });
  });
});

test.each([
  ["custom", "base58", 21, 123],
  ["custom", "numeric", 2, 6],
  ["custom", "full", 128, 256],
  ["password", "full-with-symbols", 21, 129],
] as [Endpoint, Alphabet, number, number][])(
  "a %s in %s of %i has %i bits",
  (endpoint, alphabet, length, bits) => {
    expect(Object.keys(ALPHABETS)).toContain(alphabet);
    expect(bitsOf({ ...readForm({ endpoint, values: {} }), alphabet, length })).toBe(bits);
  },
);

describe("addresses", () => {
  test.each([
    "/generators",
    "/generators/",
    "/result/",
    "/result/?endpoint=toString",
    "/result?x=y",
    "/custom/x",
    "/",
    "/Custom/",
  ])("%s is the menu", (path) => {
    expect(readRoute(addressOf(path))).toEqual({ page: "menu" });
  });

  test("a result's address keeps what the server will have to refuse", () => {
    const route = readRoute(addressOf("/result/?endpoint=password&length=999&alphabet=numeric&evil=1"));
    expect(route).toEqual({
      page: "result",
      order: { endpoint: "password", values: { length: "999", alphabet: "numeric" } },
    });
  });

  test("what goes to the server has numbers where it wants numbers, and text where they are none", () => {
    const body = (length: string) =>
      bodyOf(orderOf("custom", (field) => (field === "length" ? length : null)));
    expect(body("16")).toEqual({ length: 16 });
    expect(body("-1")).toEqual({ length: "-1" });
    expect(body("1e9")).toEqual({ length: "1e9" });
    const order: Order = { endpoint: "mnemonic", values: { words: "24", seed: SEED, prefix: "no" } };
    expect(bodyOf(order)).toEqual({ words: 24, seed: SEED });
    expect(queryOf(order)).toBe(`words=24&seed=${SEED}`);
  });
});

describe("next", () => {
  const order: Order = { endpoint: "custom", values: { length: "21", alphabet: "base58" } };

  test("is the base58 of a form's state", () => {
    expect(encodeNext(order)).toBe(NEXT);
    expect(decodeNext(NEXT)).toEqual(order);
  });

  test("drops fields that the generator does not have, or that are neither text nor numbers", () => {
    const state = {
      endpoint: "mnemonic",
      words: 24,
      length: 3,
      language: null,
      seed: ["x"],
      next: "http://evil.example",
    };
    expect(decodeNext(nextOf(state))).toEqual({ endpoint: "mnemonic", values: { words: "24" } });
    expect(decodeNext(nextOf('{"endpoint":"custom","__proto__":{"length":5}}'))).toEqual({
      endpoint: "custom",
      values: {},
    });
  });

  test.each([
    "",
    "/evil",
    "//evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "0OIl",
    nextOf("https://evil.example/"),
    nextOf("{"),
    nextOf("null"),
    nextOf("[]"),
    nextOf('"custom"'),
    nextOf({}),
    nextOf({ endpoint: "../admin" }),
    nextOf({ endpoint: "toString" }),
    nextOf({ endpoint: 1 }),
    nextOf({ endpoint: ["custom"] }),
    encodeBase58(Uint8Array.from([0xff, 0xfe])),
    "2".repeat(2049),
  ])("%j is nothing", (next) => {
    expect(decodeNext(next)).toBeNull();
  });
});

describe("a mailed link", () => {
  async function handOver(search: string, hasGenerators = true): Promise<[string[], string[]]> {
    const [left, renamed]: [string[], string[]] = [[], []];
    const place = {
      search,
      leave: (url: string) => void left.push(url),
      rename: (url: string) => void renamed.push(url),
    };
    const taken = await takeMagicLink(place, async () => hasGenerators);
    expect(taken).toBe(left.length > 0);
    return [left, renamed];
  }

  test("goes from the race to the generators in the fragment", async () => {
    const [[url = ""]] = await handOver(`?magiclink=abc&next=${NEXT}&other=1`);
    expect(url).toBe(`/generators#magiclink=abc&next=${NEXT}`);
    expect(readArrival(new URL(url, "http://localhost").hash)).toEqual({
      link: "abc",
      order: { endpoint: "custom", values: { length: "21", alphabet: "base58" } },
    });
  });

  test("can say nothing else by it", async () => {
    const [[url = ""]] = await handOver("?magiclink=a%26next%3Db%23%2F..&next=https%3A%2F%2Fevil.example");
    expect(new URL(url, "http://localhost").pathname).toBe("/generators");
    expect(readArrival(new URL(url, "http://localhost").hash)).toEqual({ link: "a&next=b#/..", order: null });
  });

  test("is forgotten where there are no generators, and the race begins", async () => {
    expect(await handOver("?magiclink=abc&next=abc", false)).toEqual([[], ["/"]]);
  });

  test.each(["", "?", "?next=abc", "?magiclink=", "?Magiclink=abc"])(
    "%j is none, and the race begins",
    async (search) => {
      expect(await handOver(search)).toEqual([[], []]);
    },
  );

  test.each(["", "#", "#next=abc", "#magiclink=", "#section"])("%j is no arrival", (hash) => {
    expect(readArrival(hash)).toBeNull();
  });
});
