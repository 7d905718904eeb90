/** Who this browser says it is. A fingerprint where one can be taken, else a random name that is kept. */

import type { Clock, Drawer } from "./environment.ts";

const KEY = "hashpass.visitor";
const TIMEOUT = 8_000;

/** Takes the fingerprint; the library is loaded only now. */
export async function takeFingerprint(): Promise<string> {
  const { getThumbmark } = await import("@thumbmarkjs/thumbmarkjs");
  // With logging on it sends, once in a while, all it has seen to its maker. Without a key it asks nobody anything.
  const { thumbmark } = await getThumbmark({ logging: false, timeout: 2_000 });
  return thumbmark;
}

export async function identify(
  take: () => Promise<string>,
  drawer: Drawer,
  clock: Pick<Clock, "after">,
  bytes: () => Uint8Array,
): Promise<string> {
  let cancel = () => {};
  const tooLong = new Promise<string>((resolve) => {
    cancel = clock.after(TIMEOUT, () => resolve(""));
  });
  const taken = await Promise.race([take().catch(() => ""), tooLong]);
  cancel();
  return /^[\w-]{8,128}$/.test(taken) ? taken : randomName(drawer, bytes);
}

function randomName(drawer: Drawer, bytes: () => Uint8Array): string {
  let kept: string | null = null;
  try {
    kept = drawer.getItem(KEY);
  } catch {
    // Forbidden: then the name lasts as long as the page.
  }
  if (kept && /^[\w-]{8,128}$/.test(kept)) return kept;
  const name = [...bytes()].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    drawer.setItem(KEY, name);
  } catch {
    // As above.
  }
  return name;
}
