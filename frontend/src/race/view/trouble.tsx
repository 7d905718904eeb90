import { Notice, type Tone } from "../../design/notice.tsx";
import { useRedraw } from "../../design/now.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { Texts, Values } from "../../i18n/texts.ts";
import type { GameState, Trouble } from "../state.ts";

const TONES: Readonly<Record<Trouble["kind"], Tone>> = {
  "no-webassembly": "fail",
  "no-workers": "fail",
  "memory-refused": "care",
  "gate-failed": "care",
  banned: "fail",
  "session-gone": "care",
  "server-away": "care",
  "race-closed": "wait",
  refused: "care",
};

/** What no click of the visitor can mend. */
const HOPELESS: ReadonlySet<Trouble["kind"]> = new Set(["no-webassembly", "banned"]);

/** What is tried again by itself, and can be hurried. */
const RETRIED: ReadonlySet<Trouble["kind"]> = new Set(["server-away", "refused"]);

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
  const canHurry = state.phase !== "idle" && RETRIED.has(trouble.kind);
  return (
    <Notice tone={TONES[trouble.kind]} title={title}>
      <p>{advice}</p>
      {trouble.kind === "gate-failed" && trouble.detail && <small>{trouble.detail}</small>}
      {(canHurry || trouble.kind === "server-away") && (
        <footer>
          {canHurry && (
            <button type="button" onClick={retry}>
              {texts.text("button.again")}
            </button>
          )}
          {trouble.kind === "server-away" && <Retry at={trouble.retryAt} />}
        </footer>
      )}
    </Notice>
  );
}

function Retry({ at }: { readonly at: number }) {
  const { text, duration } = useTexts();
  const left = Math.max(0, Math.ceil((at - performance.now()) / 1000));
  useRedraw(left > 0 ? 1000 : null);
  return <small class="measure">{text("trouble.retry", { time: duration(left) })}</small>;
}
