import { Curve, niceTop } from "../../design/curve.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { GameState } from "../state.ts";

const SPAN = 300;
/** What nobody has told us yet is not zero. */
const UNKNOWN = "–";

/** Who works how fast, now and over the last five minutes. The figures are the curve's legend. */
export function Rates({ state }: { readonly state: GameState }) {
  const { text, parts, number, rate } = useTexts();
  const [then, now] = parts("curve.span");
  const { curve } = state;
  const known = state.connected || curve.length > 0;
  const to = curve.at(-1)?.at ?? SPAN;
  const top = niceTop(Math.max(0, ...curve.map((sample) => Math.max(sample.everybody, sample.mine))));
  return (
    <section class="rates">
      <dl>
        <div class="you">
          <dt>{text("rate.mine")}</dt>
          <dd class="figure">{known ? rate(state.myRate) : UNKNOWN}</dd>
        </div>
        <div class="others">
          <dt>{text("rate.everybody")}</dt>
          <dd class="figure">{known ? rate(state.networkRate) : UNKNOWN}</dd>
        </div>
        <div>
          <dt>{text("rate.miners")}</dt>
          <dd class="figure">{known ? number(state.miners) : UNKNOWN}</dd>
        </div>
      </dl>
      <figure>
        <Curve
          label={`${text("rate.mine")}: ${rate(state.myRate)}. ${text("rate.everybody")}: ${rate(state.networkRate)}. ${then} – ${now}.`}
          from={to - SPAN}
          to={to}
          top={top}
          lines={[
            { name: "others", filled: false, points: curve.map((sample) => [sample.at, sample.everybody]) },
            { name: "you", filled: true, points: curve.map((sample) => [sample.at, sample.mine]) },
          ]}
        />
        {curve.length > 1 && <span class="ceiling figure">{rate(top)}</span>}
        <figcaption>
          <span>{then}</span>
          <span>{now}</span>
        </figcaption>
      </figure>
    </section>
  );
}
