// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAdminApi } from "../../src/console/api.ts";
import { networkOf } from "../../src/console/network.ts";
import { joinPoints } from "../../src/console/status.ts";
import { type Column, sortRows, Table } from "../../src/console/view/table.tsx";
import { marksOf } from "../../src/console/view/trends.tsx";
import { CONSOLE_WORDS } from "../../src/i18n/console.ts";
import { Speaking } from "../../src/i18n/speech.tsx";

interface Row {
  readonly name: string;
  readonly size: number | null;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: "name", title: "Name", cell: ({ name }) => name, sort: ({ name }) => name },
  { key: "size", title: "Size", cell: ({ size }) => size, sort: ({ size }) => size, numeric: true },
  { key: "plain", title: "Plain", cell: () => "" },
];

const ROWS: readonly Row[] = [
  { name: "10.0.0.10", size: 2 },
  { name: "10.0.0.9", size: null },
  { name: "9.0.0.1", size: 10 },
  { name: "10.0.0.1", size: 2 },
];

describe("sorting", () => {
  const sorted = (key: string, descending: boolean) =>
    sortRows(ROWS, COLUMNS, { key, descending }, "en").map(({ name }) => name);

  test("reads the numbers in names as numbers", () => {
    expect(sorted("name", false)).toEqual(["9.0.0.1", "10.0.0.1", "10.0.0.9", "10.0.0.10"]);
  });

  test("puts what is unknown last, whichever way", () => {
    expect(sorted("size", false)).toEqual(["10.0.0.10", "10.0.0.1", "9.0.0.1", "10.0.0.9"]);
    expect(sorted("size", true)).toEqual(["9.0.0.1", "10.0.0.10", "10.0.0.1", "10.0.0.9"]);
  });

  test("leaves the rows as they are where nothing says how", () => {
    expect(sortRows(ROWS, COLUMNS, null, "en")).toBe(ROWS);
    expect(sortRows(ROWS, COLUMNS, { key: "plain", descending: true }, "en")).toBe(ROWS);
  });
});

describe("a table", () => {
  let root: HTMLElement;
  const done: string[] = [];

  beforeEach(() => {
    done.length = 0;
    root = document.createElement("div");
    document.body.replaceChildren(root);
  });

  afterEach(() => act(() => render(null, root)));

  function show(rows: readonly Row[]): void {
    const run = (what: string) => () => void done.push(what);
    act(() =>
      render(
        <Speaking words={CONSOLE_WORDS} texts={CONSOLE_WORDS.english}>
          <Table
            caption="Rows"
            columns={COLUMNS}
            rows={rows}
            keyOf={({ name }) => name}
            actions={({ name }) => [
              { label: "Look", run: run(`look ${name}`) },
              { label: "Drop", run: run(`drop ${name}`) },
            ]}
            empty="Nothing"
          />
        </Speaking>,
        root,
      ),
    );
  }

  const items = () => [...root.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const menuButton = () => root.querySelector<HTMLElement>("[aria-haspopup=menu]");
  const key = (name: string) =>
    act(() => {
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
    });

  test("without rows is a sentence", () => {
    show([]);
    expect(root.textContent).toBe("Nothing");
  });

  test("draws no more rows at once than anybody reads", () => {
    show(Array.from({ length: 450 }, (_, place) => ({ name: `row ${place}`, size: place })));
    expect(root.querySelectorAll("tbody tr")).toHaveLength(200);
    const more = [...root.querySelectorAll("button")].find(({ textContent }) => textContent === "Show more");
    act(() => more?.click());
    expect(root.querySelectorAll("tbody tr")).toHaveLength(400);
  });

  test("has a menu of words for its rows, that keys open, walk and leave", () => {
    show(ROWS);
    act(() => menuButton()?.click());
    expect(items().map(({ textContent }) => textContent)).toEqual(["Look", "Drop"]);
    expect(document.activeElement).toBe(items()[0]);
    key("ArrowDown");
    expect(document.activeElement).toBe(items()[1]);
    key("ArrowDown");
    expect(document.activeElement).toBe(items()[0]);
    key("End");
    expect(document.activeElement).toBe(items()[1]);
    key("Escape");
    expect(items()).toHaveLength(0);
    expect(document.activeElement).toBe(menuButton());
  });

  test("closes its menu before it does what was chosen, so that the focus has a place to come back to", () => {
    show(ROWS);
    act(() => menuButton()?.click());
    act(() => items()[1]?.click());
    expect(done).toEqual(["drop 10.0.0.10"]);
    expect(items()).toHaveLength(0);
    expect(document.activeElement).toBe(menuButton());
  });

  test("closes its menu when something else is pressed", () => {
    show(ROWS);
    act(() => menuButton()?.click());
    act(() => void document.body.dispatchEvent(new Event("pointerdown", { bubbles: true })));
    expect(items()).toHaveLength(0);
  });
});

describe("what a ban covers", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    [" 203.0.113.0/24 ", "203.0.113.0/24"],
    ["2001:db8::1", "2001:db8::/64"],
    ["2001:DB8:77:1:A:B:C:D", "2001:db8:77:1::/64"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64"],
    ["fe80::1%eth0", "fe80::/64"],
    ["::1", "::/64"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8::/32", "2001:db8::/32"],
    ["no:address", "no:address"],
    [`"><img src=x:>`, `"><img src=x:>`],
    ["", ""],
  ])("%s: %s", (written, network) => {
    expect(networkOf(written)).toBe(network);
  });
});

describe("the axis of time", () => {
  test.each([300, 301, 900, 3600])("of %i s has a few round marks, away from its ends", (length) => {
    const from = 1_790_000_017;
    const marks = marksOf({ from, to: from + length });
    expect(marks.length).toBeGreaterThanOrEqual(2);
    expect(marks.length).toBeLessThanOrEqual(6);
    for (const at of marks) {
      expect(at % 60).toBe(0);
      expect(at).toBeGreaterThan(from);
      expect(at).toBeLessThan(from + length);
    }
  });
});

test("points that are known already are not added again", () => {
  const known = [{ timestamp: 1, value: 1 }];
  expect(joinPoints(known, known)).toBe(known);
  expect(joinPoints(known, [...known, { timestamp: 2, value: 0 }])).toHaveLength(2);
});

describe("the admin API", () => {
  const asked: { path: string; init: RequestInit }[] = [];
  let answer: () => Response | Promise<Response>;
  const unauthorised = vi.fn();
  const save = vi.fn();

  function api() {
    asked.length = 0;
    unauthorised.mockClear();
    save.mockClear();
    const made = createAdminApi(
      async (path, init) => {
        asked.push({ path, init });
        return answer();
      },
      unauthorised,
      null,
      save,
    );
    made.take("secret token");
    return made;
  }

  test("writes a query, and leaves out what is not wanted", async () => {
    answer = () => new Response('{"total":3}');
    const query = { page: 2, search: "a&b=c d", file: "", level: null, per_page: undefined };
    expect(await api().get("/api/admin/logs", query)).toEqual({ ok: true, value: { total: 3 } });
    expect(asked[0]?.path).toBe("/api/admin/logs?page=2&search=a%26b%3Dc+d");
    expect(new Headers(asked[0]?.init.headers).get("Authorization")).toBe("Bearer secret token");
  });

  test("tells the field that is wrong, and when to come back", async () => {
    answer = () =>
      new Response('{"title":"Bad request","detail":"Too wide.","field":"ip"}', {
        status: 400,
        headers: { "Retry-After": "7" },
      });
    expect(await api().post("/api/admin/kick", { ip: "0.0.0.0/0" })).toEqual({
      ok: false,
      problem: { status: 400, title: "Bad request", detail: "Too wide.", field: "ip", retryAfter: 7 },
    });
    expect(asked[0]?.init.body).toBe('{"ip":"0.0.0.0/0"}');
  });

  test.each(["<html>Bad gateway</html>", "null", "[1]", '{"detail":5}'])(
    "reads the refusal %s",
    async (body) => {
      answer = () => new Response(body, { status: 502 });
      expect(await api().get("/x")).toEqual({ ok: false, problem: { status: 502, title: "", detail: "" } });
    },
  );

  test("an answer that cannot be read is none", async () => {
    answer = () => new Response("<html>", { status: 200 });
    expect(await api().get("/x")).toMatchObject({ ok: false, problem: { status: 0 } });
  });

  test("a 401 is told once it has forgotten the token", async () => {
    answer = () => new Response("", { status: 401 });
    const made = api();
    const known: boolean[] = [];
    unauthorised.mockImplementation(() => known.push(made.hasToken));
    await made.get("/x");
    expect(known).toEqual([false]);
  });

  test("a download is saved, and needs no address of its own", async () => {
    answer = () => new Response("a,b");
    expect(await api().download("/api/admin/logs/export", { format: "csv" }, "codes.csv")).toEqual({
      ok: true,
      value: null,
    });
    const [content, name] = save.mock.calls[0] ?? [];
    expect(name).toBe("codes.csv");
    expect(await (content as Blob).text()).toBe("a,b");
  });

  test("a download that is refused saves nothing", async () => {
    answer = () => new Response("", { status: 400 });
    expect((await api().download("/x", {}, "y")).ok).toBe(false);
    expect(save).not.toHaveBeenCalled();
  });
});
