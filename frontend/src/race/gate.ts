/** Passing the gate: each kind is an entry of a table, and its answer a token that works once. */

import type { GateConfig, Refusal } from "./api.ts";

/** Returns a token, or throws `GateFailed` or `GateAway`. A gate may ask the visitor for something and so take its time. */
export type GatePass = (config: GateConfig) => Promise<string>;

export type Gates = Readonly<Record<string, GatePass>>;

/** The gate cannot be passed in this browser; the message says why. */
export class GateFailed extends Error {}

/** The gate is our own server, and that cannot be reached or has no time: to be tried again. */
export class GateAway extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

/** What every tab gets from Turnstile's test keys. In test mode the server takes any token. */
const TEST_TOKEN = "XXXX.DUMMY.TOKEN.XXXX";
const SCRIPT = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

export function passGate(gates: Gates, config: GateConfig): Promise<string> {
  const pass = Object.hasOwn(gates, config.gate) ? gates[config.gate] : undefined;
  if (pass === undefined)
    return Promise.reject(new GateFailed(`This page cannot pass the gate "${config.gate}".`));
  return pass(config);
}

export const passOpen: GatePass = async () => "";

/** As much of Cloudflare's script as is used. */
export interface TurnstileScript {
  render(element: HTMLElement, options: Readonly<Record<string, unknown>>): string | undefined;
  remove(widget: string): void;
}

export interface TurnstilePorts {
  /** Where the widget is to stand. The page keeps the element, the widget comes and goes. */
  element(): HTMLElement | null;
  /** Loads the script, once, and resolves with what it leaves behind. */
  load(url: string): Promise<TurnstileScript>;
}

export function turnstile(ports: TurnstilePorts): GatePass {
  return async (config) => {
    if (config.testMode) return TEST_TOKEN;
    if (config.siteKey === null) throw new GateFailed("The server did not say its Turnstile site key.");
    const script = await ports.load(SCRIPT).catch(() => {
      throw new GateFailed(
        "Cloudflare's script could not be loaded. An extension or the network may block it.",
      );
    });
    const element = ports.element();
    if (element === null) throw new GateFailed("The page has no place for the gate's widget.");
    return challenge(script, element, config.siteKey, config.action);
  };
}

function challenge(
  script: TurnstileScript,
  element: HTMLElement,
  siteKey: string,
  action: string | null,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let widget: string | undefined;
    const leave = () => {
      // Its own callback may still be on the stack of the widget.
      queueMicrotask(() => widget !== undefined && script.remove(widget));
    };
    const fail = (why: string) => {
      leave();
      reject(new GateFailed(why));
    };
    widget = script.render(element, {
      sitekey: siteKey,
      ...(action === null ? {} : { action }),
      // Nothing to be seen unless the visitor has something to do.
      appearance: "interaction-only",
      callback: (token: string) => {
        leave();
        resolve(token);
      },
      "error-callback": (code: unknown) => {
        fail(`Turnstile failed (${String(code)}).`);
        return true;
      },
      "unsupported-callback": () => fail("Turnstile does not support this browser."),
    });
    if (widget === undefined) fail("Turnstile could not show its widget.");
  });
}
