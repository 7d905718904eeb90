/** Our own captcha. Its widget works unseen behind the one button, and asks our server through us. */

import { isAway, isBusy, type Refusal, readRefusal } from "./api.ts";
import type { Clock, Environment } from "./environment.ts";
import { GateAway, GateFailed, type GatePass } from "./gate.ts";

/** As much of the widget as is used. */
export interface CapWidget {
  /** Resolves with nothing if the element was taken away meanwhile. */
  solve(): Promise<{ readonly token: string } | undefined>;
  readonly widget: { remove(): void };
}

export type CapFetch = (path: string, init?: RequestInit) => Promise<Response>;

export interface CapPorts {
  readonly clock: Pick<Clock, "after">;
  readonly fetch: Environment["fetch"];
  /** Loads the widget's script, once, and resolves with what makes a widget. It is to make its calls with `ask`. */
  load(ask: CapFetch): Promise<(endpoint: string) => CapWidget>;
}

const CALL_TIMEOUT = 30_000;
/** As long as a challenge lives. */
const SOLVE_TIMEOUT = 600_000;
/** A challenge that was made before the server's last start is refused, and a new one does it. */
const TRIES = 2;

export function cap(ports: CapPorts): GatePass {
  return async ({ capEndpoint }) => {
    if (capEndpoint === null) throw new GateFailed("The server did not say where its captcha is.");
    const make = await ports.load(ask).catch(() => {
      throw new GateFailed("The captcha could not be loaded. Reload the page.");
    });
    for (let tries = 1; ; tries += 1) {
      try {
        return await solve(make(capEndpoint));
      } catch (error) {
        if (error instanceof GateAway || error instanceof GateFailed) throw error;
        if (tries === TRIES) throw new GateFailed(describe(error));
      }
    }
  };

  async function solve(widget: CapWidget): Promise<string> {
    const cancel = ports.clock.after(SOLVE_TIMEOUT, () => widget.widget.remove());
    try {
      const solved = await widget.solve();
      if (solved === undefined) throw new Error("The captcha took too long.");
      return solved.token;
    } finally {
      cancel();
      // It keeps a worker as long as it stands in the page.
      widget.widget.remove();
    }
  }

  /** What the widget takes for `fetch`. It looks at no status, so what a status means is told by throwing. */
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const abort = new AbortController();
    const cancel = ports.clock.after(CALL_TIMEOUT, () => abort.abort());
    let refusal: Refusal;
    try {
      const response = await ports.fetch(path, { ...init, cache: "no-store", signal: abort.signal });
      if (response.ok) return new Response(await response.text(), { status: response.status });
      refusal = await readRefusal(response);
    } catch (error) {
      refusal = { status: 0, code: "", detail: String(error), retryAfter: null };
    } finally {
      cancel();
    }
    throw isAway(refusal) || isBusy(refusal) ? new GateAway(refusal) : new GateFailed(refusal.detail);
  }
}

/** A worker that dies leaves an event, not an error. */
function describe(error: unknown): string {
  return error instanceof Error ? error.message : "The captcha could not be solved in this browser.";
}
