/** The two curves of the first view, one above the other, with one axis of time. */

import { Curve, niceTop, type Point } from "../../design/curve.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { ChartPoint, Status } from "../types.ts";
import { seconds } from "./seconds.ts";

const WIDTH = 300;
const HEIGHT = 100;
/** Seconds; the least and the most that the axis spans. */
const SHORTEST = 300;
const LONGEST = 3600;
/** Seconds between two marks of the axis; the first that gives no more than six of them is taken. */
const STEPS = [60, 120, 300, 600, 900];

interface Span {
  readonly from: number;
  readonly to: number;
}

export function Trends({
  status,
  rates,
}: {
  readonly status: Status;
  readonly rates: readonly ChartPoint[];
}) {
  const texts = useTexts();
  const { text, rate } = texts;
  const span = spanOf(status, rates);
  const solves = status.solve_time_chart_history.filter(({ timestamp }) => timestamp >= span.from);
  return (
    <section class="trends">
      <h2>{text("now.curves")}</h2>
      <Trend name={text("now.rate")} points={rates} span={span} write={rate}>
        {(top) => (
          <Curve
            label=""
            {...span}
            top={top}
            lines={[{ name: "others", filled: true, points: rates.map(pointOf) }]}
          />
        )}
      </Trend>
      <Trend
        name={text("now.solves")}
        hint={text("now.solves.hint")}
        points={solves}
        span={span}
        least={status.target_time_max}
        write={(value) => seconds(value, texts)}
      >
        {(top) => <Solves points={solves} span={span} top={top} status={status} />}
      </Trend>
      <Axis span={span} />
    </section>
  );
}

function pointOf({ timestamp, value }: ChartPoint): Point {
  return [timestamp, value];
}

/** As far back as the hash rate is known: the solves are there from longer ago. */
function spanOf(status: Status, rates: readonly ChartPoint[]): Span {
  const to = status.timestamp;
  const known = to - (rates[0]?.timestamp ?? to);
  return { from: to - Math.min(LONGEST, Math.max(SHORTEST, known)), to };
}

interface TrendProperties {
  readonly name: string;
  readonly hint?: string;
  readonly points: readonly ChartPoint[];
  readonly span: Span;
  /** The axis goes at least so far. */
  readonly least?: number;
  readonly write: (value: number) => string;
  readonly children: (top: number) => preact.ComponentChildren;
}

function Trend({ name, hint, points, span, least = 0, write, children }: TrendProperties) {
  const { text, time } = useTexts();
  const values = points.map(({ value }) => value);
  const top = niceTop(Math.max(least, ...values));
  const summary =
    values.length === 0
      ? text("now.curve.empty", { name })
      : text("now.curve", {
          name,
          from: time(span.from * 1000),
          to: time(span.to * 1000),
          low: write(Math.min(...values)),
          high: write(Math.max(...values)),
          newest: write(values.at(-1) ?? 0),
        });
  return (
    <figure class="trend">
      <figcaption>
        <h3>{name}</h3>
        {hint !== undefined && <small>{hint}</small>}
        <span class="aloud">{summary}</span>
      </figcaption>
      <div class="plot" aria-hidden="true">
        {children(top)}
        <span class="ceiling measure">{write(top)}</span>
      </div>
    </figure>
  );
}

interface SolvesProperties {
  readonly points: readonly ChartPoint[];
  readonly span: Span;
  readonly top: number;
  readonly status: Status;
}

/** Each win stands for itself: what lies between two of them was never measured. */
function Solves({ points, span, top, status }: SolvesProperties) {
  const y = (value: number) => HEIGHT - Math.min(1, value / top) * HEIGHT;
  const x = (at: number) => ((at - span.from) / (span.to - span.from)) * WIDTH;
  const [high, low] = [y(status.target_time_max), y(status.target_time_min)];
  const stems = points.map(
    ({ timestamp, value }) => `M${x(timestamp).toFixed(1)} ${HEIGHT}V${y(value).toFixed(1)}`,
  );
  // A line without length and with a round end is a dot that no stretching flattens.
  const dots = points.map(({ timestamp, value }) => `M${x(timestamp).toFixed(1)} ${y(value).toFixed(1)}h0`);
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="band" x={0} width={WIDTH} y={high} height={Math.max(0, low - high)} />
      <path class="grid" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
      <path class="stem" d={stems.join("")} />
      <path class="dot" d={dots.join("")} />
    </svg>
  );
}

function Axis({ span }: { readonly span: Span }) {
  const { time } = useTexts();
  return (
    <p class="axis" aria-hidden="true">
      {marksOf(span).map((at) => (
        <span key={at} style={{ insetInlineStart: `${((at - span.from) / (span.to - span.from)) * 100}%` }}>
          {time(at * 1000)}
        </span>
      ))}
    </p>
  );
}

/** Round instants. One too near to an end would stick out there. */
export function marksOf({ from, to }: Span): readonly number[] {
  const step = STEPS.find((each) => (to - from) / each <= 6) ?? 900;
  const edge = (to - from) / 20;
  const marks: number[] = [];
  for (let at = Math.ceil((from + edge) / step) * step; at <= to - edge; at += step) marks.push(at);
  return marks;
}
