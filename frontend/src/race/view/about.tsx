import { useTexts } from "../../i18n/speech.tsx";
import type { Key, Values } from "../../i18n/texts.ts";
import type { GameState } from "../state.ts";
import { bitsOf, roundly, triesFor } from "./chance.ts";

function fairness(commitment: string | null): [Key, Values][] {
  return commitment === null ? [] : [["about.fair", { commitment: `${commitment.slice(0, 8)}…` }]];
}

/** Each word of the trade in one sentence, with its present value in it. */
export function About({ state }: { readonly state: GameState }) {
  const { text, parts, number, memory, clock } = useTexts();
  const { job } = state;
  const entries: [Key, Values][] = [
    ["about.rate", { mine: number(state.myRate, 1), all: number(state.networkRate, 1) }],
  ];
  if (job !== null) {
    const tries = triesFor(job.target);
    entries.push(
      ["about.difficulty", { bits: number(bitsOf(job.target), 1), tries: number(roundly(tries)) }],
      ["about.seed", { seed: `${job.seed.slice(0, 8)}…` }],
      ...fairness(job.commitment),
      ["about.argon", { memory: memory(job.memoryCost), count: job.timeCost }],
      ["about.timeout", { time: clock(job.targetTimeout) }],
    );
  }
  entries.push(["about.luck", {}]);
  return (
    <details class="about">
      <summary>{text("about.title")}</summary>
      <dl>
        {entries.map(([key, values]) => {
          const [term, sentence] = parts(key, values);
          return (
            <div key={key}>
              <dt>{term}</dt>
              <dd>{sentence}</dd>
            </div>
          );
        })}
      </dl>
    </details>
  );
}
