/** Charts as SVG of our own: sharp at any size and coloured by the style sheet. Each can be read as a table, too. */

import type { ComponentChildren } from "preact";
import { niceTop } from "../../design/curve.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import { dayOf } from "./moment.ts";

const WIDTH = 300;
const HEIGHT = 100;

interface ChartProperties {
  readonly title: string;
  /** What the drawing says, for those who do not see it. */
  readonly summary: string;
  /** What stands at the ends of the horizontal axis. */
  readonly ends: readonly [string, string];
  /** The highest value of the vertical axis, as text. */
  readonly ceiling: string;
  /** The names of the table's two columns, and its rows. */
  readonly heads: readonly [string, string];
  readonly rows: readonly (readonly [string, string])[];
  readonly children: ComponentChildren;
}

/** More rows than anybody reads would only slow the page. */
const MOST_ROWS = 200;

function Chart({ title, summary, ends, ceiling, heads, rows, children }: ChartProperties) {
  const { text } = useTexts();
  return (
    <figure class="chart">
      <h3>{title}</h3>
      {rows.length === 0 ? (
        <p class="quiet nothing">{text("codes.chart.empty")}</p>
      ) : (
        <>
          <div class="plot">
            <svg
              class="curve"
              viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
              preserveAspectRatio="none"
              role="img"
              aria-label={summary}
            >
              <path class="grid" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
              {children}
            </svg>
            <span class="ceiling figure" aria-hidden="true">
              {ceiling}
            </span>
          </div>
          <figcaption aria-hidden="true">
            <span>{ends[0]}</span>
            <span>{ends[1]}</span>
          </figcaption>
          <details class="as-table">
            <summary>
              {text("codes.chart.table")}
              <span class="aloud">: {title}</span>
            </summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
            <section class="scroll" tabIndex={0} aria-label={title}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{heads[0]}</th>
                    <th scope="col">{heads[1]}</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.slice(-MOST_ROWS).map(([name, value]) => (
                    <tr key={name}>
                      <th scope="row">{name}</th>
                      <td class="figure">{value}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </details>
        </>
      )}
    </figure>
  );
}

export interface Column {
  readonly label: string;
  readonly value: number;
}

interface BarsProperties {
  readonly title: string;
  readonly heads: readonly [string, string];
  readonly columns: readonly Column[];
  readonly ends?: readonly [string, string];
}

/** How much there was of each. */
export function Bars({ title, heads, columns, ends }: BarsProperties) {
  const { text, number } = useTexts();
  const highest = columns.reduce<Column | undefined>(
    (best, column) => (best === undefined || column.value > best.value ? column : best),
    undefined,
  );
  const top = wholeTop(highest?.value ?? 0);
  const width = WIDTH / Math.max(1, columns.length);
  const gap = Math.min(2, width * 0.2);
  const total = columns.reduce((sum, { value }) => sum + value, 0);
  return (
    <Chart
      title={title}
      heads={heads}
      ends={ends ?? [columns[0]?.label ?? "", columns.at(-1)?.label ?? ""]}
      ceiling={number(top)}
      summary={text("codes.chart.bars", {
        title,
        total,
        highest: highest?.value ?? 0,
        label: highest?.label ?? "",
      })}
      rows={columns.map(({ label, value }) => [label, number(value)])}
    >
      {columns.map(({ label, value }, place) => {
        const height = (value / top) * HEIGHT;
        return (
          <rect
            key={label}
            class="bar"
            x={place * width + gap / 2}
            width={width - gap}
            y={HEIGHT - height}
            height={height}
          >
            <title>{`${label}: ${number(value)}`}</title>
          </rect>
        );
      })}
    </Chart>
  );
}

/** Half a code is none: up to four the axis ends at the highest value itself. */
export function wholeTop(highest: number): number {
  return Math.max(1, Math.ceil(highest <= 4 ? highest : niceTop(highest)));
}

export interface Step {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number;
}

interface StairsProperties {
  readonly title: string;
  readonly heads: readonly [string, string];
  /** Oldest first. */
  readonly steps: readonly Step[];
}

/** A value that holds until the next one comes. */
export function Stairs({ title, heads, steps }: StairsProperties) {
  const texts = useTexts();
  const { text, number, date } = texts;
  const [first, last] = [steps[0], steps.at(-1)];
  const values = steps.map(({ value }) => value);
  const [least, most] = [values.reduce(lower, values[0] ?? 0), values.reduce(higher, values[0] ?? 0)];
  return (
    <Chart
      title={title}
      heads={heads}
      ends={endsOf(first?.at ?? 0, last?.at ?? 0, texts)}
      ceiling={number(wholeTop(most), 1)}
      summary={text("codes.chart.stairs", {
        title,
        first: number(first?.value ?? 0, 1),
        last: number(last?.value ?? 0, 1),
        least: number(least, 1),
        most: number(most, 1),
      })}
      rows={steps.map(({ at, value }) => [date(at), number(value, 1)])}
    >
      <path class="stair" d={stairs(steps, wholeTop(most))} />
    </Chart>
  );
}

/** There is room for a day or an hour, not for both. */
function endsOf(first: number, last: number, { time }: Texts): readonly [string, string] {
  return dayOf(first) === dayOf(last) ? [time(first), time(last)] : [dayOf(first), dayOf(last)];
}

const lower = (one: number, other: number) => Math.min(one, other);
const higher = (one: number, other: number) => Math.max(one, other);

/** From one value to the next by a level and a rise; one value alone is a level line. */
export function stairs(steps: readonly Step[], top: number): string {
  const from = steps[0]?.at ?? 0;
  const span = Math.max(1, (steps.at(-1)?.at ?? 0) - from);
  const pieces = steps.map(({ at, value }, place) => {
    const x = (((at - from) / span) * WIDTH).toFixed(1);
    const y = (HEIGHT - (Math.min(value, top) / top) * HEIGHT).toFixed(1);
    return place === 0 ? `M${x} ${y}` : `H${x}V${y}`;
  });
  return pieces.join("") + (steps.length === 1 ? `H${WIDTH}` : "");
}
