/** What all codes add up to: four figures and three charts. */

import { useTexts } from "../../../i18n/speech.tsx";
import type { Texts } from "../../../i18n/texts.ts";
import type { LogStats } from "../../types.ts";
import { Bars, type Column, Stairs } from "../charts.tsx";
import { dayOf } from "../moment.ts";
import { seconds, UNKNOWN } from "../seconds.ts";

export function Sums({ stats }: { readonly stats: LogStats | null }) {
  const texts = useTexts();
  const { text, number } = texts;
  const sums = [
    ["codes.sum.codes", stats === null ? UNKNOWN : number(stats.total_codes)],
    ["codes.sum.visitors", stats === null ? UNKNOWN : number(stats.unique_visitors)],
    ["codes.sum.mean", seconds(stats?.avg_solve_time ?? null, texts)],
    ["codes.sum.median", seconds(stats?.median_solve_time ?? null, texts)],
  ] as const;
  return (
    <dl class="sums">
      {sums.map(([key, value]) => (
        <div key={key}>
          <dt>{text(key)}</dt>
          <dd class="measure">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Charts({ stats }: { readonly stats: LogStats }) {
  const texts = useTexts();
  const { text, date } = texts;
  const [first] = stats.codes_per_hour;
  const hours = stats.codes_per_hour.map(({ hour, codes }) => ({
    label: date(Date.parse(hour)),
    value: codes,
  }));
  return (
    <div class="charts">
      <Bars
        title={text("codes.chart.hours")}
        heads={[text("codes.chart.hour"), text("codes.chart.count")]}
        columns={hours}
        ends={[dayOf(Date.parse(first?.hour ?? "")), text("codes.chart.now")]}
      />
      <Bars
        title={text("codes.chart.times")}
        heads={[text("codes.chart.time"), text("codes.chart.count")]}
        columns={bars(stats, texts)}
      />
      <Stairs
        title={text("codes.chart.difficulty")}
        heads={[text("codes.column.time"), text("codes.column.difficulty")]}
        steps={stats.difficulty_history.map(({ timestamp, difficulty }) => ({
          at: Date.parse(timestamp),
          value: difficulty,
        }))}
      />
    </div>
  );
}

/** The histogram from its first to its last code: nobody wants to look at what lies empty on both sides. */
function bars(stats: LogStats, { text, number }: Texts): readonly Column[] {
  const all = stats.solve_time_histogram;
  const first = all.findIndex(({ codes }) => codes > 0);
  const last = all.findLastIndex(({ codes }) => codes > 0);
  if (first < 0) return [];
  return all.slice(first, last + 1).map(({ from, to, codes }) => ({
    label:
      to === null
        ? text("codes.chart.above", { low: number(from) })
        : text("codes.chart.span", { low: number(from), high: number(to) }),
    value: codes,
  }));
}
