// @vitest-environment happy-dom

import axe from "axe-core";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RACE_WORDS } from "../../src/i18n/race.ts";
import { announceLanguage, Speaking } from "../../src/i18n/speech.tsx";
import type { Texts } from "../../src/i18n/texts.ts";
import type { GameState } from "../../src/race/state.ts";
import { Page } from "../../src/race/view/page.tsx";
import { STATES, type StateName, type StillGame, stillGame } from "./fixtures.ts";

const ENGLISH = RACE_WORDS.english;
const names = Object.keys(STATES) as StateName[];
let root: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  localStorage.clear();
  root = document.createElement("div");
  document.body.replaceChildren(root);
  announceLanguage(ENGLISH);
});

afterEach(() => {
  act(() => render(null, root));
  vi.useRealTimers();
});

function show(state: GameState, texts: Texts = ENGLISH): StillGame {
  const game = stillGame(state);
  act(() =>
    render(
      <Speaking words={RACE_WORDS} texts={texts}>
        <Page game={game} />
      </Speaking>,
      root,
    ),
  );
  return game;
}

function change(game: StillGame, state: GameState): void {
  act(() => game.show(state));
}

function press(label: string): void {
  const found = [...root.querySelectorAll("button")].find((button) => button.textContent?.trim() === label);
  if (found === undefined) throw new Error(`There is no button "${label}".`);
  act(() => found.click());
}

function pass(milliseconds: number): void {
  act(() => {
    vi.advanceTimersByTime(milliseconds);
  });
}

/** Lets what was promised happen. */
async function settle(): Promise<void> {
  await act(async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  });
}

function main(): HTMLButtonElement | null {
  return root.querySelector("button.main");
}

function textOf(selector: string): string {
  return root.querySelector(selector)?.textContent?.trim() ?? "";
}

/** What the page's own live region says; copy buttons have theirs. */
function aloud(): string {
  return textOf("div.aloud[role=status]");
}

describe.each(names)("the state %s", (name) => {
  test("has the page's landmarks, one heading of the first order, and no hole in a text", async () => {
    for (const texts of [ENGLISH, await RACE_WORDS.load("ar")]) {
      show(STATES[name](), texts);
      expect(root.querySelectorAll("h1")).toHaveLength(1);
      expect(root.querySelectorAll("main")).toHaveLength(1);
      expect(root.querySelectorAll("#gate")).toHaveLength(1);
      expect(root.textContent).not.toMatch(/undefined|NaN|Infinity|[{}|]|\[object/);
      act(() => render(null, root));
    }
  });

  test("gives axe nothing to say", async () => {
    vi.useRealTimers();
    show(STATES[name]());
    document.title = "HashPass";
    const { violations } = await axe.run(document.documentElement, {
      // Nothing is laid out here. Colours are held by contrast.test.ts, both by screenshots.py in a browser.
      rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
    });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  });
});

describe("the one button", () => {
  test("starts, then pauses", () => {
    const game = show(STATES.idle());
    press("Start mining");
    change(game, STATES.mining());
    press("Pause");
    expect(game.calls).toEqual(["start", "pause"]);
  });

  test("does nothing while things are made ready", () => {
    const game = show(STATES.starting());
    act(() => main()?.click());
    expect(main()?.getAttribute("aria-disabled")).toBe("true");
    expect(game.calls).toEqual([]);
  });

  test("can give up a start that trouble delays", () => {
    const game = show(STATES["race-opens-away"]());
    press("Stop waiting");
    change(game, STATES["server-away"]());
    press("Pause");
    expect(game.calls).toEqual(["pause", "pause"]);
  });

  test("waits for an opening, and can be told not to", () => {
    const game = show(STATES["race-opens-idle"]());
    press("Start mining");
    change(game, STATES["race-opens-starting"]());
    change(game, STATES["race-opens"]());
    press("Stop waiting");
    expect(game.calls).toEqual(["start", "pause"]);
  });

  test.each(["no-workers", "memory-refused", "gate-failed"] as const)("starts again after %s", (name) => {
    const game = show(STATES[name]());
    press("Try again");
    expect(game.calls).toEqual(["start"]);
  });

  test("tries the server again while nothing runs", () => {
    const game = show(STATES["server-away-idle"]());
    press("Try again");
    expect(game.calls).toEqual(["retry"]);
  });

  test.each(["no-webassembly", "banned", "visitor-done", "race-ended-idle", "race-used-up-idle"] as const)(
    "is not there where it could not help: %s",
    (name) => {
      show(STATES[name]());
      expect(main()).toBeNull();
    },
  );

  test("leaves its focus to what is said when it goes", () => {
    const game = show(STATES.idle());
    main()?.focus();
    change(game, STATES["no-webassembly"]());
    expect(document.activeElement).toBe(root.querySelector(".said"));
    expect(textOf(".said h2")).toBe("This browser cannot mine");
    change(game, STATES.mining());
    expect(document.activeElement).toBe(root.querySelector(".said"));
  });

  test("gets the focus of a button beside it that goes", () => {
    const game = show(STATES["server-away"]());
    root.querySelector<HTMLElement>(".notice button")?.focus();
    change(game, STATES.mining());
    expect(document.activeElement).toBe(main());
  });

  test("takes no focus from elsewhere", () => {
    const game = show(STATES.idle());
    const select = root.querySelector<HTMLElement>("select");
    select?.focus();
    change(game, STATES.banned());
    expect(document.activeElement).toBe(select);
  });

  test("stays the same element when a win takes the place above it, so that it keeps the focus", () => {
    const game = show(STATES.mining());
    const before = main();
    before?.focus();
    change(game, STATES.won());
    expect(main()).toBe(before);
    expect(document.activeElement).toBe(before);
  });
});

describe("what is said below it", () => {
  test.each([
    ["mining", "About 1 in 14 chance each minute"],
    ["easy", "Better than an even chance each minute"],
    ["measuring", "Measuring your speed…"],
    ["submitting", "Found one! Checking your answer…"],
    ["idle", "Uses your processor and memory until you pause."],
    ["lost", "Someone was faster. The next round is running."],
    ["race-opens-idle", "Start now if you like: mining begins by itself at the opening."],
    ["race-opens-starting", "Getting ready…"],
    ["race-opens", "You are ready. Leave this tab open: mining begins by itself."],
  ] as const)("%s: %s", (name, words) => {
    show(STATES[name]());
    expect(textOf(".said")).toBe(words);
  });

  test("trouble counts down to the next try, which can be hurried", () => {
    const game = show(STATES["server-away"]());
    expect(textOf(".notice footer small")).toBe("Next try in 12s");
    pass(2500);
    expect(textOf(".notice footer small")).toBe("Next try in 10s");
    press("Try again");
    expect(game.calls).toEqual(["retry"]);
  });

  test("a winner sees how long the others have their turn", () => {
    show(STATES["cooling-down"]());
    expect(textOf(".notice h2")).toBe("It is the others’ turn");
    expect(textOf(".notice footer small")).toBe("You may try again in 4m 12s");
    expect(root.querySelector(".notice button")).toBeNull();
    pass(2500);
    expect(textOf(".notice footer small")).toBe("You may try again in 4m 10s");
  });

  test.each([
    ["race-ended", "The race is over"],
    ["race-used-up", "All invites are gone"],
    ["race-closed", "The race is closed"],
    ["visitor-done", "You have had your share"],
  ] as const)("%s is told in words of its own: %s", (name, words) => {
    show(STATES[name]());
    expect(textOf(".notice h2")).toBe(words);
  });

  test("the server's own sentence is shown as text", () => {
    const detail = "<img src=x onerror=alert(1)> {seed}";
    show({ ...STATES.refused(), trouble: { kind: "refused", detail } });
    expect(root.querySelector(".notice img")).toBeNull();
    expect(textOf(".notice p")).toBe(detail);
  });
});

test("gentle mining is switched on and off, and is recommended on battery", () => {
  const game = show(STATES.mining());
  const box = root.querySelector<HTMLInputElement>("[role=switch]");
  act(() => box?.click());
  expect(game.calls).toEqual(["gentle true"]);
  expect(box?.checked).toBe(true);
  change(game, { ...game.state, onBattery: true });
  expect(textOf(".switch small")).toBe("You are on battery: spare it");
});

describe("the clock", () => {
  test("runs while somebody mines", () => {
    show(STATES.mining());
    expect(textOf("[role=timer]")).toBe("03:12");
    pass(3000);
    expect(textOf("[role=timer]")).toBe("03:15");
  });

  test("stands while nobody does, and says so", () => {
    const game = show(STATES.mining());
    pass(3000);
    change(game, { ...game.state, miners: 0 });
    pass(60_000);
    expect(textOf("[role=timer]")).toBe("03:15");
    expect(textOf(".clock header")).toContain("nobody is mining");
    change(game, { ...game.state, miners: 1 });
    pass(2000);
    expect(textOf("[role=timer]")).toBe("03:17");
  });

  test("stops at the time-out", () => {
    show(STATES.mining());
    pass(600_000);
    expect(textOf("[role=timer]")).toBe("05:00");
  });

  test("counts down to the opening of a closed race", () => {
    show(STATES["race-opens"]());
    const before = textOf("[role=timer]");
    expect(before).toMatch(/^02:14:3\d$/);
    pass(5000);
    expect(textOf("[role=timer]")).not.toBe(before);
    expect(textOf(".clock h2")).toMatch(/^Opens .+\d:\d\d.+/);
  });

  test("counts down by the server's clock, and never below zero", () => {
    const drop = { ...STATES["race-opens"]().drop, opensAt: Math.floor(Date.now() / 1000) + 100 };
    show({ ...STATES["race-opens"](), drop: drop as GameState["drop"], serverAhead: 90 });
    expect(textOf("[role=timer]")).toMatch(/^00:(09|10)$/);
    pass(8_000);
    expect(textOf("[role=timer]")).toMatch(/^00:0[12]$/);
    pass(60_000);
    expect(textOf("[role=timer]")).toBe("00:00");
  });

  test("shows each second of a count-down once", () => {
    show(STATES["race-opens"]());
    const seen = Array.from({ length: 40 }, () => {
      pass(250);
      return textOf("[role=timer]");
    });
    expect(new Set(seen).size).toBeGreaterThanOrEqual(10);
  });
});

test("what is left to win is told, as long as somebody can win it", () => {
  const game = show(STATES.stock());
  expect(textOf(".clock footer")).toContain("250 invites left");
  change(game, STATES["stock-closes"]());
  expect(textOf(".clock footer")).toMatch(/1 invite left.*closes Oct 1/);
  for (const name of ["race-used-up", "race-ended", "mining"] as const) {
    change(game, STATES[name]());
    expect(textOf(".clock footer")).not.toContain("left");
  }
});

test("a round is listed once it is known whose it was", () => {
  const { rounds } = STATES.mining();
  const game = show({
    ...STATES.mining(),
    rounds: [{ round: 418, how: "solved", seconds: 5, mine: null }, ...rounds],
  });
  expect(textOf(".rounds li")).toBe("48s");
  change(game, { ...game.state, rounds: [{ round: 418, how: "solved", seconds: 5, mine: true }, ...rounds] });
  expect(textOf(".rounds li")).toBe("You 5s");
});

test("the generators are a link where the server has them", () => {
  const game = show(STATES.mining());
  expect(root.querySelector("a[href='/generators']")).toBeNull();
  change(game, STATES.stock());
  expect(textOf("a[href='/generators']")).toBe("Generators");
});

test("what nobody has told yet is not shown as zero", () => {
  show(STATES.idle());
  expect([...root.querySelectorAll(".rates dd")].map((cell) => cell.textContent)).toEqual(["–", "–", "–"]);
});

describe("a win", () => {
  test("shows the code, the earlier ones, and is celebrated only if it happens now", () => {
    const game = show(STATES.consolation());
    expect(root.querySelector(".win")?.classList.contains("fresh")).toBe(false);
    expect(textOf("h1")).toBe("You came closest");
    change(game, STATES.wonAgain());
    expect(root.querySelector(".win")?.classList.contains("fresh")).toBe(true);
    expect(textOf("h1")).toBe("You won");
    expect(document.title).toBe("You won · HashPass");
    expect([...root.querySelectorAll("code")].map((code) => code.textContent)).toEqual([
      "HASHPASS-7Kq2mXwP9vTzRb4N",
      "HASHPASS-Qd8RfWm3ZsYx6LtC",
    ]);
  });

  test("after a win leaves the focus where it is, at the button that copies the newest code", async () => {
    vi.stubGlobal("navigator", { clipboard: { writeText: async () => {} } });
    const game = show(STATES.consolation());
    const copy = root.querySelector<HTMLElement>(".copy.first");
    copy?.focus();
    press("Copy");
    await settle();
    expect(textOf(".copy.first")).toBe("Copied");
    change(game, STATES.wonAgain());
    expect(document.activeElement).toBe(copy);
    expect(textOf(".win > .code code")).toBe("HASHPASS-7Kq2mXwP9vTzRb4N");
    // That one has not been copied yet.
    expect(textOf(".copy.first")).toBe("Copy");
    vi.unstubAllGlobals();
  });

  test("is copied, and the button says so for a while", async () => {
    const written: string[] = [];
    vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => written.push(text) } });
    show(STATES.won());
    press("Copy");
    await settle();
    expect(written).toEqual(["HASHPASS-7Kq2mXwP9vTzRb4N"]);
    expect(textOf(".copy")).toBe("Copied");
    pass(3000);
    expect(textOf(".copy")).toBe("Copy");
    vi.unstubAllGlobals();
  });

  test("is selected where there is no clipboard", async () => {
    vi.stubGlobal("navigator", {});
    show(STATES.won());
    press("Copy");
    await settle();
    expect(getSelection()?.toString()).toBe("HASHPASS-7Kq2mXwP9vTzRb4N");
    expect(textOf(".copy")).toBe("Selected: copy it now");
    vi.unstubAllGlobals();
  });
});

describe("the live region", () => {
  test("says what happens: started, lost, won, trouble, paused", () => {
    const game = show(STATES.idle());
    expect(aloud()).toBe("");
    const said = (["mining", "lost", "won", "server-away"] as const).map((name) => {
      change(game, STATES[name]());
      return aloud();
    });
    expect(said).toEqual([
      "Mining started.",
      "Someone was faster. The next round is running.",
      "You won. Enter this code where you were asked for an invite. Kept in this tab: copy it before you close it.",
      "The server does not answer. It may be restarting, or you may be offline. Nothing you have won is lost.",
    ]);
    change(game, STATES.paused());
    expect(aloud()).toBe("Mining paused.");
  });

  test("never says numbers that only change", () => {
    const game = show(STATES.mining());
    for (let rate = 0; rate < 100; rate += 7)
      change(game, { ...game.state, myRate: rate, networkRate: rate });
    pass(10_000);
    expect(aloud()).toBe("");
  });

  test("says a trouble once, however often it is tried again", () => {
    const game = show(STATES.mining());
    change(game, STATES["server-away"]());
    const said = root.querySelector("div.aloud[role=status] p");
    change(game, { ...game.state, trouble: { kind: "server-away", retryAt: 99_000 } });
    change(game, { ...game.state, myRate: 1 });
    expect(root.querySelector("div.aloud[role=status] p")).toBe(said);
  });

  test("says that a closed race has opened", () => {
    const game = show(STATES["race-opens"]());
    change(game, { ...STATES.starting(), job: STATES.mining().job });
    expect(aloud()).toBe("The race is open.");
  });

  test("says that a race closes, and why", () => {
    const game = show(STATES.stock());
    change(game, STATES["stock-closes"]());
    expect(aloud()).toBe("");
    change(game, STATES["race-used-up"]());
    expect(aloud()).toContain("All invites are gone.");
  });
});

test("the language changes without a reload", async () => {
  show(STATES.mining());
  const select = root.querySelector<HTMLSelectElement>("select.language");
  if (select === null) throw new Error("There is no choice of languages.");
  select.value = "ar";
  act(() => void select.dispatchEvent(new Event("change")));
  vi.useRealTimers();
  await vi.waitFor(() => expect(document.documentElement.dir).toBe("rtl"));
  await act(async () => {});
  expect(document.documentElement.lang).toBe("ar");
  expect(textOf("h1")).toBe((await RACE_WORDS.load("ar")).text("lead.title"));
  expect(localStorage.getItem("hashpass.language")).toBe("ar");
});

test("the theme goes round: as the system, light, dark", () => {
  show(STATES.idle());
  const button = root.querySelector<HTMLButtonElement>(".top button");
  const seen = Array.from({ length: 3 }, () => {
    act(() => button?.click());
    return [document.documentElement.dataset.theme, localStorage.getItem("hashpass.theme")];
  });
  expect(seen).toEqual([
    ["light", "light"],
    ["dark", "dark"],
    [undefined, null],
  ]);
});

test("the log speaks the visitor's language and shows what it has no words for", () => {
  show({ ...STATES.mining(), log: [...STATES.mining().log, { at: 0, key: "novel", values: {} }] });
  const lines = [...root.querySelectorAll(".lines p span")].map((line) => line.textContent);
  expect(lines.slice(0, 3)).toEqual([
    "novel",
    "The server refused: The queue is full.",
    "Round 418 begins, difficulty 15.",
  ]);
});
