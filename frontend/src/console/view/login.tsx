import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Notice } from "../../design/notice.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Problem } from "../api.ts";
import type { Desk } from "../desk.ts";
import { sentence } from "./problem.tsx";

interface LogInProperties {
  readonly desk: Desk;
  /** Why it is shown again, empty where nobody said; null where nothing was ended from outside. */
  readonly ended: string | null;
}

/** Asks for the token. The field keeps what was typed when the server could not be asked. */
export function LogIn({ desk, ended }: LogInProperties) {
  const texts = useTexts();
  const { text } = texts;
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isChecking, setChecking] = useState(false);

  useEffect(() => field.current?.focus(), []);

  async function logIn(): Promise<void> {
    const token = field.current?.value.trim() ?? "";
    if (isChecking) return;
    if (token === "") {
      field.current?.focus();
      return;
    }
    setChecking(true);
    const refused = await desk.logIn(token);
    setChecking(false);
    setProblem(refused);
    if (refused === null) return;
    if (refused.status === 401) field.current?.select();
    field.current?.focus();
  }

  const isWrong = problem?.status === 401;
  return (
    <main class="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void logIn();
        }}
      >
        <h1>{text("login.title")}</h1>
        <p>{text("login.text")}</p>
        <div role="alert">
          {problem !== null ? (
            <Notice tone={isWrong ? "fail" : "care"} title={text(titleOf(problem))}>
              <p id={`${id}-problem`}>{isWrong ? text("login.wrong") : sentence(problem, texts)}</p>
            </Notice>
          ) : (
            ended !== null && (
              <Notice tone="care" title={text("login.ended")}>
                <p>{ended || text("login.changed")}</p>
              </Notice>
            )
          )}
        </div>
        <label for={id}>{text("login.token")}</label>
        <input
          ref={field}
          id={id}
          type="password"
          name="token"
          autocomplete="current-password"
          autocapitalize="none"
          spellcheck={false}
          required
          aria-invalid={isWrong}
          aria-describedby={problem === null ? `${id}-hint` : `${id}-problem`}
        />
        <small id={`${id}-hint`}>{text("login.hint")}</small>
        <button type="submit" class="first" aria-disabled={isChecking}>
          {text(isChecking ? "login.checking" : "login.do")}
        </button>
      </form>
    </main>
  );
}

function titleOf({ status }: Problem): "login.refused" | "login.locked" | "login.away" {
  if (status === 0) return "login.away";
  return status === 429 ? "login.locked" : "login.refused";
}
