/** A mining worker: chooses a kernel, then searches as it is told. */

import wasmUrl from "../../kernel/generated/argon2.wasm?url";
import { choose } from "./choice.ts";
import type { Hasher } from "./hasher.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { createSearch, type Search } from "./search.ts";

const post = (message: FromWorker) => self.postMessage(message);

// A message to oneself comes after those that wait already, and at once; a timer would wait four milliseconds.
const channel = new MessageChannel();

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (milliseconds > 0) {
      setTimeout(resolve, milliseconds);
    } else {
      channel.port1.onmessage = () => resolve();
      channel.port2.postMessage(null);
    }
  });
}

let made: Promise<{ hasher: Hasher; search: Search } | null> | null = null;

async function make() {
  const compile = async () => {
    const answer = await fetch(wasmUrl);
    return WebAssembly.compile(await answer.arrayBuffer());
  };
  const fallback = async () => (await import("./fallback.ts")).createFallback();
  try {
    const hasher = await choose(compile, fallback);
    const search = createSearch(hasher, { post, pause, now: () => performance.now() });
    post({ type: "ready", kernel: hasher.kind });
    return { hasher, search };
  } catch (error) {
    post({ type: "failed", generation: null, reason: "webassembly", detail: String(error) });
    return null;
  }
}

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "init") {
    made ??= make();
    return;
  }
  const ready = await made;
  if (ready == null) return;
  switch (data.type) {
    case "job":
      return ready.search.begin(data);
    case "stop":
      return ready.search.stop();
    case "reserve": {
      const { memoryCost } = data;
      if (ready.hasher.reserve(memoryCost)) post({ type: "reserved", memoryCost });
      else
        post({
          type: "failed",
          generation: null,
          reason: "memory",
          detail: `no memory for ${memoryCost} KiB`,
        });
    }
  }
};
