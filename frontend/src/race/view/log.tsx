import { useTexts } from "../../i18n/speech.tsx";
import type { Texts, Values } from "../../i18n/texts.ts";
import type { LogKey } from "../history.ts";
import type { LogLine } from "../state.ts";
import { CLOSED_WORDS, type Closed } from "./closure.ts";

const SHOWN = 100;

type Words = (texts: Texts, values: Values) => string;

/** Much of what happens is also said elsewhere on the page, and the log uses those words. */
const WORDS: Readonly<Record<LogKey, Words>> = {
  connected: ({ text }) => text("log.connected"),
  away: ({ parts }) => parts("trouble.server-away")[0],
  "session-gone": ({ parts }) => parts("trouble.session-gone")[0],
  workers: ({ text }, values) => text("log.workers", values),
  started: ({ text }) => text("log.started"),
  paused: ({ text }) => text("log.paused"),
  round: ({ text, number }, { round = 0, difficulty = 0 }) =>
    text("log.round", { round: number(Number(round)), difficulty: number(Number(difficulty), 1) }),
  solved: ({ text, duration }, { seconds = 0 }) => text("log.solved", { time: duration(Number(seconds)) }),
  timeout: ({ text }) => text("rounds.timeout"),
  admin: ({ text }) => text("rounds.admin"),
  found: ({ text }) => text("chance.checking"),
  won: ({ text }) => text("win.title"),
  lost: ({ text }) => text("lost"),
  late: ({ text }) => text("log.late"),
  "best-sent": ({ text }, { bits = 0 }) => text("log.best-sent", { count: bits }),
  consolation: ({ text }) => text("win.consolation"),
  "race-closed": ({ parts }, { reason = "" }) => parts(CLOSED_WORDS[closureOf(reason)])[0],
  "race-open": ({ text }) => text("log.race-open"),
  "seed-checked": ({ text }) => text("log.seed-checked"),
  "seed-wrong": ({ text }) => text("log.seed-wrong"),
  "cooling-down": ({ parts }) => parts("trouble.cooling-down")[0],
  "visitor-done": ({ parts }) => parts("trouble.visitor-done")[0],
  refused: ({ parts }, values) => parts("trouble.refused", values).join(": "),
};

export function wordsFor({ key, values }: LogLine, texts: Texts): string {
  return isLogKey(key) ? WORDS[key](texts, values) : key;
}

function closureOf(reason: string | number): Closed {
  return Object.hasOwn(CLOSED_WORDS, reason) ? (reason as Closed) : "unsaid";
}

function isLogKey(key: string): key is LogKey {
  return Object.hasOwn(WORDS, key);
}

/** What has happened, newest first. Not a live region: the page announces what matters. */
export function Log({ lines }: { readonly lines: readonly LogLine[] }) {
  const texts = useTexts();
  const { text, time } = texts;
  const first = Math.max(0, lines.length - SHOWN);
  return (
    <details class="log">
      <summary>{text("log.title")}</summary>
      {lines.length === 0 ? (
        <p class="quiet">{text("log.empty")}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <section class="lines" tabIndex={0} aria-label={text("log.title")}>
          {lines
            .slice(first)
            .map((line, place) => (
              <p key={first + place} class={line.key === "seed-wrong" ? "warning" : undefined}>
                <time dateTime={new Date(line.at).toISOString()}>{time(line.at)}</time>
                <span>{wordsFor(line, texts)}</span>
              </p>
            ))
            .reverse()}
        </section>
      )}
    </details>
  );
}
