/** The real ports: of the workshop's logic the only file that touches `window`. */

import { createApi } from "./api.ts";
import type { Channel, Drawer, SessionPorts } from "./session.ts";
import { createSession } from "./session.ts";
import type { History, WorkshopPorts } from "./workshop.ts";

const NAME = "hashpass.session";
/** Somebody before us may need the whole time of a call. */
const TURN = 45_000;

export function browserPorts(): WorkshopPorts {
  const api = createApi((path, init) => fetch(path, init), AbortSignal.timeout);
  const session = createSession({
    api,
    exclusive: turns((navigator as Partial<Navigator>).locks),
    channel: channel(),
    drawer,
    wall: () => Date.now(),
    sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)),
  });
  // Out of the back-forward cache, or out of a long sleep.
  window.addEventListener("pageshow", (event) => event.persisted && session.lookAgain());
  document.addEventListener("visibilitychange", () => !document.hidden && session.lookAgain());
  return {
    api,
    session,
    history: addressBar,
    after(milliseconds, call) {
      const timer = setTimeout(call, milliseconds);
      return () => clearTimeout(timer);
    },
  };
}

/** Pages that are not served securely have no locks. There the tab keeps its own order, and `hashpass.refreshing` in the
 * storage keeps tabs apart as far as it goes. */
function turns(locks: LockManager | undefined): SessionPorts["exclusive"] {
  if (locks) return (run) => locks.request(NAME, { signal: AbortSignal.timeout(TURN) }, run);
  let before: Promise<unknown> = Promise.resolve();
  return (run) => {
    const mine = before.then(run);
    before = mine.catch(() => {});
    return mine;
  };
}

function channel(): Channel {
  if (typeof BroadcastChannel === "undefined") return { post() {}, heard() {} };
  const broadcast = new BroadcastChannel(NAME);
  return {
    post: (message) => broadcast.postMessage(message),
    heard(listen) {
      broadcast.onmessage = (event: MessageEvent<unknown>) => listen(event.data);
    },
  };
}

/** Even to name the storage may throw where it is forbidden. */
const drawer: Drawer = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, value),
  removeItem: (key) => localStorage.removeItem(key),
};

const addressBar: History = {
  get address() {
    return location;
  },
  get origin() {
    return location.origin;
  },
  push: (path) => history.pushState(null, "", path),
  replace: (path) => history.replaceState(null, "", path),
  moved: (call) => window.addEventListener("popstate", call),
};
