// @vitest-environment happy-dom

import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ControlsView } from "../../src/console/view/controls.tsx";
import { PARAMETERS, status } from "./answers.ts";
import { type Stage, stage } from "./stage.tsx";

let view: Stage;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: Date.UTC(2026, 10, 21, 12) });
  view = await stage(ControlsView);
});

afterEach(() => {
  view.clear();
  vi.useRealTimers();
});

function faultOf(name: string): string {
  return view.root.querySelector(`[data-name="${name}"] .fault`)?.textContent ?? "";
}

function presentOf(name: string): string {
  return view.root.querySelector(`[data-name="${name}"] .present`)?.textContent ?? "";
}

describe("a parameter", () => {
  test("is sent alone, and believed until a status tells of it", async () => {
    await view.fill("Difficulty now", "14");
    await view.press("Apply: Difficulty now");
    expect(view.posts()).toEqual([{ path: "/api/admin/difficulty", told: { difficulty: 14 } }]);
    await view.tell({});
    expect(presentOf("difficulty")).toContain("14 bits");
    expect(view.root.querySelector("footer [role=status]")?.textContent).toContain("A new puzzle is open");
    expect(view.button("Apply: Difficulty now").getAttribute("aria-disabled")).toBe("true");
  });

  test("is held against what was applied just before, though no status told of it yet", async () => {
    await view.fill("Difficulty now", "6");
    await view.press("Apply: Difficulty now");
    await view.fill("Never harder than", "20");
    await view.press("Apply: Never harder than");
    await view.fill("Never easier than", "9");
    await view.press("Apply: Never easier than");
    expect(view.posts()).toHaveLength(2);
    expect(faultOf("min_difficulty")).toContain("from 1 to 6");
  });

  test("follows the status as long as nobody writes into it, and keeps what is written", async () => {
    await view.tell({ parameters: { ...PARAMETERS, worker_count: 6 } });
    expect(view.field("Workers of each miner").value).toBe("6");
    await view.fill("Workers of each miner", "8");
    await view.tell({ parameters: { ...PARAMETERS, worker_count: 2 } });
    expect(view.field("Workers of each miner").value).toBe("8");
    expect(presentOf("worker_count")).toContain("2");
  });

  test("is not sent when it cannot be right, and the field says why", async () => {
    await view.fill("Memory of one hash", "7");
    await view.press("Apply: Memory of one hash");
    expect(view.posts()).toEqual([]);
    expect(faultOf("memory_cost")).toBe("It must be from 8 to 4,194,304.");
    const field = view.field("Memory of one hash");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(field);
    await view.fill("Memory of one hash", "8");
    expect(faultOf("memory_cost")).toBe("");
  });

  test("is held against its neighbours", async () => {
    await view.fill("Never easier than", "20");
    await view.press("Apply: Never easier than");
    expect(view.posts()).toEqual([]);
    expect(faultOf("min_difficulty")).toContain("from 1 to 12");
  });

  test("goes with its neighbours in one call, so that there is one reset", async () => {
    await view.fill("Never easier than", "20");
    await view.fill("Difficulty now", "22");
    await view.press("Apply all 2 together");
    expect(view.posts()).toEqual([
      { path: "/api/admin/difficulty", told: { difficulty: 22, min_difficulty: 20 } },
    ]);
  });

  test("keeps what was written when the server refuses, and shows its sentence at the field it names", async () => {
    const detail = "memory_cost needs more than this server has.";
    view.api.refuse("/api/admin/argon2", { status: 400, title: "Bad request", detail, field: "memory_cost" });
    await view.fill("Passes over the memory", "4");
    await view.fill("Memory of one hash", "4194304");
    await view.press("Apply all 2 together");
    expect(faultOf("memory_cost")).toBe(detail);
    expect(view.field("Memory of one hash").value).toBe("4194304");
    expect(view.field("Passes over the memory").value).toBe("4");
    view.api.refuse("/api/admin/argon2", null);
    await view.press("Apply all 2 together");
    expect(view.posts().at(-1)?.told).toEqual({ time_cost: 4, memory_cost: 4_194_304 });
    expect(faultOf("memory_cost")).toBe("");
  });

  test("says at its own field what is not about a field", async () => {
    view.api.refuse("/api/admin/worker-count", { status: 0, title: "", detail: "" });
    await view.fill("Workers of each miner", "8");
    await view.press("Apply: Workers of each miner");
    expect(faultOf("worker_count")).toContain("does not answer");
    expect(view.field("Workers of each miner").value).toBe("8");
  });

  test("is not sent when nothing about it has changed", async () => {
    await view.press("Apply: Lanes");
    await view.fill("Lanes", "2");
    await view.fill("Lanes", "1");
    await view.press("Apply: Lanes");
    expect(view.posts()).toEqual([]);
  });

  test("tells what it will do while it is written", async () => {
    await view.fill("Difficulty now", "14");
    const effect = view.root.querySelector('[data-name="difficulty"] .effect')?.textContent;
    expect(effect).toBe(
      "At the present 64 H/s a round takes about 4m 16s. About 31 % of rounds would be given up.",
    );
  });
});

describe("the drop", () => {
  test("takes instants of the operator's zone and sends them with a Z; an empty field is off", async () => {
    await view.fill("Opens", "2026-11-22T09:00");
    await view.press("Apply: Opens");
    expect(view.posts().at(-1)).toEqual({
      path: "/api/admin/drop",
      told: { opens_at: new Date(2026, 10, 22, 9).toISOString() },
    });
    await view.fill("Closes", "");
    await view.press("Apply: Closes");
    expect(view.posts().at(-1)).toEqual({ path: "/api/admin/drop", told: { closes_at: null } });
  });

  test("does not take a date that is filled in by half for none", async () => {
    const field = view.field("Closes");
    Object.defineProperty(field, "validity", { value: { badInput: true } });
    await view.fill("Closes", "");
    await view.press("Apply: Closes");
    expect(view.posts()).toEqual([]);
    expect(faultOf("closes_at")).toContain("whole date");
  });
});

describe("an operation", () => {
  test.each([
    ["Reset …", "Reset", "reset-puzzle", "voids the running puzzle. 13 miners start again"],
    ["Send away …", "Send away", "kick-all", "closes 214 sockets and ends 230 sessions"],
    ["Clear …", "Clear", "clear-sessions", "ends 230 sessions"],
    ["Deliver …", "Deliver", "webhooks/retry", "sends 3 notifications"],
  ])("%s asks first and names what will happen", async (opener, label, path, words) => {
    await view.press(opener);
    expect(view.posts()).toEqual([]);
    expect(view.root.querySelector("dialog")?.textContent).toContain(words);
    await view.press(label);
    expect(view.posts()).toEqual([{ path: `/api/admin/${path}`, told: {} }]);
    expect(view.root.querySelector("dialog")).toBeNull();
  });

  test("does nothing when it is cancelled", async () => {
    await view.press("Reset …");
    await view.press("Cancel");
    expect(view.posts()).toEqual([]);
  });

  test("leaves its dialog with the reason where it is refused", async () => {
    view.api.refuse("/api/admin/kick-all", { status: 503, title: "", detail: "The disk refuses." });
    await view.press("Send away …");
    await view.press("Send away");
    expect(view.root.querySelector("dialog")?.textContent).toContain("The disk refuses.");
  });

  test("revokes all codes only when the word was typed", async () => {
    const openers = [...view.root.querySelectorAll("button")].filter(
      (one) => one.textContent === "Replace …",
    );
    openers.at(-1)?.click();
    await view.settle();
    expect(view.root.querySelector("dialog")?.textContent).toContain("revokes all 1,284 codes");
    await view.press("Replace");
    expect(view.root.querySelector("dialog [role=alert]")?.textContent).toContain("Nothing has been changed");
    await view.fill("Type “revoke” to go on", " Revoke ");
    await view.press("Replace");
    expect(view.posts().map(({ path }) => path)).toEqual([
      "/api/admin/logs/stats",
      "/api/admin/regenerate-hmac",
    ]);
  });

  test("has nothing to deliver when nothing waits", async () => {
    await view.tell({ webhooks: { ...status().webhooks, pending: 0, failed: 0 } });
    await view.press("Deliver …");
    expect(view.root.querySelector("dialog")).toBeNull();
  });
});

test("before the first status there is nothing to change", async () => {
  await view.tell(null);
  expect(view.root.querySelector("input, button")).toBeNull();
});

test("axe has nothing to say", async () => {
  vi.useRealTimers();
  await view.fill("Lanes", "x");
  await view.press("Apply: Lanes");
  document.title = "Controls";
  document.documentElement.lang = "en";
  const { violations } = await axe.run(document.documentElement, {
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});
