/** Says aloud what has changed, and only that: never the numbers, which change all the time. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import type { GameState } from "../state.ts";
import { CLOSED_WORDS, closedFor } from "./closure.ts";
import { describe } from "./trouble.tsx";

export function Announcer({ state }: { readonly state: GameState }) {
  const texts = useTexts();
  const before = useRef(state);
  const [said, say] = useState({ count: 0, words: "" });

  useEffect(() => {
    const words = announcement(before.current, state, texts);
    before.current = state;
    if (words !== null) say(({ count }) => ({ count: count + 1, words }));
  }, [state, texts]);

  return (
    <div class="aloud" role="status">
      {/* A new element each time, so that the same words are said again. */}
      <p key={said.count}>{said.words}</p>
    </div>
  );
}

/** What a change of the state is worth saying; null for most of them. */
export function announcement(before: GameState, state: GameState, texts: Texts): string | null {
  const { text, parts } = texts;
  if (state.prizes.length > before.prizes.length) {
    const title = text(state.prizes[0]?.reason === "consolation" ? "win.consolation" : "win.title");
    return sentences([title, ...parts("win.next")]);
  }
  const { trouble } = state;
  if (trouble !== null && trouble.kind !== before.trouble?.kind) {
    return sentences(describe(trouble, state, texts));
  }
  const [wasClosed, closed] = [closedFor(before), closedFor(state)];
  if (closed !== null && closed !== wasClosed) return sentences(parts(CLOSED_WORDS[closed]));
  if (wasClosed !== null && closed === null) return text("log.race-open");
  if (state.justLost && !before.justLost) return text("lost");
  if (works(state) && !works(before)) return text("log.started");
  if (state.phase === "idle" && works(before) && trouble === null) return text("log.paused");
  return null;
}

/** Titles have no full stop; a voice that reads them on needs one. */
function sentences(parts: readonly string[]): string {
  return parts.map((part) => (/[.!?。！？।]$/.test(part) ? part : `${part}.`)).join(" ");
}

function works({ phase }: GameState): boolean {
  return phase === "mining" || phase === "submitting";
}
