/** Ten figures, each with its last five minutes and with what is normal. */

import { Curve, niceTop, type Point } from "../../design/curve.tsx";
import { useRedraw } from "../../design/now.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import type { Figure, Moment } from "../status.ts";
import type { Status } from "../types.ts";
import { seconds, UNKNOWN } from "./seconds.ts";

/** Seconds; the most and the least that a small curve spans. */
const LONGEST = 300;
const SHORTEST = 30;

interface Shown {
  readonly name: Figure;
  readonly value: string;
  readonly normal: string;
  readonly isOdd?: boolean;
}

interface FiguresProperties {
  readonly status: Status;
  readonly history: readonly Moment[];
}

export function Figures({ status, history }: FiguresProperties) {
  const texts = useTexts();
  const to = history.at(-1)?.at ?? 0;
  const from = to - Math.min(LONGEST, Math.max(SHORTEST, knownFor(history)));
  useRedraw(status.active_miners > 0 ? 1000 : null);
  return (
    <section>
      <h2 class="aloud">{texts.text("now.figures")}</h2>
      <dl class="figures">
        {shownOf(status, history, texts).map(({ name, value, normal, isOdd }) => (
          <div key={name} class={isOdd ? "odd" : undefined}>
            <dt>{texts.text(`now.${name}`)}</dt>
            <dd class="measure value">{value}</dd>
            <dd class="spark" aria-hidden="true">
              <Spark points={pointsOf(history, name)} from={from} to={to} />
            </dd>
            <dd class="normal">{normal}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function shownOf(status: Status, history: readonly Moment[], texts: Texts): readonly Shown[] {
  const { text, number, rate, clock, duration } = texts;
  const known = Math.min(LONGEST, knownFor(history));
  // By whole minutes, else these words would never stand still.
  const time = duration(known < 60 ? known : Math.floor(known / 60) * 60);
  const range = (name: Figure, write: (value: number) => string) => {
    const values = pointsOf(history, name).map(([, value]) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (known < 1) return UNKNOWN;
    if (low === high) return text("now.steady", { time });
    return text("now.range", { low: write(low), high: write(high), time });
  };
  const plain = (name: "active_miners" | "online_connections" | "session_count"): Shown => ({
    name,
    value: number(status[name]),
    normal: range(name, number),
  });
  const aim = text("now.target", {
    low: seconds(status.target_time_min, texts),
    high: seconds(status.target_time_max, texts),
  });
  return [
    plain("active_miners"),
    plain("online_connections"),
    { name: "total_hashrate", value: rate(status.total_hashrate), normal: range("total_hashrate", rate) },
    {
      name: "exact_difficulty",
      value: bits(status.exact_difficulty, texts),
      normal: text("now.allowed", { low: status.min_difficulty, high: status.max_difficulty }),
    },
    {
      name: "mining_time",
      value: clock(status.mining_time),
      normal: text("now.timeout", { time: clock(status.target_timeout) }),
    },
    { name: "last_solve_time", value: seconds(status.last_solve_time, texts), normal: aim },
    { name: "average_solve_time", value: seconds(status.average_solve_time, texts), normal: aim },
    plain("session_count"),
    { name: "banned_count", value: number(status.banned_count), normal: text("now.networks") },
    status.drop.remaining === null ? webhooks(status, texts) : codes(status.drop.remaining, status, texts),
  ];
}

function codes(remaining: number, { drop }: Status, { text, number }: Texts): Shown {
  return {
    name: "codes_left",
    value: number(remaining),
    normal: text("now.of", { limit: number(drop.code_limit) }),
    isOdd: remaining === 0,
  };
}

function webhooks({ webhooks: { enabled, pending, failed } }: Status, { text, number }: Texts): Shown {
  return {
    name: "webhooks_waiting",
    value: enabled ? number(pending) : UNKNOWN,
    normal: text(enabled ? "now.usually_none" : "now.off"),
    isOdd: pending + failed > 0,
  };
}

function bits(difficulty: number, { text, number }: Texts): string {
  return text("now.bits", { count: number(difficulty, 1) });
}

/** Seconds since the page began to look. */
function knownFor(history: readonly Moment[]): number {
  return (history.at(-1)?.at ?? 0) - (history[0]?.at ?? 0);
}

function pointsOf(history: readonly Moment[], name: Figure): readonly Point[] {
  return history.flatMap(({ at, figures }): Point[] => {
    const value = figures[name];
    return value === null ? [] : [[at, value]];
  });
}

interface SparkProperties {
  readonly points: readonly Point[];
  readonly from: number;
  readonly to: number;
}

function Spark({ points, from, to }: SparkProperties) {
  const top = niceTop(Math.max(0, ...points.map(([, value]) => value)));
  return <Curve label="" from={from} to={to} top={top} lines={[{ name: "others", filled: false, points }]} />;
}
