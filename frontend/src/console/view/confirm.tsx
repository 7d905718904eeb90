/** Asks before something is done that cannot be undone, and names what it is. */

import type { ComponentChildren } from "preact";
import { useCallback, useId, useState } from "preact/hooks";
import { useModal } from "../../design/modal.ts";
import { useTexts } from "../../i18n/speech.tsx";
import type { Answer } from "../api.ts";
import { Trouble } from "./problem.tsx";

export interface Question {
  readonly title: string;
  /** What will happen, in words and with the present numbers. */
  readonly text: ComponentChildren;
  /** What stands on the button that does it: a verb, not "OK". */
  readonly label: string;
  /** The dialog stays, with the problem in it, where this is refused. */
  readonly run: () => Promise<Answer<unknown>>;
}

interface Confirmation {
  readonly ask: (question: Question) => void;
  /** To be put somewhere into the view. */
  readonly dialog: ComponentChildren;
}

export function useConfirm(): Confirmation {
  const [question, setQuestion] = useState<Question | null>(null);
  const close = useCallback(() => setQuestion(null), []);
  return { ask: setQuestion, dialog: question && <Confirm question={question} close={close} /> };
}

function Confirm({ question, close }: { readonly question: Question; readonly close: () => void }) {
  const { text } = useTexts();
  const id = useId();
  const dialog = useModal();
  const [isRunning, setRunning] = useState(false);
  const [answer, setAnswer] = useState<Answer<unknown> | null>(null);

  async function run(): Promise<void> {
    if (isRunning) return;
    setRunning(true);
    const given = await question.run();
    setRunning(false);
    if (given.ok) close();
    else setAnswer(given);
  }

  return (
    <dialog
      ref={dialog}
      class="confirm"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <h2 id={`${id}-title`}>{question.title}</h2>
      <div id={`${id}-text`}>{question.text}</div>
      <div role="alert">{answer !== null && !answer.ok && <Trouble problem={answer.problem} />}</div>
      <footer>
        {/* What has the focus at first does no harm. */}
        <button type="button" onClick={close}>
          {text("confirm.cancel")}
        </button>
        <button type="button" class="danger" aria-disabled={isRunning} onClick={() => void run()}>
          {isRunning ? text("confirm.running") : question.label}
        </button>
      </footer>
    </dialog>
  );
}
