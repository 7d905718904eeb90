/** The real environment of the desk. */

import type { DeskEnvironment } from "./desk.ts";

export function browserEnvironment(): DeskEnvironment {
  return {
    clock: {
      now: () => performance.now(),
      wall: () => Date.now(),
      after(milliseconds, call) {
        const timer = setTimeout(call, milliseconds);
        return () => clearTimeout(timer);
      },
    },
    random: Math.random,
    fetch: (path, init) => fetch(path, init),
    openSocket(path, handlers) {
      const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
      socket.onopen = () => handlers.opened();
      socket.onmessage = (event) => typeof event.data === "string" && handlers.message(event.data);
      socket.onclose = (event) => handlers.closed(event.code, event.reason);
      return socket;
    },
    tab: tabDrawer(),
  };
}

/** Null where the browser forbids it: reading the property alone may throw. */
function tabDrawer(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
