import { Notice, type Tone } from "../../design/notice.tsx";
import { useRedraw } from "../../design/now.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { Key, Texts, Values } from "../../i18n/texts.ts";
import type { GameState, Trouble } from "../state.ts";

const TONES: Readonly<Record<Trouble["kind"], Tone>> = {
  "no-webassembly": "fail",
  "no-workers": "fail",
  "memory-refused": "care",
  "gate-failed": "care",
  banned: "fail",
  "session-gone": "care",
  "server-away": "care",
  "cooling-down": "wait",
  "visitor-done": "wait",
  refused: "care",
};

/** What no click of the visitor can mend. */
const HOPELESS: ReadonlySet<Trouble["kind"]> = new Set(["no-webassembly", "banned", "visitor-done"]);

/** What is tried again by itself, and can be hurried. */
const RETRIED: ReadonlySet<Trouble["kind"]> = new Set(["server-away", "refused", "gate-failed"]);

export function isHopeless(trouble: Trouble | null): boolean {
  return trouble !== null && HOPELESS.has(trouble.kind);
}

/** Title and advice. */
export function describe(trouble: Trouble, state: GameState, texts: Texts): readonly [string, string] {
  return texts.parts(`trouble.${trouble.kind}`, valuesOf(trouble, state, texts));
}

function valuesOf(trouble: Trouble, { job }: GameState, { memory }: Texts): Values {
  if (trouble.kind === "refused") return { detail: trouble.detail };
  if (trouble.kind === "memory-refused") return { memory: memory(job?.memoryCost ?? 65_536) };
  return {};
}

interface TroubleProperties {
  readonly trouble: Trouble;
  readonly state: GameState;
  readonly retry: () => void;
}

export function TroubleNotice({ trouble, state, retry }: TroubleProperties) {
  const texts = useTexts();
  const [title, advice] = describe(trouble, state, texts);
  // While nothing runs, the one big button tries again.
  const again = nextTry(trouble);
  const canHurry = state.phase !== "idle" && RETRIED.has(trouble.kind);
  return (
    <Notice tone={TONES[trouble.kind]} title={title}>
      <p>{advice}</p>
      {trouble.kind === "gate-failed" && trouble.detail && <small>{trouble.detail}</small>}
      {(canHurry || again !== null) && (
        <footer>
          {canHurry && (
            <button type="button" onClick={retry}>
              {texts.text("button.again")}
            </button>
          )}
          {again !== null && <Countdown words={again[0]} to={again[1]} />}
        </footer>
      )}
    </Notice>
  );
}

/** When it goes on by itself, and how that is said. */
function nextTry(trouble: Trouble): readonly [Key, number] | null {
  if (trouble.kind === "server-away") return ["trouble.retry", trouble.retryAt];
  return trouble.kind === "cooling-down" ? ["trouble.turn", trouble.until] : null;
}

function Countdown({ words, to }: { readonly words: Key; readonly to: number }) {
  const { text, duration } = useTexts();
  const left = Math.max(0, Math.ceil((to - performance.now()) / 1000));
  useRedraw(left > 0 ? 1000 : null);
  return <small class="measure">{text(words, { time: duration(left) })}</small>;
}
