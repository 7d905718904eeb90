import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Copy } from "../../design/copy.tsx";
import { Icon } from "../../design/icons.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Key, Texts } from "../../i18n/texts.ts";
import { isSignedOut, type Made } from "../api.ts";
import { fieldsOf, isAlphabet, isWordLanguage, WORD_LANGUAGES } from "../generators.ts";
import type { Order } from "../order.ts";
import { MENU } from "../routes.ts";
import type { Workshop, WorkshopState } from "../workshop.ts";
import { Heading } from "./heading.tsx";
import { Link } from "./link.tsx";
import { Refused } from "./refused.tsx";
import { isPassing, nameLanguage, nameOf } from "./words.ts";

interface ResultPageProperties {
  readonly workshop: Workshop;
  readonly state: WorkshopState;
  readonly order: Order;
}

const SETTINGS = ["length", "alphabet", "prefix", "suffix", "language", "words"] as const;

export function ResultPage({ workshop, state, order }: ResultPageProperties) {
  const { text } = useTexts();
  const { made, busy, refusal } = state.result;
  const mayHelp = refusal !== null && isPassing(refusal);
  const isGuest = refusal !== null && isSignedOut(refusal);
  return (
    <main class="result">
      <header class="lead">
        <Heading visit={state.visit}>{text(`workshop.made.${order.endpoint}`)}</Heading>
      </header>
      <div class="made" aria-busy={busy}>
        {made !== null && <Text made={made} order={order} busy={busy} />}
        {made === null && busy && <p class="making">{text("workshop.making")}</p>}
        <Refused refusal={refusal} order={order}>
          {isGuest ? (
            <button type="button" class="first" onClick={() => workshop.open("sign-in")}>
              {text("workshop.sign-in")}
            </button>
          ) : (
            made === null &&
            mayHelp && (
              <button type="button" onClick={workshop.again}>
                {text("workshop.retry")}
              </button>
            )
          )}
        </Refused>
        <div class="next">
          {made !== null && !order.values.seed && (
            <button type="button" aria-disabled={busy} onClick={workshop.again}>
              <Icon name={busy ? "wait" : "again"} />
              {text(busy ? "workshop.making" : "workshop.another")}
            </button>
          )}
          <button
            type="button"
            onClick={() =>
              made === null ? workshop.adjust(order.values.seed ?? null) : workshop.open("adjust")
            }
          >
            {text("workshop.adjust")}
          </button>
          <Link to={MENU}>{text("workshop.all")}</Link>
        </div>
      </div>
      {made !== null && <Facts made={made} order={order} />}
    </main>
  );
}

interface TextProperties {
  readonly made: Made;
  readonly order: Order;
  readonly busy: boolean;
}

function Text({ made, order, busy }: TextProperties) {
  const { text } = useTexts();
  const area = useRef<HTMLTextAreaElement>(null);
  return (
    <>
      <textarea
        ref={area}
        class={order.endpoint}
        // A phrase is read word by word, in its own language; the rest is read letter by letter.
        lang={languageOf(order)}
        dir="ltr"
        readOnly
        rows={rowsFor(made.text)}
        spellcheck={false}
        translate={false}
        aria-label={text(`workshop.made.${order.endpoint}`)}
        value={made.text}
        onClick={({ currentTarget }) => currentTarget.select()}
      />
      <div class="copying">
        <Copy
          first
          value={made.text}
          shownIn={() => {
            area.current?.select();
            return null;
          }}
        />
        <small role="status">{text(busy ? "workshop.making" : "workshop.ready")}</small>
      </div>
    </>
  );
}

/** Browsers that fit a text area to its text need no guess. */
function rowsFor(text: string): number {
  return Math.max(2, Math.ceil(text.length / 24));
}

function languageOf({ endpoint, values }: Order): string | undefined {
  if (endpoint !== "mnemonic") return undefined;
  const name = values.language ?? "english";
  return isWordLanguage(name) ? WORD_LANGUAGES[name] : undefined;
}

function Facts({ made, order }: { readonly made: Made; readonly order: Order }) {
  const texts = useTexts();
  const { text } = texts;
  const seed = useRef<HTMLElement>(null);
  const used = SETTINGS.filter((field) => fieldsOf(order.endpoint).includes(field) && order.values[field]);
  const wide = matchMedia("(min-width: 40rem)").matches;
  return (
    <div class="facts">
      <details open={wide}>
        <summary>{text("workshop.details")}</summary>
        <dl>
          <Row name="workshop.type">{nameOf(order.endpoint, texts)}</Row>
          <Row name="workshop.length">
            <span class="figure">{texts.number([...made.text].length)}</span>
          </Row>
          <Row name="workshop.time">
            <time dateTime={new Date(made.at * 1000).toISOString()}>{texts.date(made.at * 1000)}</time>
          </Row>
          <Row name="workshop.seed">
            <code ref={seed} dir="ltr" translate={false}>
              {made.seed}
            </code>
            <Copy value={made.seed} shownIn={() => seed.current} label={text("workshop.seed.copy")} />
            <small>{text("workshop.seed.care")}</small>
          </Row>
          <Row name="workshop.otp">
            <code dir="ltr" translate={false}>
              {made.otp}
            </code>
          </Row>
        </dl>
      </details>
      <details open={wide}>
        <summary>{text("workshop.used")}</summary>
        {used.length === 0 ? (
          <p>{text("workshop.used.none")}</p>
        ) : (
          <dl>
            {used.map((field) => (
              <Row key={field} name={`workshop.${field}`}>
                <bdi>{nameValue(field, order.values[field] ?? "", texts)}</bdi>
              </Row>
            ))}
          </dl>
        )}
      </details>
    </div>
  );
}

function nameValue(field: (typeof SETTINGS)[number], value: string, texts: Texts): string {
  if (field === "alphabet" && isAlphabet(value)) return texts.parts(`workshop.alphabet.${value}`)[0];
  if (field === "language" && isWordLanguage(value)) return nameLanguage(WORD_LANGUAGES[value], texts);
  return value;
}

function Row({ name, children }: { readonly name: Key; readonly children: ComponentChildren }) {
  const { text } = useTexts();
  return (
    <div>
      <dt>{text(name)}</dt>
      <dd>{children}</dd>
    </div>
  );
}
