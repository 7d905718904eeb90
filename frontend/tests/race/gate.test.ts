import { describe, expect, test } from "vitest";
import type { GateConfig } from "../../src/race/api.ts";
import { GateFailed, passGate, passOpen, type TurnstileScript, turnstile } from "../../src/race/gate.ts";

const config: GateConfig = {
  gate: "turnstile",
  siteKey: "site",
  testMode: false,
  capEndpoint: null,
  action: null,
  traceUrl: "/api/trace",
  generators: false,
};

const place = {} as HTMLElement;

/** Cloudflare's script, by hand: it remembers what it was asked to show. */
function fakeScript() {
  const shown: { element: HTMLElement; options: Record<string, unknown> }[] = [];
  const removed: string[] = [];
  const script: TurnstileScript = {
    render(element, options) {
      shown.push({ element, options });
      return `widget-${shown.length}`;
    },
    remove: (widget) => void removed.push(widget),
  };
  return { script, shown, removed };
}

type Callback = (value: unknown) => unknown;

async function asked(shown: { options: Record<string, unknown> }[]): Promise<Record<string, Callback>> {
  await new Promise((resolve) => setTimeout(resolve));
  return shown.at(-1)?.options as Record<string, Callback>;
}

test("the open gate takes the empty token", async () => {
  expect(await passGate({ open: passOpen }, { ...config, gate: "open" })).toBe("");
});

test.each(["cap", "", "toString", "__proto__"])(
  "a gate this page does not know (%s) fails with its name",
  async (gate) => {
    await expect(passGate({ open: passOpen }, { ...config, gate })).rejects.toThrow(GateFailed);
    await expect(passGate({ open: passOpen }, { ...config, gate })).rejects.toThrow(`"${gate}"`);
  },
);

describe("Turnstile", () => {
  test("in test mode loads nothing and shows nothing", async () => {
    const pass = turnstile({
      element: () => expect.unreachable(),
      load: () => expect.unreachable(),
    });
    expect(await pass({ ...config, testMode: true })).not.toBe("");
  });

  test("loads Cloudflare's script, shows its widget where the page says, and brings the token", async () => {
    const { script, shown, removed } = fakeScript();
    const urls: string[] = [];
    const load = async (url: string) => {
      urls.push(url);
      return script;
    };
    const token = turnstile({ element: () => place, load })({ ...config, action: "race" });
    const options = await asked(shown);
    expect(urls).toEqual(["https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit"]);
    expect(shown[0]?.element).toBe(place);
    expect(options).toMatchObject({ sitekey: "site", action: "race" });
    options.callback?.("token");
    expect(await token).toBe("token");
    expect(removed).toEqual(["widget-1"]);
  });

  test("asks for a new token every time", async () => {
    const { script, shown } = fakeScript();
    const pass = turnstile({ element: () => place, load: async () => script });
    for (const expected of ["one", "two"]) {
      const token = pass(config);
      (await asked(shown)).callback?.(expected);
      expect(await token).toBe(expected);
    }
  });

  test.each(["error-callback", "unsupported-callback"])(
    "fails when the widget says %s, and takes it away",
    async (name) => {
      const { script, shown, removed } = fakeScript();
      const token = turnstile({ element: () => place, load: async () => script })(config);
      const failed = expect(token).rejects.toThrow(GateFailed);
      (await asked(shown))[name]?.("300030");
      await failed;
      expect(removed).toEqual(["widget-1"]);
    },
  );

  test("fails with a reason where the script is blocked", async () => {
    const pass = turnstile({
      element: () => place,
      load: () => Promise.reject(new Error("net::ERR_BLOCKED")),
    });
    await expect(pass(config)).rejects.toThrow("could not be loaded");
  });

  test("fails with a reason where there is no site key, or no place on the page", async () => {
    const { script } = fakeScript();
    const load = async () => script;
    await expect(turnstile({ element: () => place, load })({ ...config, siteKey: null })).rejects.toThrow(
      "site key",
    );
    await expect(turnstile({ element: () => null, load })(config)).rejects.toThrow("no place");
  });
});
