import { useRedraw } from "../../design/now.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { DeskState } from "../desk.ts";

interface ReachProperties {
  readonly state: Pick<DeskState, "reach" | "retryAt" | "refusal">;
  readonly retry: () => void;
}

/** How fresh what is shown is. The count-down is not read aloud, the change is. */
export function ReachLine({ state, retry }: ReachProperties) {
  const { text, duration } = useTexts();
  const { reach, retryAt, refusal } = state;
  const left = retryAt === null ? null : Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
  const isOff = reach !== "live";
  useRedraw(isOff && left !== null && left > 0 ? 1000 : null);
  return (
    <p class={`reach ${reach}`}>
      <span role="status">{text(`console.${reach}`)}</span>
      {isOff && refusal !== null && <span>{refusal}</span>}
      {isOff && refusal === null && left !== null && (
        <span>{text("console.next", { time: duration(left) })}</span>
      )}
      {isOff && (left !== null || refusal !== null) && (
        <button type="button" onClick={retry}>
          {text("console.retry")}
        </button>
      )}
    </p>
  );
}
