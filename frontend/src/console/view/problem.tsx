import { Notice } from "../../design/notice.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import type { Problem } from "../api.ts";

/** Why a call was of no use, and what helps. */
export function Trouble({ problem }: { readonly problem: Problem }) {
  const texts = useTexts();
  return (
    <Notice tone={problem.status === 0 ? "care" : "fail"} title={texts.text("console.refused")}>
      <p>{sentence(problem, texts)}</p>
    </Notice>
  );
}

/** Our own words where we know better than the server, else its sentence as it is. */
export function sentence(problem: Problem, { text, duration }: Texts): string {
  if (problem.status === 0) return text("console.unreachable");
  if (problem.status === 429 && problem.retryAfter !== undefined) {
    return text("console.wait", { time: duration(problem.retryAfter) });
  }
  return problem.detail || text("console.status", { status: String(problem.status) });
}
