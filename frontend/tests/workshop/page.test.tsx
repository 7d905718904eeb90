// @vitest-environment happy-dom

import axe from "axe-core";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { announceLanguage, Speaking } from "../../src/i18n/speech.tsx";
import type { Texts } from "../../src/i18n/texts.ts";
import { WORKSHOP_WORDS } from "../../src/i18n/workshop.ts";
import type { Arrival } from "../../src/workshop/arrival.ts";
import { decodeNext } from "../../src/workshop/order.ts";
import { Page } from "../../src/workshop/view/page.tsx";
import {
  type Browser,
  createBrowser,
  createServer,
  openWorkshop,
  problem,
  type Server,
  settle,
  USER,
} from "./world.ts";

const ENGLISH = WORKSHOP_WORDS.english;
const SEED = "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H";
const ADDRESS = "Somebody@example.com";
let server: Server;
let browser: Browser;
let root: HTMLElement;

beforeEach(() => {
  server = createServer();
  browser = createBrowser(server);
  localStorage.clear();
  sessionStorage.clear();
  root = document.createElement("div");
  document.body.replaceChildren(root);
  announceLanguage(ENGLISH);
});

afterEach(() => {
  act(() => render(null, root));
});

type Tab = ReturnType<typeof openWorkshop>;

async function show(path: string, arrival: Arrival | null = null, texts: Texts = ENGLISH): Promise<Tab> {
  const tab = openWorkshop(browser, path, arrival);
  await act(async () => {
    render(
      <Speaking words={WORKSHOP_WORDS} texts={texts}>
        <Page workshop={tab.workshop} />
      </Speaking>,
      root,
    );
    await settle();
  });
  return tab;
}

async function rest(): Promise<void> {
  await act(settle);
}

function find<E extends HTMLElement>(selector: string): E {
  const found = root.querySelector<E>(selector);
  if (found === null) throw new Error(`There is no ${selector}.`);
  return found;
}

function textOf(selector: string): string {
  return root.querySelector(selector)?.textContent?.trim() ?? "";
}

function button(label: string): HTMLButtonElement {
  // An open dialog covers the rest.
  const within = root.querySelector("dialog") ?? root;
  const found = [...within.querySelectorAll("button")].find(
    ({ textContent }) => textContent?.trim() === label,
  );
  if (found === undefined) throw new Error(`There is no button "${label}".`);
  return found;
}

async function press(label: string): Promise<void> {
  await act(async () => {
    button(label).click();
    await settle();
  });
}

/** The control with this label. */
function field<E extends HTMLElement>(label: string): E {
  const found = [...root.querySelectorAll("label")].find(({ textContent }) => textContent === label);
  return find<E>(`[id="${found?.htmlFor}"]`);
}

async function write(control: HTMLInputElement | HTMLSelectElement, value: string): Promise<void> {
  await act(async () => {
    control.value = value;
    control.dispatchEvent(
      new Event(control instanceof HTMLSelectElement ? "change" : "input", { bubbles: true }),
    );
    await settle();
  });
}

/** What describes it, or what is wrong with it. */
function describedBy(control: Element): string {
  const ids = control.getAttribute("aria-describedby")?.split(" ") ?? [];
  return ids.map((id) => root.querySelector(`[id="${id}"]`)?.textContent).join(" ");
}

async function complaints(): Promise<string[]> {
  const { violations } = await axe.run(document.documentElement, {
    // Nothing is laid out here.
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

const alerts = () =>
  [...root.querySelectorAll('[role="alert"]')].map(({ textContent }) => textContent).join("");
const made = () => root.querySelector("textarea")?.value;

const PATHS = [
  "/generators",
  "/custom/?prefix=app_",
  "/password/?alphabet=no-look-alike",
  "/api-key/",
  `/mnemonic/?language=korean&seed=${SEED}`,
  `/custom/?seed=nonsense&prefix=x`,
  "/result/?endpoint=custom&length=30&prefix=a%20b",
  `/result/?endpoint=mnemonic&language=japanese&words=24&seed=${SEED}`,
  "/result/?endpoint=password&length=3",
];

describe.each(PATHS)("%s", (path) => {
  test("has its landmarks, one heading, a title, and no hole in a text, in every language", async () => {
    browser.signIn();
    for (const language of ["en", "ar", "ja", "eu"] as const) {
      const texts = await WORKSHOP_WORDS.load(language);
      await show(path, null, texts);
      expect(root.querySelectorAll("h1")).toHaveLength(1);
      expect(root.querySelectorAll("main")).toHaveLength(1);
      expect(document.title).toBe(`${textOf("h1")} · HashPass`);
      expect(root.textContent).not.toMatch(/undefined|NaN|Infinity|[{}|]|\[object|workshop\./);
      act(() => render(null, root));
    }
  });

  test("gives axe nothing to say", async () => {
    browser.signIn();
    await show(path);
    expect(await complaints()).toEqual([]);
  });
});

test.each(["sign-in", "log-out", "adjust"] as const)("nor does the dialog %s", async (dialog) => {
  if (dialog !== "sign-in") browser.signIn();
  const { workshop } = await show("/result/?endpoint=custom");
  act(() => workshop.open(dialog));
  expect(root.querySelectorAll("dialog")).toHaveLength(1);
  expect(await complaints()).toEqual([]);
});

describe("going from page to page", () => {
  test("keeps the document, moves the focus to the heading, and goes back", async () => {
    const tab = await show("/generators");
    expect(document.activeElement).toBe(document.body);
    const [custom] = [...root.querySelectorAll<HTMLAnchorElement>(".cards a")];
    expect(custom?.getAttribute("href")).toBe("/custom/");
    act(() => custom?.click());
    expect(tab.path).toBe("/custom/");
    expect(textOf("h1")).toBe("Custom text");
    expect(document.activeElement).toBe(root.querySelector("h1"));
    act(() => tab.move(-1));
    expect(textOf("h1")).toBe("Generators");
    expect(document.activeElement).toBe(root.querySelector("h1"));
    expect(document.title).toBe("Generators · HashPass");
    act(() => tab.move(1));
    expect(textOf("h1")).toBe("Custom text");
  });

  test("leaves a click to the browser that is to open a new tab", async () => {
    const tab = await show("/generators");
    act(() => {
      find(".cards a").dispatchEvent(
        new MouseEvent("click", { ctrlKey: true, bubbles: true, cancelable: true }),
      );
    });
    expect(tab.entries).toEqual(["/generators"]);
  });

  test("a result of nothing is the menu", async () => {
    const tab = await show("/result/");
    expect(textOf("h1")).toBe("Generators");
    expect(tab.path).toBe("/generators");
  });

  test("leads back to the race", async () => {
    await show("/custom/");
    expect(find<HTMLAnchorElement>(".way a").getAttribute("href")).toBe("/");
  });
});

describe("the form", () => {
  test("is filled by its address, and the address follows it", async () => {
    const tab = await show("/password/?length=30");
    const slider = field<HTMLInputElement>("Length");
    expect([slider.value, slider.min, slider.max]).toEqual(["30", "21", "44"]);
    await write(slider, "33");
    expect(tab.path).toBe("/password/?length=30");
    act(() => tab.pass());
    expect(tab.path).toBe("/password/?length=33&alphabet=full-with-symbols");
    expect(tab.entries).toHaveLength(1);
    expect(textOf(".share code")).toBe(`${location.origin}/password/?length=33&alphabet=full-with-symbols`);
  });

  test("raises the length with the alphabet, and says what the alphabet is", async () => {
    await show("/password/");
    const slider = field<HTMLInputElement>("Length");
    const select = field<HTMLSelectElement>("Alphabet");
    expect([slider.value, describedBy(select)]).toEqual([
      "21",
      "Letters, digits and \u2066- _ * ^ @ # + ! ? $ %\u2069",
    ]);
    await write(select, "no-look-alike");
    expect([slider.value, slider.min]).toEqual(["24", "24"]);
    expect(describedBy(select)).toContain("cannot be mistaken");
    expect(describedBy(slider)).toContain("From 24 to 44 characters.");
    await write(select, "full-with-symbols");
    expect(slider.value).toBe("21");
  });

  test("offers passwords and keys two alphabets, custom texts five", async () => {
    for (const [path, count] of [
      ["/password/", 2],
      ["/api-key/", 2],
      ["/custom/", 5],
    ] as const) {
      await show(path);
      expect(field("Alphabet").querySelectorAll("option")).toHaveLength(count);
      act(() => render(null, root));
    }
  });

  test("says while it is typed that a prefix is too long, and then makes nothing", async () => {
    const tab = await show("/custom/");
    const prefix = field<HTMLInputElement>("Prefix");
    await write(prefix, "ñ".repeat(16));
    expect([describedBy(prefix), prefix.getAttribute("aria-invalid")]).toEqual(["32 of 32 bytes", "false"]);
    await write(prefix, "ñ".repeat(17));
    expect(describedBy(prefix)).toContain("Too long: 34 bytes");
    expect(prefix.getAttribute("aria-invalid")).toBe("true");
    await press("Generate");
    expect(root.querySelector("dialog")).toBeNull();
    expect(document.activeElement).toBe(prefix);
    act(() => tab.pass());
    expect(tab.path).toBe("/custom/");
  });

  test("shows a seed of the address, not to be edited, and lets it go", async () => {
    const tab = await show(`/mnemonic/?words=24&seed=${SEED}`);
    const seed = field<HTMLInputElement>("Seed");
    expect([seed.value, seed.readOnly]).toEqual([SEED, true]);
    await press("Use a new seed");
    expect([seed.value, seed.readOnly]).toEqual(["", false]);
    act(() => tab.pass());
    expect(tab.path).toBe("/mnemonic/?language=english&words=24");
  });

  test("does not pretend that a broken seed were none", async () => {
    await show("/password/?seed=0OIl");
    const seed = field<HTMLInputElement>("Seed");
    expect(describedBy(seed)).toContain("This is not a seed");
    await press("Generate");
    expect(document.activeElement).toBe(seed);
    expect(root.querySelector("dialog")).toBeNull();
  });

  test("takes a seed of one's own", async () => {
    browser.signIn();
    const tab = await show("/password/");
    const seed = field<HTMLInputElement>("Seed");
    await write(seed, "abc");
    expect(describedBy(seed)).not.toContain("not a seed");
    find<HTMLDetailsElement>(".own").open = false;
    await press("Generate");
    expect(describedBy(seed)).toContain("This is not a seed");
    expect([find<HTMLDetailsElement>(".own").open, document.activeElement]).toEqual([true, seed]);
    button("Generate").focus();
    await press("Generate");
    expect(document.activeElement).toBe(seed);
    await write(seed, ` ${SEED} `);
    await press("Generate");
    expect(tab.path).toBe(`/result/?endpoint=password&length=21&alphabet=full-with-symbols&seed=${SEED}`);
    expect(server.calls("POST /api/password")[0]?.body).toEqual({
      length: 21,
      alphabet: "full-with-symbols",
      seed: SEED,
    });
  });
});

describe("the result", () => {
  beforeEach(() => browser.signIn());

  test("is made from the address, by GET without a seed and by POST with one", async () => {
    await show("/result/?endpoint=custom&length=16&alphabet=full&prefix=a%20b%26c&evil=1");
    const [asked] = server.calls("GET /api/custom");
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      length: "16",
      alphabet: "full",
      prefix: "a b&c",
    });
    expect(made()).toMatch(/^made-/);
    act(() => render(null, root));
    await show(`/result/?endpoint=mnemonic&language=czech&words=24&seed=${SEED}`);
    expect(server.calls("POST /api/mnemonic")[0]?.body).toEqual({ language: "czech", words: 24, seed: SEED });
  });

  test("takes no value from the address", async () => {
    await show("/result/?endpoint=custom&hash=planted&result=planted&otp=planted");
    expect(root.innerHTML).not.toContain("planted");
  });

  test("stands in a field that is read only, is named, and selects itself", async () => {
    await show("/result/?endpoint=api-key");
    const area = find<HTMLTextAreaElement>("textarea");
    expect([area.readOnly, area.getAttribute("aria-label")]).toEqual([true, "Your API key"]);
    act(() => area.click());
    expect([area.selectionStart, area.selectionEnd]).toEqual([0, area.value.length]);
  });

  test("comes with seed, code, time and the settings used", async () => {
    await show("/result/?endpoint=mnemonic&language=chinese-traditional&words=24");
    const facts = textOf(".facts");
    for (const part of [SEED, "012345678", "Phrase", "Traditional Chinese", "24"])
      expect(facts).toContain(part);
    expect(find<HTMLTimeElement>("time").dateTime).toBe("2026-09-21T14:13:20.000Z");
    expect(find("textarea").lang).toBe("zh-Hant");
  });

  test("is made again in its place, and not where a seed would give the same", async () => {
    const tab = await show("/result/?endpoint=password");
    const first = made();
    await press("Generate another");
    expect(made()).not.toBe(first);
    expect(tab.entries).toHaveLength(1);
    act(() => render(null, root));
    await show(`/result/?endpoint=password&seed=${SEED}`);
    expect(() => button("Generate another")).toThrow();
  });

  test("is not lost when the next cannot be made", async () => {
    await show("/result/?endpoint=password");
    const first = made();
    server.instead = () => "away";
    await press("Generate another");
    expect(made()).toBe(first);
    expect(alerts()).toContain("The server does not answer");
    server.instead = () => undefined;
    await press("Generate another");
    expect(alerts()).toBe("");
    expect(made()).not.toBe(first);
  });

  test("is still there after going away and back", async () => {
    const tab = await show("/custom/");
    await press("Generate");
    const first = made();
    act(() => tab.move(-1));
    expect(textOf("h1")).toBe("Custom text");
    act(() => tab.move(1));
    await rest();
    expect(made()).toBe(first);
    expect(server.calls("GET /api/custom")).toHaveLength(1);
  });

  test("of an earlier page does not come up on a later one", async () => {
    const tab = await show("/generators");
    let answer = () => {};
    server.wait = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    act(() => tab.workshop.go("/result/?endpoint=password"));
    await rest();
    const slow = answer;
    server.wait = () => Promise.resolve();
    act(() => tab.workshop.go("/result/?endpoint=custom"));
    await rest();
    const shown = made();
    await act(async () => {
      slow();
      await settle();
    });
    expect([made(), server.calls("GET /api/password").length]).toEqual([shown, 1]);
  });

  test("is adjusted with the same seed or with a new one", async () => {
    const tab = await show("/result/?endpoint=custom&length=30&alphabet=full");
    await press("Adjust settings");
    expect(document.activeElement?.closest("dialog")).not.toBeUndefined();
    await press("Keep this seed");
    expect(tab.path).toBe(`/custom/?length=30&alphabet=full&seed=${SEED}`);
    expect(field<HTMLInputElement>("Seed").readOnly).toBe(true);
    act(() => tab.move(-1));
    await press("Adjust settings");
    await press("New seed");
    expect(tab.path).toBe("/custom/?length=30&alphabet=full");
    expect(field<HTMLInputElement>("Length").value).toBe("30");
  });

  test.each([
    [{ endpoint: "password", length: "3" }, "length", "The length has to be from 21 to 44."],
    [
      { endpoint: "password", length: "3", alphabet: "no-look-alike" },
      "length",
      "The length has to be from 24 to 44.",
    ],
    [{ endpoint: "custom", prefix: "x" }, "prefix", "Prefix and suffix have room for 32 bytes each."],
    [{ endpoint: "mnemonic", language: "x" }, "language", "There is no word list of this name."],
    [{ endpoint: "mnemonic", words: "13" }, "words", "A phrase has 12 or 24 words."],
    [{ endpoint: "mnemonic", seed: "x" }, "seed", "This is not a seed."],
    [{ endpoint: "custom" }, "novel", "<b>as the server says</b>"],
  ])("a refusal of %j is said in words", async (query, wrong, words) => {
    server.instead = ({ path }) =>
      /custom|password|mnemonic/.test(path)
        ? problem(400, "bad_request", "<b>as the server says</b>", { field: wrong })
        : undefined;
    await show(`/result/?${new URLSearchParams(query as Record<string, string>)}`);
    expect(alerts()).toContain(words);
    expect(root.querySelector(".notice b")).toBeNull();
    await press("Adjust settings");
    expect(textOf("h1")).not.toContain("Your");
  });

  test("a limit is said with its time, and tried again", async () => {
    server.instead = ({ path }) =>
      path === "/api/custom"
        ? problem(429, "rate_limited", "Slow down.", {}, { "Retry-After": "90" })
        : undefined;
    await show("/result/?endpoint=custom");
    expect(alerts()).toContain("Try again in 1m 30s.");
    server.instead = () => undefined;
    await press("Try again");
    expect(made()).toMatch(/^made-/);
  });

  test("asks to sign in when the session has ended, and goes on afterwards", async () => {
    server.expected = "another";
    const tab = await show("/result/?endpoint=custom&length=40");
    expect(textOf("dialog h2")).toBe("Sign in");
    expect(textOf(".aloud")).toBe("Your sign-in has ended.");
    server.links.add("link");
    const other = browser.openTab();
    await act(async () => {
      await other.session.redeem("link");
      await settle();
    });
    expect(root.querySelector("dialog")).toBeNull();
    expect(made()).toMatch(/^made-/);
    expect(tab.path).toBe("/result/?endpoint=custom&length=40");
  });
});

describe("signing in", () => {
  async function writeAddress(path = "/custom/?length=40&alphabet=numeric&prefix=%C3%B1"): Promise<Tab> {
    const tab = await show(path);
    await press("Generate");
    await write(find<HTMLInputElement>("#email"), ADDRESS);
    await press("Continue");
    return tab;
  }

  const posted = () => server.calls("POST /api/login/").map(({ body }) => body);

  test("takes two steps, and nothing is sent before the second", async () => {
    await writeAddress();
    expect(textOf("dialog h2")).toBe("Is this your address?");
    expect(textOf(".address")).toBe(ADDRESS);
    expect(document.activeElement).toBe(button("Send"));
    expect(posted()).toEqual([]);
    await press("Send");
    expect(textOf("dialog h2")).toBe("A link is on its way");
    expect(textOf("dialog [role=status]")).toContain("It works once, within 15 minutes.");
    expect(posted()).toHaveLength(1);
  });

  test("lets the address be corrected", async () => {
    await writeAddress();
    await press("Correct");
    const input = find<HTMLInputElement>("#email");
    expect([input.value, document.activeElement]).toEqual([ADDRESS, input]);
    await write(input, "other@example.com");
    await press("Continue");
    await press("Send");
    expect(posted()[0]?.email).toBe("other@example.com");
  });

  test.each(["", "x", "@", "x@", "@x", "a b@c", "a@b@c"])(
    "does not take %j for an address",
    async (address) => {
      await show("/custom/");
      await press("Sign in");
      const input = find<HTMLInputElement>("#email");
      await write(input, address);
      await press("Continue");
      expect(textOf("dialog h2")).toBe("Sign in");
      expect(describedBy(input)).toBe("This is not a full e-mail address.");
      expect(input.getAttribute("aria-invalid")).toBe("true");
    },
  );

  test("sends the page's language, our own origin, and all of the form", async () => {
    await writeAddress();
    await press("Send");
    const [body] = posted();
    expect(body).toMatchObject({ email: ADDRESS, email_lang: "en", ui_host: "http://localhost" });
    expect(decodeNext(String(body?.next))).toEqual({
      endpoint: "custom",
      values: { length: "40", alphabet: "numeric", prefix: "ñ" },
    });
  });

  test("sends the words, their language and the seed too", async () => {
    await writeAddress(`/mnemonic/?language=french&words=24&seed=${SEED}`);
    await press("Send");
    expect(decodeNext(String(posted()[0]?.next))).toEqual({
      endpoint: "mnemonic",
      values: { language: "french", words: "24", seed: SEED },
    });
  });

  test("sends no form from the menu", async () => {
    await show("/generators");
    await press("Sign in");
    await write(find<HTMLInputElement>("#email"), ADDRESS);
    await press("Continue");
    await press("Send");
    expect(posted()[0]).not.toHaveProperty("next");
  });

  test("forgets the address: it is in no storage, and nowhere on the page", async () => {
    await writeAddress();
    await press("Send");
    expect(document.documentElement.outerHTML).not.toContain(ADDRESS);
    await press("Ask again");
    expect(find<HTMLInputElement>("#email").value).toBe("");
    expect(
      [...browser.kept.values(), JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join(),
    ).not.toContain("Somebody");
  });

  test("a dialog that was closed has forgotten it as well", async () => {
    await writeAddress();
    act(() => void find("dialog").dispatchEvent(new Event("cancel", { cancelable: true })));
    expect(root.querySelector("dialog")).toBeNull();
    await press("Generate");
    expect(find<HTMLInputElement>("#email").value).toBe("");
  });

  test.each([
    ["away" as const, "The server does not answer"],
    [problem(429, "rate_limited", "Several.", {}, { "Retry-After": "120" }), "Try again in 2m."],
    [
      problem(503, "not_ready", "Sign-in is not set up here.", {}, { "Retry-After": "1" }),
      "Sign-in is not set up here.",
    ],
    [
      problem(400, "bad_request", "Invalid email address", { field: "email" }),
      "This is not a full e-mail address.",
    ],
  ])("says what went wrong, and can be tried again: %#", async (reply, words) => {
    await writeAddress();
    server.instead = ({ path }) => (path === "/api/login/" ? reply : undefined);
    await press("Send");
    expect(textOf(".address")).toBe(ADDRESS);
    expect(textOf('dialog [role="alert"]')).toContain(words);
    server.instead = () => undefined;
    await press("Send");
    expect(textOf("dialog h2")).toBe("A link is on its way");
  });

  test("in another tab closes the dialog here", async () => {
    const tab = await writeAddress();
    await press("Send");
    server.links.add("link");
    const other = browser.openTab();
    await act(async () => {
      await other.session.redeem("link");
      await settle();
    });
    expect(root.querySelector("dialog")).toBeNull();
    expect(textOf(".user")).toBe("88BC…2vsY");
    await press("Generate");
    expect(tab.path).toContain("/result/?endpoint=custom&length=40");
    expect(made()).toMatch(/^made-/);
  });
});

describe("a mailed link", () => {
  const order = { endpoint: "mnemonic", values: { language: "italian", words: "24" } } as const;

  test("is redeemed once, and what was wanted is made", async () => {
    server.links.add("link");
    const tab = await show("/generators", { link: "link", order });
    expect(tab.path).toBe("/result/?endpoint=mnemonic&language=italian&words=24");
    expect(tab.entries).toHaveLength(1);
    expect(made()).toMatch(/^made-/);
    expect(server.calls("GET /api/login/")).toHaveLength(1);
    expect(server.calls("POST /api/refresh")).toHaveLength(0);
    expect(textOf(".user")).toBe("88BC…2vsY");
  });

  test("without a form leads to the menu", async () => {
    server.links.add("link");
    const tab = await show("/generators", { link: "link", order: null });
    expect([tab.path, textOf("h1")]).toEqual(["/generators", "Generators"]);
  });

  test("that does not work says so, and a new one can be asked for with the same form", async () => {
    await show("/generators", { link: "used", order });
    expect(alerts()).toContain("This link does not work");
    await press("Get a new link");
    await write(find<HTMLInputElement>("#email"), ADDRESS);
    await press("Continue");
    await press("Send");
    expect(decodeNext(String(server.calls("POST /api/login/")[0]?.body.next))).toEqual(order);
  });

  test("that does not work asks nobody who is signed in for an address, and goes on", async () => {
    browser.signIn();
    const tab = await show("/generators", { link: "used", order });
    expect(alerts()).toContain("This link does not work");
    expect(alerts()).toContain("You are signed in.");
    expect(alerts()).not.toContain("Get a new link");
    await press("Generate");
    expect(tab.path).toBe("/result/?endpoint=mnemonic&language=italian&words=24");
    expect(made()).toMatch(/^made-/);
  });

  test("that could not be asked about is tried again", async () => {
    server.links.add("link");
    server.instead = () => "away";
    const tab = await show("/generators", { link: "link", order });
    expect(alerts()).toContain("The server does not answer");
    server.instead = () => undefined;
    await press("Try again");
    expect(tab.path).toContain("/result/");
  });
});

describe("logging out", () => {
  test("asks first", async () => {
    browser.signIn();
    await show("/custom/");
    const user = find<HTMLButtonElement>(".user");
    expect(user.getAttribute("aria-label")).toBe("Signed in as 88BC…2vsY");
    act(() => user.click());
    expect(textOf("dialog p")).toContain("88BC…2vsY");
    await press("Stay signed in");
    expect(server.calls("DELETE /api/login/")).toHaveLength(0);
    act(() => user.click());
    await press("Log out");
    expect(server.calls("DELETE /api/login/")).toHaveLength(1);
    expect(textOf(".user")).toBe("Sign in");
    expect(textOf("h1")).toBe("Custom text");
    expect(browser.kept.size).toBe(0);
  });

  test("takes what was made off the screen, also in another tab", async () => {
    browser.signIn();
    const tab = await show("/result/?endpoint=password");
    const before = made() ?? "";
    const other = browser.openTab();
    await act(async () => {
      await other.session.logOut();
      await settle();
    });
    expect(textOf("h1")).toBe("Generators");
    expect(tab.path).toBe("/generators");
    expect(root.innerHTML).not.toContain(before);
    expect(textOf(".aloud")).toBe("You are logged out.");
  });

  test("forgets what was made before", async () => {
    browser.signIn();
    const tab = await show("/result/?endpoint=password");
    const before = made() ?? "";
    act(() => tab.workshop.go("/generators"));
    act(() => find(".user").click());
    await press("Log out");
    act(() => tab.move(-1));
    await rest();
    expect(root.innerHTML).not.toContain(before);
    expect(textOf("dialog h2")).toBe("Sign in");
  });

  test("that does not come through says so, and nobody is logged out", async () => {
    browser.signIn();
    await show("/custom/");
    act(() => find(".user").click());
    server.instead = () => "away";
    await press("Log out");
    expect(textOf('dialog [role="alert"]')).toContain("The server does not answer");
    expect(textOf(".user")).toBe("88BC…2vsY");
  });
});

test("the versions stand at the foot", async () => {
  await show("/generators");
  expect(textOf(".foot")).toBe("API 1.4.5, pages 0.19.4");
  expect(USER).toContain("2vsY");
});
