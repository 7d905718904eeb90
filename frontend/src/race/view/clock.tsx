import { useRedraw } from "../../design/now.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { Drop, GameState, Job } from "../state.ts";
import { closedFor, isOver, moment } from "./closure.ts";
import { useMiningTime } from "./stopwatch.ts";

const DAY = 86_400;
const NO_DROP = { isOpen: true, remaining: null, closesAt: null };

/** The number to watch: how long this round has been mined, or how long until there is one. */
export function Clock({ state }: { readonly state: GameState }) {
  const { job, drop, miners, serverAhead } = state;
  const closed = closedFor(state);
  if (closed === "not_open_yet" && drop?.opensAt != null)
    return <Countdown to={drop.opensAt} ahead={serverAhead} drop={drop} />;
  return job === null ? (
    <AtRest isClosed={closed !== null} drop={drop} />
  ) : (
    <Stopwatch job={job} running={miners > 0} drop={drop} />
  );
}

interface WithDrop {
  readonly drop: Drop | null;
}

function Stopwatch({ job, running, drop }: WithDrop & { readonly job: Job; readonly running: boolean }) {
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
      <Foot drop={drop} end={text("round.timeout", { time: clock(job.targetTimeout) })} />
    </section>
  );
}

function AtRest({ isClosed, drop }: WithDrop & { readonly isClosed: boolean }) {
  const { text, clock } = useTexts();
  return (
    <section class="clock">
      <header>
        <h2>{text(isClosed ? "round.closed" : "round.none")}</h2>
      </header>
      <p class="watched still" aria-hidden="true">
        {clock(0)}
      </p>
      <div class="scale" />
      <Foot drop={drop} />
    </section>
  );
}

/** `to` in Unix seconds of the server's clock, which is `ahead` of ours. */
function Countdown({ to, ahead, drop }: WithDrop & { readonly to: number; readonly ahead: number }) {
  const { language, text, clock, duration } = useTexts();
  const left = Math.max(0, to - ahead - Date.now() / 1000);
  // A little late rather than a little early, which would show the same second twice.
  useRedraw(left > 0 ? 1000 * (left % 1) + 10 : null);
  return (
    <section class="clock">
      <header>
        <h2>{text("drop.opens", { date: moment(language, to) })}</h2>
      </header>
      <p class="watched" role="timer">
        {left < DAY ? clock(Math.ceil(left)) : duration(left)}
      </p>
      <div class="scale" />
      <Foot drop={drop} />
    </section>
  );
}

/** What is left to win and until when, and how long the round may last. */
function Foot({ drop, end }: WithDrop & { readonly end?: string }) {
  const { language, text } = useTexts();
  const { isOpen, remaining, closesAt } = drop ?? NO_DROP;
  return (
    <footer>
      {remaining !== null && !isOver(closedFor({ drop })) && (
        <small>{text("drop.left", { count: remaining })}</small>
      )}
      {closesAt !== null && isOpen && (
        <small>{text("drop.closes", { date: moment(language, closesAt) })}</small>
      )}
      <small class="end">{end}</small>
    </footer>
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
