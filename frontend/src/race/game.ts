/** The game: the session, the work and the verdicts, put together into one state. */

import { createApi, isSessionLost, type Refusal } from "./api.ts";
import { createBoard } from "./board.ts";
import type { Environment } from "./environment.ts";
import { followsFrom } from "./fairness.ts";
import { createFigures } from "./figures.ts";
import { addRound, markMine } from "./history.ts";
import { createLookout } from "./lookout.ts";
import { createOpening } from "./opening.ts";
import { persist } from "./patience.ts";
import { createPrizes } from "./prizes.ts";
import { leadingZeroBits } from "./puzzle.ts";
import { createServerTime } from "./servertime.ts";
import { createSession } from "./session.ts";
import type { Game, Job, Phase, Trouble } from "./state.ts";
import { createStorage } from "./storage.ts";
import { submit, type Verdict } from "./submission.ts";
import { createWake } from "./wake.ts";
import type { Heard } from "./wire.ts";
import { createWork, type Find } from "./work.ts";

const TICK = 1_000;
/** The server takes best hashes for ten seconds. */
const SUBMIT_WINDOW = 9_000;
/** How long a verdict may be ahead of the puzzle that follows from it. */
const NEXT_PUZZLE = 2_000;
/** So long after the connection is lost, work goes on: a winning answer would still be taken. */
const WORTHWHILE = 30_000;
const TRACE_TRIES = 3;
const NO_TRACE = "The server does not take this network's traces.";
/** So long before the opening, and up to as long again, memory is taken and a trace fetched. */
const SOON = 60_000;

export function createGame(environment: Environment): Game {
  const { clock, random, device, visibility } = environment;
  /** Rounds that were mine, and seeds whose answer of ours has no verdict yet. */
  const won = new Set<number>();
  const undecided = new Set<string>();
  let isWanted = false;
  let isActive = false;
  let isClosed = false;
  let resets = 0;
  /** The newest puzzle, also when it is over and there is no other. */
  let latest: Job | null = null;
  const soon = SOON * (1 + random());
  let traceFailures = 0;
  /** Why the server takes no answers for a while. */
  let rest: Trouble | null = null;
  let cancelTick: (() => void) | null = null;
  let cancelAway = () => {};
  let cancelRefusal = () => {};

  const board = createBoard(clock, phase);
  const { update, log } = board;
  const time = createServerTime();
  const api = createApi(environment.fetch, clock, time);
  const storage = createStorage(environment.tab);
  const prizes = createPrizes(board, environment, api, storage);
  const figures = createFigures(board, clock, (message) => session.say(message));
  const wake = createWake(environment.keepAwake, visibility);

  const opening = createOpening(board, environment, time, {
    closed: closeRace,
    open() {
      if (work.job === null && opening.isOpen) void fetchPuzzle();
    },
  });

  function phase(job: Job | null): Phase {
    if (!isWanted) return "idle";
    if (job !== null && undecided.has(job.seed)) return "submitting";
    return isActive ? "mining" : "starting";
  }

  // The connection

  const session = createSession(environment, api, storage, {
    admitted(isNew) {
      cancelAway();
      board.clear("server-away", "session-gone", "gate-failed", "banned", "refused");
      update(rest === null ? { connected: true } : { connected: true, trouble: rest });
      log("connected");
      session.say({ type: "ping" });
      if (isActive) session.say({ type: "mining_start" });
      if (isNew) work.renew();
      work.hold("away", false);
      opening.admitted();
      if (opening.isOpen) void fetchPuzzle();
      prizes.fetch(session.token);
    },
    heard,
    gone() {
      if (!board.state.connected) return;
      update({ connected: false });
      cancelAway();
      cancelAway = clock.after(WORTHWHILE, () => work.hold("away", true));
    },
    trouble(trouble) {
      const isNews = board.state.trouble?.kind !== trouble.kind;
      update({ trouble });
      if (trouble.kind === "server-away") {
        log("away", { seconds: Math.ceil((trouble.retryAt - clock.now()) / 1000) });
      } else if (trouble.kind === "session-gone" && isNews) {
        log("session-gone");
      } else if (trouble.kind === "refused" || trouble.kind === "gate-failed") {
        log("refused", { detail: trouble.detail ?? "" });
      }
    },
    stopped: stop,
    departed: prizes.fetch,
  });

  function heard(message: Heard): void {
    switch (message.type) {
      case "pong":
        update({ online: message.online });
        break;
      case "rate":
        update({ networkRate: message.total, miners: message.miners });
        break;
      case "reset":
        reset(message);
        break;
      case "race":
        opening.follow(message.drop);
        break;
      case "consolation":
        prizes.add(message.code, "consolation");
        log("consolation", { bits: message.bits });
        break;
      case "error":
        log("refused", { detail: message.detail });
    }
    // Timers of a page in the background are slow, messages are not.
    figures.beat();
  }

  // The puzzle

  function reset({ job, ended, reason }: Extract<Heard, { type: "reset" }>): void {
    resets += 1;
    const { best } = work;
    // The news that the race is closed may have come first.
    const old = latest;
    if (ended !== null && old !== null) {
      const mine = won.has(old.round) || (undecided.has(old.seed) ? null : false);
      update({ rounds: addRound(board.state.rounds, { round: old.round, ...ended, mine }) });
      log(ended.how, ended.seconds === null ? {} : { seconds: ended.seconds });
      if (ended.how === "timeout" && best !== null) void handIn(best);
      // An answer of ours may have won: then its verdict will tell.
      if (ended.how === "solved" && isActive && mine === false) figures.showLoss();
    }
    if (job !== null) {
      turnTo(job, reason);
    } else {
      opening.sawClosed(null);
      closeRace();
    }
  }

  function closeRace(): void {
    update({ job: null, bestBits: 0 });
    work.take(null);
  }

  function turnTo(job: Job, reason: string): void {
    const isNew = job.seed !== work.job?.seed;
    const before = latest;
    latest = job;
    opening.sawOpen();
    if (isNew) {
      traceFailures = 0;
      update({ job, bestBits: 0 });
      log("round", { round: job.round, difficulty: job.difficulty });
      if (before !== null) void checkSeed(before, job, reason);
    } else {
      update({ job });
    }
    work.take(job);
  }

  async function checkSeed(before: Job, job: Job, reason: string): Promise<void> {
    const holds = await followsFrom(before, job, reason, environment.digest);
    if (holds !== null) log(holds ? "seed-checked" : "seed-wrong");
  }

  async function fetchPuzzle(): Promise<void> {
    const { token, visitorId } = session;
    const before = resets;
    if (token === null) return;
    // What is pushed is newer than what was asked for before it.
    const isCurrent = () => !isClosed && resets === before && session.token === token;
    const answer = await persist(() => api.puzzle(token, visitorId), isCurrent, clock, random);
    if (answer === null) return;
    if (!answer.ok) return refused(answer.refusal, token);
    turnTo(answer.value, "");
  }

  function refused(refusal: Refusal, token: string | null): void {
    const { code, detail, retryAfter } = refusal;
    if (token !== null && isSessionLost(refusal)) {
      session.lost(token);
    } else if (code === "banned") {
      stop({ kind: "banned" });
    } else if (code === "race_closed") {
      opening.sawClosed(retryAfter);
      closeRace();
    } else if (code === "visitor_done") {
      log("visitor-done");
      stop({ kind: "visitor-done" });
    } else if (code === "cooling_down" && retryAfter !== null) {
      log("cooling-down");
      pauseFor(retryAfter, { kind: "cooling-down", until: clock.now() + retryAfter });
    } else {
      log("refused", { detail });
      pauseFor(retryAfter, { kind: "refused", detail });
    }
  }

  /** The server will take no answers for so long, or (null) until the visitor tries again. */
  function pauseFor(milliseconds: number | null, trouble: Trouble): void {
    if (milliseconds === null) {
      stop(trouble);
      return;
    }
    rest = trouble;
    update({ trouble });
    work.hold("refused", true);
    cancelRefusal();
    cancelRefusal = clock.after(milliseconds, resume);
  }

  function resume(): void {
    cancelRefusal();
    rest = null;
    board.clear("refused", "cooling-down");
    work.hold("refused", false);
    if (opening.isOpen) void fetchPuzzle();
  }

  // The work

  const work = createWork(environment, api, session, {
    active(now) {
      isActive = now;
      figures.setActive(now);
      if (now) wake.hold();
      else wake.release();
      session.say({ type: now ? "mining_start" : "mining_stop" });
      if (now) log("started");
      else update();
    },
    found(find) {
      undecided.add(find.seed);
      log("found", { nonce: find.nonce });
      const isOpen = () => !isClosed && work.job?.seed === find.seed;
      void submit(find, environment, api, session, isOpen).then((verdict) => judged(find, verdict));
    },
    best: (find) => update({ bestBits: leadingZeroBits(find.hash) }),
    progress: figures.add,
    crew(size, kernel) {
      if (size === board.state.workers && kernel === board.state.kernel) return;
      update({ workers: size, kernel });
      log("workers", { count: size, kernel: kernel ?? "" });
    },
    failed: (kind) => stop({ kind }),
    refused: (refusal) => refused(refusal, session.token),
  });

  function judged(find: Find, verdict: Verdict): void {
    const { round } = find.job;
    undecided.delete(find.seed);
    if (verdict.kind === "won") won.add(round);
    update({ rounds: markMine(board.state.rounds, round, won.has(round)) });
    switch (verdict.kind) {
      case "won":
        prizes.add(verdict.code, "solved");
        log("won");
        break;
      case "lost":
        figures.showLoss();
        log("lost");
        break;
      case "late":
        log("late");
        prizes.fetch(session.token);
        break;
      case "trace":
        traceFailures += 1;
        if (traceFailures >= TRACE_TRIES) stop({ kind: "refused", detail: NO_TRACE });
        else work.renew();
        break;
      case "refused":
        refused(verdict.refusal, session.token);
    }
    if (work.job?.seed !== find.seed) return;
    if (verdict.kind === "trace" || verdict.kind === "refused") work.hold("answer", false);
    else clock.after(NEXT_PUZZLE, () => void moveOn(find.seed));
  }

  /** The news of the next puzzle should have come with the verdict. If it got lost, fetch it. */
  async function moveOn(seed: string): Promise<void> {
    if (work.job?.seed !== seed || undecided.has(seed)) return;
    await fetchPuzzle();
    if (work.job?.seed === seed) work.hold("answer", false);
  }

  async function handIn(best: Find): Promise<void> {
    const { token } = session;
    if (token === null) return;
    const until = clock.now() + SUBMIT_WINDOW;
    const answer = await persist(
      () => api.submit(token, best),
      () => clock.now() < until,
      clock,
      random,
    );
    if (answer?.ok) log("best-sent", { bits: leadingZeroBits(best.hash) });
  }

  // The visitor

  function tick(): void {
    cancelTick = clock.after(TICK, tick);
    session.tick();
    figures.beat();
    prepare();
  }

  /** Have ready before the opening whatever needs time. */
  function prepare(): void {
    const { left } = opening;
    if (left !== null && board.state.connected) void work.prepare(left < soon);
  }

  function look(): void {
    if (isClosed) return;
    const isVisible = visibility.visible();
    work.hold("hidden", board.state.gentle && !isVisible);
    if (isVisible) session.check();
    if (isVisible) lookout.look();
  }

  function stop(trouble: Trouble | null): void {
    isWanted = false;
    rest = null;
    cancelRefusal();
    work.want(false);
    update({ trouble });
  }

  const isIdle = () => !isWanted && !board.state.connected;
  const lookout = createLookout(environment, api, time, isIdle, opening.tell);
  void api.gate().then((answer) => answer.ok && update({ generators: answer.value.generators }));
  const forgetVisibility = visibility.changed(look);
  const forgetBattery = device.onBattery((onBattery) => update({ onBattery }));
  const kept = storage.session();
  if (kept !== null) prizes.fetch(kept.token);

  return {
    get state() {
      return board.state;
    },
    subscribe: board.subscribe,
    start() {
      if (isClosed || isWanted) return;
      if (!device.webAssembly) {
        update({ trouble: { kind: "no-webassembly" } });
        return;
      }
      isWanted = true;
      update({ trouble: null });
      work.hold("refused", false);
      if (cancelTick === null) tick();
      session.retry();
      work.want(true);
      if (board.state.connected && work.job === null && opening.isOpen) void fetchPuzzle();
      prepare();
    },
    pause() {
      if (!isWanted) return;
      stop(board.state.trouble);
      log("paused");
    },
    setGentle(gentle) {
      update({ gentle });
      work.setGentle(gentle);
      work.hold("hidden", gentle && !visibility.visible());
    },
    retry() {
      session.retry();
      if (board.state.trouble?.kind === "refused" && isWanted) resume();
    },
    close() {
      work.close();
      session.close();
      wake.close();
      lookout.close();
      opening.close();
      cancelTick?.();
      cancelAway();
      cancelRefusal();
      forgetVisibility();
      forgetBattery();
      isClosed = true;
      prizes.close();
      board.close();
    },
  };
}
