import { useEffect, useRef } from "preact/hooks";
import { Copy } from "../../design/copy.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import { bitsOf, type Form, withAlphabet, writeForm } from "../form.ts";
import {
  isAlphabet,
  isWordLanguage,
  shortestOf,
  type TextRules,
  textRules,
  WORD_COUNTS,
  WORD_LANGUAGES,
} from "../generators.ts";
import { formPath } from "../routes.ts";
import { saidFaults, type Workshop, type WorkshopState } from "../workshop.ts";
import { Affix, Choice, Slider } from "./fields.tsx";
import { Heading } from "./heading.tsx";
import { SeedField } from "./seed.tsx";
import { nameLanguage } from "./words.ts";

/** Not a sentence: it is the same in all languages, and runs from left to right in all of them. */
const SYMBOLS = "\u2066- _ * ^ @ # + ! ? $ %\u2069";

interface FormPageProperties {
  readonly workshop: Workshop;
  readonly state: WorkshopState;
  readonly form: Form;
}

export function FormPage({ workshop, state, form }: FormPageProperties) {
  const { text, parts } = useTexts();
  const element = useRef<HTMLFormElement>(null);
  const [name, what] = parts(`workshop.${form.endpoint}`);
  const faults = saidFaults(state);
  const rules = textRules(form.endpoint);
  const set = (change: Partial<Form>) => workshop.change({ ...form, ...change });

  useEffect(() => {
    if (state.insisted === 0) return;
    const wrong = element.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    // What is folded away cannot have the focus.
    wrong?.closest("details")?.setAttribute("open", "");
    wrong?.focus();
  }, [state.insisted]);

  return (
    <main class="make">
      <header class="lead">
        <Heading visit={state.visit}>{name}</Heading>
        <p>{what}</p>
      </header>
      <form
        ref={element}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          workshop.generate();
        }}
      >
        {rules === null ? <PhraseFields form={form} set={set} /> : <TextFields {...{ form, rules, set }} />}
        {rules?.affixes && (
          <div class="pair">
            <Affix
              label={text("workshop.prefix")}
              value={form.prefix}
              bad={faults.has("prefix")}
              set={(prefix) => set({ prefix })}
            />
            <Affix
              label={text("workshop.suffix")}
              value={form.suffix}
              bad={faults.has("suffix")}
              set={(suffix) => set({ suffix })}
            />
          </div>
        )}
        <SeedField
          // A page of its own may have a seed of its own.
          key={state.visit}
          value={form.seed}
          given={state.given}
          bad={faults.has("seed")}
          set={(seed) => set({ seed })}
        />
        <div class="go">
          <button type="submit" class="first main">
            {text("workshop.generate")}
          </button>
          {state.user === null && <small>{text("workshop.guest")}</small>}
        </div>
      </form>
      <aside>
        <p class="note">{text(`workshop.note.${form.endpoint}`)}</p>
        <Share form={form} />
      </aside>
    </main>
  );
}

interface FieldsProperties {
  readonly form: Form;
  readonly set: (change: Partial<Form>) => void;
}

function TextFields({ form, rules, set }: FieldsProperties & { readonly rules: TextRules }) {
  const { text, parts } = useTexts();
  const from = shortestOf(rules, form.alphabet);
  const name = (alphabet: (typeof rules.alphabets)[number]) =>
    parts(`workshop.alphabet.${alphabet}`, { symbols: SYMBOLS });
  return (
    <>
      <Slider
        label={text("workshop.length")}
        value={form.length}
        from={from}
        to={rules.longest}
        set={(length) => set({ length })}
        range={text("workshop.range", { from, to: rules.longest })}
      >
        {text("workshop.bits", { bits: bitsOf(form) })}
      </Slider>
      <Choice
        label={text("workshop.alphabet")}
        value={form.alphabet}
        options={rules.alphabets.map((alphabet) => [alphabet, name(alphabet)[0]])}
        set={(alphabet) => isAlphabet(alphabet) && set(withAlphabet(form, alphabet))}
      >
        {name(form.alphabet)[1]}
      </Choice>
    </>
  );
}

function PhraseFields({ form, set }: FieldsProperties) {
  const texts = useTexts();
  const { text } = texts;
  return (
    <>
      <Choice
        label={text("workshop.language")}
        value={form.language}
        options={Object.entries(WORD_LANGUAGES).map(([name, tag]) => [name, nameLanguage(tag, texts)])}
        set={(language) => isWordLanguage(language) && set({ language })}
      />
      <fieldset class="words">
        <legend>{text("workshop.words")}</legend>
        {WORD_COUNTS.map((count) => (
          <label key={count}>
            <input
              type="radio"
              name="words"
              value={count}
              checked={form.words === count}
              onChange={() => set({ words: count })}
            />
            <span class="figure">{count}</span>
          </label>
        ))}
        <small>{text("workshop.bits", { bits: bitsOf(form) })}</small>
      </fieldset>
    </>
  );
}

function Share({ form }: { readonly form: Form }) {
  const { text } = useTexts();
  const shown = useRef<HTMLElement>(null);
  const link = new URL(formPath(form.endpoint, writeForm(form)), location.origin).href;
  return (
    <details class="share">
      <summary>{text("workshop.share")}</summary>
      <div>
        <p>{text(form.seed === "" ? "workshop.share.hint" : "workshop.share.seed")}</p>
        <code ref={shown} dir="ltr" translate={false}>
          {link}
        </code>
        <Copy value={link} shownIn={() => shown.current} label={text("workshop.share.copy")} />
      </div>
    </details>
  );
}
