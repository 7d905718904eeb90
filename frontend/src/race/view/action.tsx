import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../../design/icons.tsx";
import { Notice } from "../../design/notice.tsx";
import { Switch } from "../../design/switch.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Key, Texts } from "../../i18n/texts.ts";
import type { Game, GameState } from "../state.ts";
import { chancePerMinute, roundly } from "./chance.ts";
import { CLOSED_WORDS, type Closed, closedFor, isOver } from "./closure.ts";
import { isHopeless, TroubleNotice } from "./trouble.tsx";

interface ActionProperties {
  readonly game: Game;
  readonly state: GameState;
}

/** The one button, and what there is to say about it. */
export function Action({ game, state }: ActionProperties) {
  const texts = useTexts();
  const section = useKeptFocus();
  const { trouble } = state;
  const closed = closedFor(state);
  const button = mainButton(game, state);
  const [gentle, why] = texts.parts(state.onBattery ? "gentle.battery" : "gentle.label");
  return (
    <section class="action" ref={section}>
      {button !== null && (
        <button
          type="button"
          class={button.first ? "main first" : "main"}
          aria-disabled={button.act === null}
          onClick={() => button.act?.()}
        >
          {button.icon !== null && <Icon name={button.icon} />}
          {texts.text(button.label)}
        </button>
      )}
      {/* The gate puts its widget here, where it has something to ask. */}
      <div id="gate" />
      <div class="said" tabIndex={-1}>
        {trouble !== null ? (
          <TroubleNotice trouble={trouble} state={state} retry={() => game.retry()} />
        ) : closed !== null && closed !== "not_open_yet" ? (
          <ClosedNotice closed={closed} />
        ) : (
          <p class={state.justLost ? "lost" : isAtWork(state) ? "" : "quiet"}>
            {state.justLost ? texts.text("lost") : prospect(state, texts)}
          </p>
        )}
      </div>
      {button !== null && (
        <Switch on={state.gentle} change={(on) => game.setGentle(on)} label={gentle}>
          {why}
        </Switch>
      )}
      {state.kernel === "fallback" && (
        <p class="fallback">
          <Icon name="care" />
          <small>{texts.text("kernel.fallback")}</small>
        </p>
      )}
    </section>
  );
}

function ClosedNotice({ closed }: { readonly closed: Closed }) {
  const [title, advice] = useTexts().parts(CLOSED_WORDS[closed]);
  return (
    <Notice tone="wait" title={title}>
      <p>{advice}</p>
    </Notice>
  );
}

/** Focus that stood on something in here does not get lost with it: it goes to the button, or to what is said instead. */
function useKeptFocus() {
  const section = useRef<HTMLElement>(null);
  const holdsFocus = () => section.current?.contains(document.activeElement) ?? false;
  const held = holdsFocus();
  useLayoutEffect(() => {
    if (held && !holdsFocus()) section.current?.querySelector<HTMLElement>(".main, .said")?.focus();
  });
  return section;
}

function isAtWork({ phase }: GameState): boolean {
  return phase === "mining" || phase === "submitting";
}

interface MainButton {
  readonly label: Key;
  readonly icon: IconName | null;
  readonly first: boolean;
  /** Null while there is nothing to press. */
  readonly act: (() => void) | null;
}

function mainButton(game: Game, state: GameState): MainButton | null {
  const { phase, trouble, prizes } = state;
  const closed = closedFor(state);
  if (phase === "starting" && closed !== null)
    return { label: "button.waiting", icon: "pause", first: false, act: () => game.pause() };
  // Trouble can keep the start waiting for long: then it can be given up.
  if (phase === "starting" && trouble === null)
    return { label: "button.starting", icon: null, first: false, act: null };
  if (phase !== "idle")
    return { label: "button.pause", icon: "pause", first: false, act: () => game.pause() };
  if (isHopeless(trouble) || isOver(closed)) return null;
  if (trouble?.kind === "server-away") {
    return { label: "button.again", icon: "again", first: true, act: () => game.retry() };
  }
  const start = () => game.start();
  if (trouble !== null) return { label: "button.again", icon: "again", first: true, act: start };
  // Beside a fresh code, copying it comes first.
  return { label: "button.start", icon: "play", first: prizes.length === 0, act: start };
}

function prospect(state: GameState, { text, parts, number }: Texts): string {
  const { phase, job, myRate } = state;
  if (phase === "submitting") return text("chance.checking");
  if (closedFor(state) !== null) {
    if (phase === "idle") return parts("drop.early")[1];
    return text(state.connected && state.workers > 0 ? "drop.ready" : "button.starting");
  }
  if (phase !== "mining") return text("chance.cost");
  const chance = job === null ? 0 : chancePerMinute(myRate, job.target);
  if (!(chance > 0)) return text("chance.measuring");
  if (chance > 0.55) return text("chance.high");
  return text("chance.minute", { count: number(roundly(1 / chance)) });
}
