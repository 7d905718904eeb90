// @vitest-environment happy-dom

import axe from "axe-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogsView, layOut, shorten } from "../../src/console/view/logs.tsx";
import { HOSTILE } from "./answers.ts";
import { type Stage, stage } from "./stage.tsx";

let view: Stage;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  view = await stage(LogsView);
});

afterEach(() => {
  view.clear();
  vi.useRealTimers();
});

async function pass(milliseconds: number): Promise<void> {
  vi.advanceTimersByTime(milliseconds);
  await view.settle();
}

test("lines are text, whatever stands in them", () => {
  expect(view.root.textContent).toContain(HOSTILE);
  expect(view.root.querySelectorAll("img, script, [onerror], [onmouseover]")).toHaveLength(0);
});

test("a line tells when, how bad and from where; a line of somebody else's is shown as it is", () => {
  const items = [...view.root.querySelectorAll(".lines > li")];
  expect(items[1]?.className).toBe("care");
  expect(items[1]?.textContent).toContain("WARNING");
  expect(items[1]?.textContent).toContain("hashpass.web: ");
  expect(items[4]?.textContent).toBe("a line of somebody else's");
});

test("a level, a file and a search are asked for, from the first page", async () => {
  await view.press("Older");
  await view.choose("Level", "WARNING");
  await view.choose("File", "hashpass.log");
  await view.fill("Search the log", "crashed");
  await pass(300);
  expect(view.api.asked.at(-1)).toEqual({
    path: "/api/admin/applogs",
    told: { page: 1, per_page: 100, search: "crashed", level: "WARNING", file: "hashpass.log" },
  });
  expect(view.root.querySelectorAll(".lines > li")).toHaveLength(1);
});

test("it is read again every five seconds, unless that is switched off or an older page is read", async () => {
  const count = () => view.api.asked.length;
  expect(count()).toBe(1);
  await pass(5000);
  await pass(5000);
  expect(count()).toBe(3);
  await view.press("Older");
  expect(count()).toBe(4);
  await pass(20_000);
  expect(count()).toBe(4);
  await view.press("Newest");
  const toggle = view.root.querySelector<HTMLInputElement>("[role=switch]");
  toggle?.click();
  await view.settle();
  await pass(20_000);
  expect(count()).toBe(5);
});

test("what is opened stays open when the log is read again", async () => {
  const details = view.root.querySelector("details");
  if (details) details.open = true;
  await pass(5000);
  expect(view.root.querySelector("details")).toBe(details);
  expect(details?.open).toBe(true);
});

test("a failure is told, and the lines stay", async () => {
  view.api.refuse("/api/admin/applogs", { status: 503, title: "", detail: "The log cannot be read now." });
  await pass(5000);
  expect(view.root.textContent).toContain("The log cannot be read now.");
  expect(view.root.querySelectorAll(".lines > li").length).toBeGreaterThan(3);
  view.api.refuse("/api/admin/applogs", null);
  await pass(5000);
  expect(view.root.textContent).not.toContain("The log cannot be read now.");
});

test("a traceback is folded away and laid out in lines; nothing else is", () => {
  const trace = String.raw`it crashed\nTraceback (most recent call last):\n  File "x"`;
  expect(shorten(trace)[0]).toBe("it crashed");
  expect(layOut(trace)).toBe('it crashed\nTraceback (most recent call last):\n  File "x"');
  expect(layOut(String.raw`C:\new`)).toBe(String.raw`C:\new`);
  expect(shorten("x".repeat(401))).toEqual(["x".repeat(400), "x"]);
  expect(shorten("short")).toEqual(["short", ""]);
});

test("axe has nothing to say", async () => {
  vi.useRealTimers();
  document.title = "Logs";
  document.documentElement.lang = "en";
  const { violations } = await axe.run(document.documentElement, {
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});
