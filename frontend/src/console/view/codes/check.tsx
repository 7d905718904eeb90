import { useId, useState } from "preact/hooks";
import { useTexts } from "../../../i18n/speech.tsx";
import type { AdminApi } from "../../api.ts";
import { CodeState } from "./state.tsx";

/** The longest that the server reads. */
const LONGEST = 512;

/** A code that somebody brings: is it good, and has it been used? */
export function CodeCheck({ api }: { readonly api: AdminApi }) {
  const { text } = useTexts();
  const id = useId();
  const [written, write] = useState("");
  const [asked, setAsked] = useState({ code: "", turn: 0 });
  const [isEmpty, setEmpty] = useState(false);

  function check(event: Event): void {
    event.preventDefault();
    const code = written.trim();
    setEmpty(code === "");
    if (code !== "") setAsked(({ turn }) => ({ code, turn: turn + 1 }));
  }

  return (
    <section class="code-check" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{text("codes.check.title")}</h2>
      <form onSubmit={check}>
        <label for={id}>{text("codes.check.label")}</label>
        <div class="with-button">
          <input
            id={id}
            class="figure"
            value={written}
            maxLength={LONGEST}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-invalid={isEmpty}
            aria-describedby={isEmpty ? `${id}-fault` : undefined}
            onInput={({ currentTarget: { value } }) => write(value)}
          />
          <button type="submit">{text("codes.check.do")}</button>
        </div>
        <p id={`${id}-fault`} class="fault" role="alert">
          {isEmpty && text("codes.check.empty")}
        </p>
      </form>
      {asked.code !== "" && <CodeState api={api} code={asked.code} turn={asked.turn} />}
    </section>
  );
}
