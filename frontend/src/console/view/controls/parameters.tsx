/** All parameters, by the calls that change them. What was written stays until it is applied, whatever happens. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useTexts } from "../../../i18n/speech.tsx";
import type { AdminApi } from "../../api.ts";
import {
  type Changes,
  type Fault,
  findConflict,
  type Group,
  isSame,
  type Name,
  read,
  resetsPuzzle,
  SECTIONS,
  type Values,
  write,
} from "../../controls/parameters.ts";
import { type Present, predict } from "../../controls/predict.ts";
import { sentence } from "../problem.tsx";
import { Line } from "./line.tsx";
import { faultText } from "./words.ts";

interface ParametersProperties {
  readonly api: AdminApi;
  readonly values: Values;
  readonly rate: number;
  readonly tries: number;
}

export function Parameters({ api, values, rate, tries }: ParametersProperties) {
  const { text } = useTexts();
  const id = useId();
  return (
    <>
      <p>{text("controls.resets")}</p>
      {SECTIONS.map(({ title, groups }) => (
        <section key={title} class="section" aria-labelledby={`${id}-${title}`}>
          <h2 id={`${id}-${title}`}>{text(`controls.section.${title}`)}</h2>
          {title === "drop" && <p class="quiet">{text("controls.keeps")}</p>}
          {groups.map((group) => (
            <Lines key={group.call} api={api} group={group} values={values} rate={rate} tries={tries} />
          ))}
        </section>
      ))}
    </>
  );
}

interface Draft {
  readonly written: string;
  readonly isUnreadable: boolean;
}

type ByName<T> = { readonly [name in Name]?: T };

/** A status that was already under way when something was changed must not bring back the value before. */
const BELIEVED_FOR = 6000;

function Lines({ api, group, ...now }: ParametersProperties & { readonly group: Group }) {
  const texts = useTexts();
  const { text } = texts;
  const root = useRef<HTMLDivElement>(null);
  const [drafts, setDrafts] = useState<ByName<Draft>>({});
  const [faults, setFaults] = useState<ByName<string>>({});
  const [answered, setAnswered] = useState<Changes>({});
  const [running, setRunning] = useState<readonly Name[]>([]);
  const [outcome, setOutcome] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setAnswered({}), BELIEVED_FOR);
    return () => clearTimeout(timer);
  }, [answered]);

  const values: Values = { ...now.values, ...answered };
  const present: Present = { values, rate: now.rate, tries: now.tries, at: Date.now() };
  const readings = new Map(group.names.map((name) => [name, readDraft(name, drafts[name], values)]));
  const changed = group.names.filter((name) => readings.get(name)?.isChanged);

  /** Everything that can be reckoned with: of the other fields, too, for they may belong together. */
  function changesOf(names: readonly Name[]): Changes {
    const entries = names.flatMap((name) => {
      const reading = readings.get(name);
      return reading?.ok && reading.isChanged ? [[name, reading.value] as const] : [];
    });
    return Object.fromEntries(entries);
  }

  function blame(name: Name, fault: string): void {
    setFaults((before) => ({ ...before, [name]: fault }));
    root.current?.querySelector<HTMLElement>(`[data-name="${name}"] input`)?.focus();
  }

  async function apply(names: readonly Name[]): Promise<void> {
    if (running.length > 0 || names.length === 0) return;
    setFaults({});
    setOutcome("");
    const wrong = names.find((name) => readings.get(name)?.ok === false);
    if (wrong !== undefined)
      return blame(wrong, faultText(wrong, faultOf(readings.get(wrong)), values, texts));
    const changes = changesOf(names);
    const conflict = findConflict(values, changes);
    if (conflict !== null)
      return blame(conflict.name, faultText(conflict.name, conflict.fault, values, texts));

    setRunning(names);
    const answer = await api.post<Record<string, unknown>>(`/api/admin/${group.call}`, changes);
    setRunning([]);
    if (!answer.ok) {
      const { problem } = answer;
      const named = group.names.find((name) => name === problem.field);
      return blame(named ?? names[0] ?? group.names[0] ?? "difficulty", sentence(problem, texts));
    }
    setAnswered((before) => ({ ...before, ...changes, ...toldBy(answer.value, group.names) }));
    // What was written meanwhile stays.
    setDrafts((before) => without(before, names, drafts));
    setOutcome(text(resetsPuzzle(group.call) ? "controls.applied.reset" : "controls.applied"));
  }

  return (
    <div class="group" ref={root}>
      {group.names.map((name) => {
        const reading = readings.get(name);
        return (
          <div key={name} data-name={name}>
            <Line
              name={name}
              present={values}
              written={drafts[name]?.written ?? write(name, values[name])}
              fault={faults[name] ?? ""}
              effects={
                reading?.ok
                  ? predict(name, { ...changesOf(group.names), [name]: reading.value }, present)
                  : []
              }
              isChanged={changed.includes(name)}
              isRunning={running.includes(name)}
              change={(written, isUnreadable) => {
                setDrafts((before) => ({ ...before, [name]: { written, isUnreadable } }));
                setFaults(({ [name]: _, ...others }) => others);
                setOutcome("");
              }}
              apply={() => changed.includes(name) && void apply([name])}
            />
          </div>
        );
      })}
      <footer>
        <p role="status">{outcome}</p>
        {changed.length > 1 && (
          <button type="button" onClick={() => void apply(changed)}>
            {text("controls.together", { count: changed.length })}
          </button>
        )}
      </footer>
    </div>
  );
}

type Reading = ReturnType<typeof readDraft>;

function readDraft(name: Name, draft: Draft | undefined, values: Values) {
  if (draft === undefined) return { ok: true, value: values[name], isChanged: false } as const;
  if (draft.isUnreadable) return { ok: false, fault: "instant", isChanged: true } as const;
  const result = read(name, draft.written);
  if (!result.ok) return { ...result, isChanged: true } as const;
  return { ...result, isChanged: !isSame(name, result.value, values[name]) } as const;
}

function faultOf(reading: Reading | undefined): Fault {
  return reading?.ok === false ? reading.fault : "number";
}

/** The answer to a change tells the new values; what is none of ours in it is passed over. */
function toldBy(answer: Readonly<Record<string, unknown>>, names: readonly Name[]): Changes {
  const told = names.map((name) => [name, answer[name]] as const);
  return Object.fromEntries(told.filter(([, value]) => value === null || /number|string/.test(typeof value)));
}

function without(present: ByName<Draft>, names: readonly Name[], sent: ByName<Draft>): ByName<Draft> {
  const kept = { ...present };
  for (const name of names) if (kept[name]?.written === sent[name]?.written) delete kept[name];
  return kept;
}
