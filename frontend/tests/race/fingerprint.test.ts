// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import { identify, takeFingerprint } from "../../src/race/fingerprint.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const bytes = () => new Uint8Array([0, 255, 16, 1, 2, 3, 4, 5]);
const never = { after: () => () => {} };

function fakeDrawer(entries: Record<string, string> = {}) {
  const kept = new Map(Object.entries(entries));
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

const forbidden = {
  getItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  setItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  removeItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
};

describe("the fingerprint", () => {
  test("is taken without any request, also when chance would have it reported", async () => {
    const asked: unknown[] = [];
    const listen = (...what: unknown[]) => {
      asked.push(what);
      return Promise.reject(new TypeError("network"));
    };
    vi.stubGlobal("fetch", listen);
    vi.spyOn(window, "fetch").mockImplementation(listen);
    vi.spyOn(XMLHttpRequest.prototype, "open").mockImplementation(listen);
    vi.spyOn(XMLHttpRequest.prototype, "send").mockImplementation(listen);
    navigator.sendBeacon = (...what) => {
      asked.push(what);
      return true;
    };
    // The fonts are measured in a frame, and this DOM's frames have no documents.
    const create = document.createElement.bind(document);
    vi.spyOn(document, "createElement").mockImplementation((name: string) =>
      name === "iframe" ? Object.assign(create("div"), { contentDocument: document }) : create(name),
    );
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { getThumbmark } = await import("@thumbmarkjs/thumbmarkjs");
    expect(await takeFingerprint()).toMatch(/^[0-9a-f]{32}$/);
    expect(asked).toEqual([]);
    // The trap works: with logging on, the same call does phone home.
    sessionStorage.clear();
    await getThumbmark({ logging: true, timeout: 500 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked.length).toBeGreaterThan(0);
    expect(JSON.stringify(asked)).toContain("thumbmarkjs.com");
  }, 20_000);

  test("is who the visitor is", async () => {
    const drawer = fakeDrawer();
    expect(await identify(async () => "3a7bd3e2360a3d29", drawer, never, bytes)).toBe("3a7bd3e2360a3d29");
    expect(drawer.kept.size).toBe(0);
  });
});

describe("where none can be taken", () => {
  const failures: [string, () => Promise<string>][] = [
    ["it throws", () => Promise.reject(new Error("blocked"))],
    ["it is empty", async () => ""],
    ["it is no name", async () => "a\u0000b and so on"],
  ];

  test.each(failures)("because %s, a random name is made and kept", async (_why, take) => {
    const drawer = fakeDrawer();
    const name = await identify(take, drawer, never, bytes);
    expect(name).toBe("00ff100102030405");
    expect(await identify(take, drawer, never, () => new Uint8Array(8))).toBe(name);
  });

  test("because it takes too long, the name is made as well", async () => {
    const late = {
      after(_milliseconds: number, call: () => void) {
        call();
        return () => {};
      },
    };
    expect(await identify(() => new Promise(() => {}), fakeDrawer(), late, bytes)).toBe("00ff100102030405");
  });

  test("and nothing can be kept, the name lasts as long as the page", async () => {
    expect(await identify(async () => "", forbidden, never, bytes)).toBe("00ff100102030405");
  });

  test("a kept name that is none is replaced", async () => {
    const drawer = fakeDrawer({ "hashpass.visitor": "<script>" });
    expect(await identify(async () => "", drawer, never, bytes)).toBe("00ff100102030405");
  });
});
