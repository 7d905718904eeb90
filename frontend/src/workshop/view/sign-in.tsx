import { useEffect, useRef, useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { Refusal } from "../api.ts";
import type { Workshop } from "../workshop.ts";
import { Dialog } from "./dialog.tsx";
import { Fault } from "./fields.tsx";
import { Refused } from "./refused.tsx";

/** The address lives in these steps and nowhere else; with the last one it is forgotten. */
type Step =
  | { readonly at: "write"; readonly email: string; readonly bad: boolean }
  | { readonly at: "check"; readonly email: string; readonly refusal: Refusal | null }
  | { readonly at: "send"; readonly email: string }
  | { readonly at: "sent" };

const START: Step = { at: "write", email: "", bad: false };

const TITLES = {
  write: "workshop.sign-in",
  check: "workshop.check",
  send: "workshop.check",
  sent: "workshop.sent",
} as const;

export function SignIn({ workshop }: { readonly workshop: Workshop }) {
  const { text } = useTexts();
  const [step, take] = useState<Step>(START);
  return (
    <Dialog title={text(TITLES[step.at])} close={workshop.close}>
      {step.at === "write" && <Write step={step} take={take} cancel={workshop.close} />}
      {(step.at === "check" || step.at === "send") && <Check step={step} take={take} workshop={workshop} />}
      {step.at === "sent" && <Sent again={() => take(START)} close={workshop.close} />}
    </Dialog>
  );
}

/** As much as can be known without asking; the server knows more. */
function isAddress(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text);
}

interface WriteProperties {
  readonly step: Extract<Step, { at: "write" }>;
  readonly take: (step: Step) => void;
  readonly cancel: () => void;
}

function Write({ step, take, cancel }: WriteProperties) {
  const { text } = useTexts();
  const field = useFocus<HTMLInputElement>();
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const email = step.email.trim();
        if (isAddress(email)) return take({ at: "check", email, refusal: null });
        take({ ...step, bad: true });
        field.current?.focus();
      }}
    >
      <p>{text("workshop.sign-in.text")}</p>
      <div class="field">
        <label for="email">{text("workshop.email")}</label>
        <input
          ref={field}
          type="email"
          id="email"
          dir="ltr"
          value={step.email}
          autocomplete="email"
          autocapitalize="none"
          spellcheck={false}
          aria-invalid={step.bad}
          aria-describedby={step.bad ? "email-fault" : undefined}
          onInput={({ currentTarget }) => take({ at: "write", email: currentTarget.value, bad: false })}
        />
        {step.bad && <Fault id="email-fault">{text("workshop.email.bad")}</Fault>}
      </div>
      <div class="choices">
        <button type="submit" class="first">
          {text("workshop.continue")}
        </button>
        <button type="button" onClick={cancel}>
          {text("workshop.cancel")}
        </button>
      </div>
    </form>
  );
}

interface CheckProperties {
  readonly step: Extract<Step, { at: "check" | "send" }>;
  readonly take: (step: Step) => void;
  readonly workshop: Workshop;
}

function Check({ step, take, workshop }: CheckProperties) {
  const { text, language } = useTexts();
  const { email } = step;
  const busy = step.at === "send";
  const button = useFocus<HTMLButtonElement>();

  async function send(): Promise<void> {
    if (busy) return;
    take({ at: "send", email });
    const answer = await workshop.sendLink(email, language);
    take(answer.ok ? { at: "sent" } : { at: "check", email, refusal: answer.refusal });
  }

  return (
    <>
      <p class="address">
        <bdi translate={false}>
          {/* If it needs two lines, the second begins with the @. */}
          {email.split(/(?=@)/).map((part) => (
            <span key={part}>{part}</span>
          ))}
        </bdi>
      </p>
      <p>{text("workshop.check.text")}</p>
      <Refused refusal={step.at === "check" ? step.refusal : null} />
      <div class="choices">
        <button ref={button} type="button" class="first" aria-disabled={busy} onClick={() => void send()}>
          {text(busy ? "workshop.sending" : "workshop.send")}
        </button>
        <button
          type="button"
          aria-disabled={busy}
          onClick={() => !busy && take({ at: "write", email, bad: false })}
        >
          {text("workshop.correct")}
        </button>
      </div>
    </>
  );
}

function Sent({ again, close }: { readonly again: () => void; readonly close: () => void }) {
  const { text } = useTexts();
  const button = useFocus<HTMLButtonElement>();
  return (
    <>
      <div role="status">
        <p>{text("workshop.sent.text")}</p>
      </div>
      <p class="quiet">{text("workshop.sent.lost")}</p>
      <div class="choices">
        <button ref={button} type="button" class="first" onClick={close}>
          {text("workshop.close")}
        </button>
        <button type="button" onClick={again}>
          {text("workshop.ask-again")}
        </button>
      </div>
    </>
  );
}

/** The button that led here is gone, and with it the focus. */
function useFocus<E extends HTMLElement>() {
  const element = useRef<E>(null);
  useEffect(() => element.current?.focus(), []);
  return element;
}
