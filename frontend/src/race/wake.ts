/** Keeps the screen awake while the page mines. Browsers let go of the lock whenever the page is hidden. */

import type { Visibility, WakeSentinel } from "./environment.ts";

export interface Wake {
  hold(): void;
  release(): void;
  close(): void;
}

export function createWake(request: (() => Promise<WakeSentinel>) | null, visibility: Visibility): Wake {
  let wanted = false;
  let asking = false;
  let sentinel: WakeSentinel | null = null;

  async function acquire(): Promise<void> {
    if (!request || !wanted || asking || !visibility.visible() || (sentinel && !sentinel.released)) return;
    asking = true;
    try {
      sentinel = await request();
    } catch {
      // Refused: a low battery, or a system that says no. Mining goes on with the screen as it will.
    } finally {
      asking = false;
    }
    if (!wanted) drop();
  }

  function drop(): void {
    sentinel?.release().catch(() => undefined);
    sentinel = null;
  }

  const forget = visibility.changed(() => void acquire());

  return {
    hold() {
      wanted = true;
      void acquire();
    },
    release() {
      wanted = false;
      drop();
    },
    close() {
      wanted = false;
      drop();
      forget();
    },
  };
}
