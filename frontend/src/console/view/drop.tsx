import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import type { Status } from "../types.ts";

/** Whether the race is open, and what will change that. */
export function DropLine({ status }: { readonly status: Status }) {
  const texts = useTexts();
  const { text, number } = texts;
  const { drop, round, current_seed: seed } = status;
  const state = !drop.open ? "closed" : round === null ? "none" : "open";
  return (
    <section class={`race-state ${state}`}>
      <h2>{text(`now.${state}`, { round: round === null ? "" : number(round) })}</h2>
      <p>
        {drop.remaining !== null && (
          <span>{text("now.left", { count: drop.remaining, limit: number(drop.code_limit) })}</span>
        )}
        {sentences(status, texts).map((said) => (
          <span key={said}>{said}</span>
        ))}
      </p>
      {seed !== null && (
        <p class="seed">
          <small>{text("now.seed")}</small> <code>{seed}</code>
        </p>
      )}
    </section>
  );
}

function sentences({ drop, timestamp }: Status, { text, date, duration }: Texts): readonly string[] {
  const at = (instant: string) => ({
    time: date(Date.parse(instant)),
    left: duration(leftUntil(instant, timestamp)),
  });
  if (drop.open) return drop.closes_at === null ? [] : [text("now.closes", at(drop.closes_at))];
  switch (drop.reason) {
    case "not_open_yet":
      return [drop.opens_at === null ? text("now.closed") : text("now.not_open_yet", at(drop.opens_at))];
    case "used_up":
      return [text("now.used_up")];
    default:
      return [drop.closes_at === null ? text("now.over") : text("now.ended", at(drop.closes_at))];
  }
}

/** By the server's clock, which is the one that opens and closes. */
function leftUntil(instant: string, now: number): number {
  return Math.max(0, Date.parse(instant) / 1000 - now);
}
