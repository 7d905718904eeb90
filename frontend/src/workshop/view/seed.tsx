import { useId } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import { Fault } from "./fields.tsx";

interface SeedProperties {
  readonly value: string;
  /** The one in the address; empty where there was none. */
  readonly given: string;
  readonly bad: boolean;
  readonly set: (value: string) => void;
}

/** A seed that came with the address stands open and is not to be edited. One's own is out of most people's way. */
export function SeedField({ value, given, bad, set }: SeedProperties) {
  const { text } = useTexts();
  const id = useId();
  const fixed = given !== "" && value === given;
  const input = (
    <div class="field seed">
      <label for={id}>{text("workshop.seed")}</label>
      <input
        type="text"
        id={id}
        dir="ltr"
        value={value}
        readOnly={fixed}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        translate={false}
        aria-invalid={bad}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => set(currentTarget.value.trim())}
      />
      {bad ? (
        <Fault id={`${id}-hint`}>{text("workshop.seed.bad")}</Fault>
      ) : (
        <small id={`${id}-hint`}>{text(fixed ? "workshop.seed.given" : "workshop.seed.hint")}</small>
      )}
      {value !== "" && !bad && <small>{text("workshop.seed.care")}</small>}
      {fixed && (
        <button type="button" onClick={() => set("")}>
          {text("workshop.seed.drop")}
        </button>
      )}
    </div>
  );
  if (given !== "") return input;
  return (
    <details class="own">
      <summary>{text("workshop.seed.own")}</summary>
      {input}
    </details>
  );
}
