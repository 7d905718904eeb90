import { Tiles } from "../../design/tiles.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Job } from "../state.ts";

interface BestProperties {
  readonly job: Job | null;
  readonly bits: number;
}

/** How near the visitor's best try of this round came. */
export function Best({ job, bits }: BestProperties) {
  const { text } = useTexts();
  const need = job === null ? 0 : Math.ceil(job.difficulty);
  return (
    <section class="best">
      <header>
        <h2>{text("best.title")}</h2>
        <span class="measure you">{job === null ? "–" : text("best.bits", { count: bits })}</span>
        <small class="measure">{job !== null && text("best.need", { count: need })}</small>
      </header>
      <Tiles count={need} filled={Math.min(bits, need)} />
    </section>
  );
}
