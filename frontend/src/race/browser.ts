/** The real environment: the only file of the game that touches `window`. */

import capWasm from "@cap.js/wasm/browser/cap_wasm_bg.wasm?url";
import type { FromWorker } from "../miner/messages.ts";
import { type CapFetch, type CapWidget, cap } from "./cap.ts";
import type {
  Clock,
  Device,
  Drawer,
  Environment,
  Visibility,
  WorkerHandlers,
  WorkerPort,
} from "./environment.ts";
import { identify, takeFingerprint } from "./fingerprint.ts";
import { passOpen, type TurnstileScript, turnstile } from "./gate.ts";

/** Not yet in TypeScript's DOM library. */
interface Battery extends EventTarget {
  readonly charging: boolean;
}

interface BrowserNavigator extends Navigator {
  readonly deviceMemory?: number;
  getBattery?(): Promise<Battery>;
}

/** `gateElement` says where a gate may put what it shows; it is asked when a gate needs it. */
export function browserEnvironment(gateElement: () => HTMLElement | null): Environment {
  const clock: Clock = {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(milliseconds, call) {
      const timer = setTimeout(call, milliseconds);
      return () => clearTimeout(timer);
    },
  };
  const wakeLock = (navigator as Partial<Navigator>).wakeLock;
  const ask: Environment["fetch"] = (path, init) => fetch(path, init);
  return {
    clock,
    random: Math.random,
    fetch: ask,
    openSocket(path, handlers) {
      const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
      socket.onopen = () => handlers.opened();
      socket.onmessage = (event) => typeof event.data === "string" && handlers.message(event.data);
      socket.onclose = (event) => handlers.closed(event.code, event.reason);
      return socket;
    },
    startWorker,
    digest: isSecureContext ? (bytes) => crypto.subtle.digest("SHA-256", bytes) : null,
    identify: () =>
      identify(takeFingerprint, drawer("localStorage"), clock, () =>
        crypto.getRandomValues(new Uint8Array(16)),
      ),
    gates: {
      open: passOpen,
      cap: cap({ clock, fetch: ask, load: loadCap }),
      turnstile: turnstile({ element: gateElement, load: loadTurnstile }),
    },
    tab: drawer("sessionStorage"),
    device: device(navigator),
    visibility,
    keepAwake: wakeLock ? () => wakeLock.request("screen") : null,
  };
}

function startWorker(handlers: WorkerHandlers): WorkerPort {
  const worker = new Worker(new URL("../miner/worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = (event: MessageEvent<FromWorker>) => handlers.message(event.data);
  worker.onerror = (event) => handlers.failed(event.message ?? "");
  worker.onmessageerror = () => handlers.failed("unreadable");
  return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
}

function device(browser: BrowserNavigator): Device {
  return {
    webAssembly: typeof WebAssembly === "object",
    cores: browser.hardwareConcurrency || 2,
    memory: browser.deviceMemory ?? null,
    onBattery(tell) {
      let forget = () => {};
      let isWanted = true;
      const asked = browser.getBattery?.().catch(() => null);
      void asked?.then((battery) => {
        if (!battery || !isWanted) return;
        const listener = () => tell(!battery.charging);
        battery.addEventListener("chargingchange", listener);
        forget = () => battery.removeEventListener("chargingchange", listener);
        listener();
      });
      return () => {
        isWanted = false;
        forget();
      };
    },
  };
}

const visibility: Visibility = {
  visible: () => document.visibilityState === "visible",
  changed(call) {
    // A page that comes out of the back-forward cache has lost its socket, too.
    document.addEventListener("visibilitychange", call);
    window.addEventListener("pageshow", call);
    window.addEventListener("online", call);
    return () => {
      document.removeEventListener("visibilitychange", call);
      window.removeEventListener("pageshow", call);
      window.removeEventListener("online", call);
    };
  },
};

/** Even to name the storage may throw where it is forbidden. */
function drawer(name: "localStorage" | "sessionStorage"): Drawer {
  return {
    getItem: (key) => window[name].getItem(key),
    setItem: (key, value) => window[name].setItem(key, value),
    removeItem: (key) => window[name].removeItem(key),
  };
}

/** The widget reads its settings when its script runs; without the first it would ask a CDN. */
async function loadCap(ask: CapFetch): Promise<(endpoint: string) => CapWidget> {
  Object.assign(window, { CAP_CUSTOM_WASM_URL: capWasm, CAP_CUSTOM_FETCH: ask, CAP_SILENT: true });
  const { default: Cap } = await import("@cap.js/widget");
  return (endpoint) => new Cap({ apiEndpoint: endpoint });
}

let turnstileScript: Promise<TurnstileScript> | null = null;

function loadTurnstile(url: string): Promise<TurnstileScript> {
  turnstileScript ??= addScript(url).then(() => {
    const { turnstile: script } = window as { turnstile?: TurnstileScript };
    if (script === undefined) throw new Error("Turnstile's script left nothing behind.");
    return script;
  });
  turnstileScript.catch(() => {
    turnstileScript = null;
  });
  return turnstileScript;
}

function addScript(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = url;
    element.onload = () => resolve();
    element.onerror = () => {
      element.remove();
      reject(new Error(`${url} could not be loaded.`));
    };
    document.head.append(element);
  });
}
