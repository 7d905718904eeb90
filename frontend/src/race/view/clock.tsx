import { useRedraw } from "../../design/now.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { GameState, Job } from "../state.ts";
import { useMiningTime } from "./stopwatch.ts";

const DAY = 86_400;

/** The number to watch: how long this round has been mined, or how long until there is one. */
export function Clock({ state }: { readonly state: GameState }) {
  const { job, trouble, miners } = state;
  if (trouble?.kind === "race-closed" && trouble.opensAt !== null) return <Countdown to={trouble.opensAt} />;
  return job === null ? (
    <AtRest closed={trouble?.kind === "race-closed"} />
  ) : (
    <Stopwatch job={job} running={miners > 0} />
  );
}

function Stopwatch({ job, running }: { readonly job: Job; readonly running: boolean }) {
  const { text, number, clock } = useTexts();
  const seconds = useMiningTime(job, running);
  return (
    <section class="clock">
      <header>
        <h2>{text("round.title", { number: number(job.round) })}</h2>
        {!running && <small>{text("round.paused")}</small>}
      </header>
      <p class={running ? "watched" : "watched still"} role="timer">
        {clock(seconds)}
      </p>
      <div class="scale" aria-hidden="true">
        {marks(job.targetTimeout).map((mark) => (
          <i key={mark.from} style={{ flexGrow: mark.to - mark.from }}>
            <b style={{ inlineSize: `${filled(mark, seconds) * 100}%` }} />
          </i>
        ))}
      </div>
      <small class="end">{text("round.timeout", { time: clock(job.targetTimeout) })}</small>
    </section>
  );
}

function AtRest({ closed }: { readonly closed: boolean }) {
  const { text, parts, clock } = useTexts();
  return (
    <section class="clock">
      <header>
        <h2>{closed ? parts("trouble.race-closed")[0] : text("round.none")}</h2>
      </header>
      <p class="watched still" aria-hidden="true">
        {clock(0)}
      </p>
      <div class="scale" />
      <small class="end" />
    </section>
  );
}

/** `to` in Unix seconds. */
function Countdown({ to }: { readonly to: number }) {
  const { text, date, clock, duration } = useTexts();
  const left = Math.max(0, to - Date.now() / 1000);
  useRedraw(left > 0 ? 1000 - (Date.now() % 1000) + 10 : null);
  return (
    <section class="clock">
      <header>
        <h2>{text("trouble.opens", { date: date(to * 1000) })}</h2>
      </header>
      <p class="watched" role="timer">
        {left < DAY ? clock(Math.ceil(left)) : duration(left)}
      </p>
      <div class="scale" />
      <small class="end" />
    </section>
  );
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

function filled({ from, to }: Stretch, at: number): number {
  return Math.min(1, Math.max(0, (at - from) / (to - from)));
}

const UNITS = [10, 30, 60, 300, 600, 1800, 3600];

/** Cuts the way to the time-out at whole minutes, or what else leaves few enough pieces to see. */
export function marks(timeout: number): readonly Stretch[] {
  if (!(timeout > 0)) return [];
  const unit = UNITS.find((seconds) => timeout / seconds <= 8) ?? timeout / 8;
  return Array.from({ length: Math.ceil(timeout / unit - 1e-9) }, (_, place) => ({
    from: place * unit,
    to: Math.min(timeout, (place + 1) * unit),
  }));
}
