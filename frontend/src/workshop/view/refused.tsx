import type { ComponentChildren } from "preact";
import { Notice } from "../../design/notice.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Refusal } from "../api.ts";
import type { Order } from "../order.ts";
import { describe } from "./words.ts";

interface RefusedProperties {
  readonly refusal: Refusal | null;
  readonly order?: Order | null;
  /** What can be done about it. */
  readonly children?: ComponentChildren;
}

/** Always there, since what comes into a live region is said, and one that comes with its words may not be. */
export function Refused({ refusal, order = null, children }: RefusedProperties) {
  const texts = useTexts();
  const [title, advice] = refusal === null ? ["", ""] : describe(refusal, order, texts);
  return (
    <div class="refused" role="alert">
      {refusal !== null && (
        <Notice tone={refusal.status === 401 ? "wait" : "care"} title={title}>
          {advice && <p>{advice}</p>}
          {children && <footer>{children}</footer>}
        </Notice>
      )}
    </div>
  );
}
