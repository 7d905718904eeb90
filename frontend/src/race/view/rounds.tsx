import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import type { Round } from "../state.ts";

const SHOWN = 6;

/** How the last rounds ended, newest first. */
export function Rounds({ rounds }: { readonly rounds: readonly Round[] }) {
  const texts = useTexts();
  // Whose round it was is said once that is known.
  const shown = rounds.filter(({ mine }) => mine !== null).slice(0, SHOWN);
  return (
    <section class="rounds">
      <h2>{texts.text("rounds.title")}</h2>
      {shown.length === 0 ? (
        <p class="quiet">{texts.text("log.empty")}</p>
      ) : (
        // biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without bullets for no list.
        <ol role="list" class="measure">
          {shown.map((round) => (
            <li key={round.round} class={round.mine ? "you" : round.how}>
              {ending(round, texts)}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function ending({ how, seconds, mine }: Round, { text, duration }: Texts): string {
  if (how === "timeout") return text("rounds.timeout");
  if (how === "admin" || seconds === null) return text("rounds.admin");
  return mine ? `${text("rate.mine")} ${duration(seconds)}` : duration(seconds);
}
