// @vitest-environment happy-dom

import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stairs, wholeTop } from "../../src/console/view/charts.tsx";
import { CodesView } from "../../src/console/view/codes.tsx";
import { fakeApi, HOSTILE, records } from "./answers.ts";
import { type Stage, stage } from "./stage.tsx";

let view: Stage;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  view = await stage(CodesView);
});

afterEach(() => {
  view.clear();
  vi.useRealTimers();
});

const CODES = records(3).map(({ invite_code }) => invite_code);

function rows(): readonly string[] {
  return [...view.root.querySelectorAll(".log-of-codes tbody tr")].map((row) => row.textContent ?? "");
}

function pages(): readonly unknown[] {
  return view.api.asked.filter(({ path }) => path === "/api/admin/logs").map(({ told }) => told);
}

async function pass(milliseconds: number): Promise<void> {
  vi.advanceTimersByTime(milliseconds);
  await view.settle();
}

describe("the log of codes", () => {
  test("shows a page, the newest first, and turns it", async () => {
    expect(rows()).toHaveLength(25);
    expect(rows()[0]).toContain(CODES[0]);
    await view.press("Older");
    expect(pages().at(-1)).toMatchObject({ page: 2, per_page: 25 });
    expect(view.root.textContent).toContain("Page 2 of 5");
    await view.press("Oldest");
    expect(pages().at(-1)).toMatchObject({ page: 5 });
    const before = pages().length;
    await view.press("Older");
    expect(pages()).toHaveLength(before);
  });

  test("searches once the typing pauses, from the first page", async () => {
    await view.press("Older");
    const before = pages().length;
    for (const typed of ["H", "HA", CODES[1] ?? ""]) {
      await view.fill("Search codes, visitors, addresses", typed);
      await pass(200);
    }
    expect(pages().slice(before)).toEqual([]);
    await pass(300);
    expect(pages().at(-1)).toMatchObject({ page: 1, search: CODES[1] });
    expect(rows()).toHaveLength(1);
  });

  test("says when nothing was found", async () => {
    await view.fill("Search codes, visitors, addresses", "no such thing");
    await pass(300);
    expect(view.root.textContent).toContain("Nothing was found");
  });

  test("reads one file when one is chosen", async () => {
    await view.choose("File", "verify.json");
    expect(pages().at(-1)).toMatchObject({ file: "verify.json", page: 1 });
  });

  test("follows new codes on its first page, and on no other", async () => {
    const before = pages().length;
    await view.tell({ round: 420 });
    expect(pages()).toHaveLength(before + 1);
    await view.press("Older");
    await view.tell({ round: 421 });
    expect(pages()).toHaveLength(before + 2);
  });

  test("does not show an answer that was overtaken", async () => {
    const { get } = view.api;
    let late = () => {};
    const held = new Promise<void>((resolve) => {
      late = resolve;
    });
    Object.assign(view.api, {
      get: async (path: string, query: { page?: number }) => {
        const answer = await get(path, query);
        if (query?.page === 2) await held;
        return answer;
      },
    });
    await view.press("Older");
    await view.press("Oldest");
    const shown = rows()[0];
    late();
    await view.settle();
    expect(rows()[0]).toBe(shown);
    expect(rows()[0]).toContain(records(120)[100]?.invite_code);
  });

  test("keeps what it shows when the next page cannot be had", async () => {
    view.api.refuse("/api/admin/logs", { status: 503, title: "", detail: "The disk refuses." });
    await view.press("Older");
    expect(view.root.textContent).toContain("The disk refuses.");
    expect(rows()).toHaveLength(25);
  });

  test("is saved as it is wanted", async () => {
    await view.press("Save as CSV");
    await view.press("Save as JSON");
    const wanted = view.api.asked.filter(({ path }) => path.endsWith("/export"));
    expect(wanted.map(({ told }) => told.format)).toEqual(["csv", "json"]);
    expect(view.api.saved[0]).toMatch(/^hashpass-codes-\d{4}-\d\d-\d\d\.csv$/);
  });
});

describe("what visitors say of themselves", () => {
  test("is text wherever it is shown", async () => {
    await view.press(`Open: ${CODES[1]}`);
    expect(view.root.querySelectorAll("img, script, [onerror], [onmouseover]")).toHaveLength(0);
    const shown = [...view.root.querySelectorAll("bdi")].filter(({ textContent }) => textContent === HOSTILE);
    // In the row, in what is known of the code, and in the whole record.
    expect(shown).toHaveLength(3);
  });

  test("is not shown once it is erased", () => {
    expect(rows()[5]).toContain("Erased");
    expect(rows()[5]).not.toContain("9f9f");
  });
});

describe("a code", () => {
  test("is opened whole, checked at once, and redeemed after a question", async () => {
    await view.press(`Open: ${CODES[0]}`);
    const dialog = view.root.querySelector("dialog.record");
    expect(dialog?.textContent).toContain("adjustment_reason");
    expect(dialog?.textContent).toContain("has not been redeemed");
    await view.press("Redeem …");
    expect(view.posts().some(({ path }) => path.endsWith("/redeem"))).toBe(false);
    await view.press("Redeem it");
    expect(view.posts().filter(({ path }) => path.endsWith("/redeem"))).toEqual([
      { path: "/api/admin/codes/redeem", told: { invite_code: CODES[0] } },
    ]);
    expect(dialog?.textContent).toContain("Already redeemed");
    expect([...(dialog?.querySelectorAll("button") ?? [])].map((one) => one.textContent)).not.toContain(
      "Redeem …",
    );
  });

  test("that somebody else redeemed first is told as such", async () => {
    await view.press(`Open: ${CODES[0]}`);
    await view.press("Redeem …");
    const known = view.api.codes.get(CODES[0] ?? "");
    if (known !== undefined) {
      view.api.codes.set(CODES[0] ?? "", {
        ...known,
        valid: false,
        status: "redeemed",
        redeemed_at: "2026-11-21T03:00:00Z",
      });
    }
    view.api.refuse("/api/admin/codes/redeem", {
      status: 409,
      title: "",
      detail: "This code was redeemed before.",
    });
    await view.press("Redeem it");
    expect(view.root.querySelector("dialog.confirm")?.textContent).toContain("redeemed before");
    await view.press("Cancel");
    expect(view.root.querySelector("dialog.record")?.textContent).toContain("Already redeemed");
  });

  test.each([
    ["unknown", "never gave out"],
    ["expired", "too long ago"],
    ["revoked", "has been replaced"],
  ] as const)("that is %s is not offered for redeeming", async (state, words) => {
    view.api.codes.set("HASHPASS-x", {
      valid: false,
      status: state,
      issued_at: null,
      visitor_id: null,
      round: null,
      redeemed_at: null,
    });
    await view.fill("Code", "  HASHPASS-x ");
    await view.press("Check");
    expect(view.posts().at(-1)?.told).toEqual({ invite_code: "HASHPASS-x" });
    expect(view.root.querySelector(".code-state")?.textContent).toContain(words);
    expect(view.root.querySelector(".code-state button")).toBeNull();
  });

  test("must be given before it is checked", async () => {
    await view.fill("Code", "   ");
    await view.press("Check");
    expect(view.posts().some(({ path }) => path.endsWith("/check"))).toBe(false);
    expect(view.root.querySelector(".code-check .fault")?.textContent).toContain("first");
  });

  test("may be asked about again, and is looked up again", async () => {
    await view.fill("Code", "HASHPASS-x");
    await view.press("Check");
    await view.press("Check");
    expect(view.posts().filter(({ path }) => path.endsWith("/check"))).toHaveLength(2);
  });
});

describe("the figures", () => {
  test("stand above, and every chart can be read as a table", () => {
    expect([...view.root.querySelectorAll(".sums dd")].map((one) => one.textContent)).toEqual([
      "1,284",
      "613",
      "1m 4s",
      "48s",
    ]);
    const charts = [...view.root.querySelectorAll(".chart")];
    expect(charts).toHaveLength(3);
    for (const chart of charts) {
      expect(chart.querySelector("svg")?.getAttribute("aria-label")).toMatch(/\d/);
      expect(chart.querySelectorAll("tbody tr").length).toBeGreaterThan(5);
    }
    // The histogram's last bar is empty, and is left out.
    expect(charts[1]?.querySelectorAll("rect")).toHaveLength(10);
  });

  test("of a server that has given nothing yet are no numbers", async () => {
    view.clear();
    const api = fakeApi([]);
    const get = api.get;
    Object.assign(api, {
      get: (path: string, query: object) =>
        path.endsWith("/stats")
          ? Promise.resolve({
              ok: true,
              value: {
                total_codes: 0,
                unique_visitors: 0,
                avg_solve_time: null,
                median_solve_time: null,
                difficulty_distribution: {},
                codes_per_hour: [],
                solve_time_histogram: [{ from: 0, to: 1, codes: 0 }],
                difficulty_history: [],
              },
            })
          : get(path, query as never),
    });
    view = await stage(CodesView, api);
    expect(view.root.textContent).toContain("No code has been won yet.");
    expect(view.root.textContent?.match(/Nothing to draw yet/g)).toHaveLength(3);
    expect(view.root.textContent).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("an axis of counts ends at a whole number", () => {
    expect([0, 1, 3, 4, 5, 57, 1284].map(wholeTop)).toEqual([1, 1, 3, 4, 6, 60, 1500]);
  });

  test("a stair holds its value until the next one", () => {
    const steps = [
      { at: 0, value: 10 },
      { at: 50, value: 20 },
      { at: 100, value: 0 },
    ];
    expect(stairs(steps, 20)).toBe("M0.0 50.0H150.0V0.0H300.0V100.0");
    expect(stairs(steps.slice(0, 1), 20)).toBe("M0.0 50.0H300");
    expect(stairs([], 20)).toBe("");
  });
});

test.each(["the view", "a record"])("axe has nothing to say to %s", async (what) => {
  vi.useRealTimers();
  if (what === "a record") await view.press(`Open: ${CODES[1]}`);
  document.title = "Codes";
  document.documentElement.lang = "en";
  const { violations } = await axe.run(document.documentElement, {
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});
