/** The controls of the forms: a label above, the control, and below it what it means or what is wrong. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import { bytesOf } from "../form.ts";
import { MAX_AFFIX } from "../generators.ts";

interface SliderProperties {
  readonly label: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
  readonly set: (value: number) => void;
  /** Said aloud when it changes: another choice may move the limits. */
  readonly range: string;
  readonly children: ComponentChildren;
}

export function Slider({ label, value, from, to, set, range, children }: SliderProperties) {
  const id = useId();
  return (
    <div class="field slider">
      <label for={id}>{label}</label>
      {/* The slider says its value itself. */}
      <span class="figure" aria-hidden="true">
        {value}
      </span>
      <input
        type="range"
        id={id}
        // Before the value, which the browser would otherwise force into the old limits.
        min={from}
        max={to}
        value={value}
        aria-describedby={`${id}-range ${id}-hint`}
        onInput={({ currentTarget }) => set(currentTarget.valueAsNumber)}
      />
      <small id={`${id}-range`} aria-live="polite">
        {range}
      </small>
      <small id={`${id}-hint`}>{children}</small>
    </div>
  );
}

interface ChoiceProperties {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, name: string])[];
  readonly set: (value: string) => void;
  readonly children?: ComponentChildren;
}

export function Choice({ label, value, options, set, children }: ChoiceProperties) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={children ? `${id}-hint` : undefined}
        onChange={({ currentTarget }) => set(currentTarget.value)}
      >
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
      {children && <small id={`${id}-hint`}>{children}</small>}
    </div>
  );
}

interface AffixProperties {
  readonly label: string;
  readonly value: string;
  readonly bad: boolean;
  readonly set: (value: string) => void;
}

export function Affix({ label, value, bad, set }: AffixProperties) {
  const { text } = useTexts();
  const id = useId();
  const room = { count: bytesOf(value), limit: MAX_AFFIX };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        type="text"
        id={id}
        dir="auto"
        value={value}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        aria-invalid={bad}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
      {bad ? (
        <Fault id={`${id}-hint`}>{text("workshop.full", room)}</Fault>
      ) : (
        <small id={`${id}-hint`}>{text("workshop.room", room)}</small>
      )}
    </div>
  );
}

/** What is wrong with a field, said aloud when it comes up. */
export function Fault({ id, children }: { readonly id: string; readonly children: ComponentChildren }) {
  return (
    <small id={id} class="fault" role="alert">
      {children}
    </small>
  );
}
