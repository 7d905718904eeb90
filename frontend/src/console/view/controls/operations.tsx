/** What is done once and cannot be undone. Each asks first, and says what will happen with the numbers of the moment. */

import { useId, useRef, useState } from "preact/hooks";
import { useTexts } from "../../../i18n/speech.tsx";
import type { AdminApi, Answer } from "../../api.ts";
import type { LogStats, Status } from "../../types.ts";
import { useConfirm } from "../confirm.tsx";

const PATHS = {
  reset: "/api/admin/reset-puzzle",
  kick: "/api/admin/kick-all",
  clear: "/api/admin/clear-sessions",
  webhooks: "/api/admin/webhooks/retry",
  receipts: "/api/admin/receipt-key",
  codes: "/api/admin/regenerate-hmac",
} as const;

type Operation = keyof typeof PATHS;

const OPERATIONS = Object.keys(PATHS) as readonly Operation[];

/** They ask all the same: they reach beyond this page. */
const HARMLESS: ReadonlySet<Operation> = new Set(["webhooks", "receipts"]);

export function Operations({ api, status }: { readonly api: AdminApi; readonly status: Status }) {
  const { text, number } = useTexts();
  const id = useId();
  const { ask, dialog } = useConfirm();
  const typed = useRef("");
  const [done, setDone] = useState<Operation | null>(null);
  const undelivered = (status.webhooks?.pending ?? 0) + (status.webhooks?.failed ?? 0);

  /** What will happen, in words. */
  async function consequence(operation: Operation): Promise<string> {
    switch (operation) {
      case "reset":
        return text("controls.do.reset.ask", { count: status.active_miners });
      case "kick":
        return text("controls.do.kick.ask", {
          count: status.online_connections,
          sessions: number(status.session_count),
        });
      case "clear":
        return text("controls.do.clear.ask", { count: status.session_count });
      case "webhooks":
        return text("controls.do.webhooks.ask", { count: undelivered });
      case "receipts":
        return text("controls.do.receipts.ask");
      case "codes": {
        const stats = await api.get<LogStats>("/api/admin/logs/stats");
        return stats.ok
          ? text("controls.do.codes.ask", { count: stats.value.total_codes })
          : text("controls.do.codes.ask-all");
      }
    }
  }

  async function prepare(operation: Operation): Promise<void> {
    setDone(null);
    typed.current = "";
    const word = operation === "codes" ? text("controls.word") : null;
    const words = await consequence(operation);
    ask({
      title: text(`controls.do.${operation}`),
      text: (
        <>
          <p>{words}</p>
          {word !== null && <TypeWord word={word} typed={typed} />}
        </>
      ),
      label: text(`controls.do.${operation}.go`),
      async run(): Promise<Answer<unknown>> {
        if (
          word !== null &&
          typed.current.normalize().trim().toLocaleLowerCase() !== word.toLocaleLowerCase()
        ) {
          return {
            ok: false,
            problem: { status: 400, title: "", detail: text("controls.word.wrong", { word }) },
          };
        }
        const answer = await api.post(PATHS[operation]);
        if (answer.ok) setDone(operation);
        return answer;
      },
    });
  }

  return (
    <section class="operations" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{text("controls.operations")}</h2>
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without bullets for no list. */}
      <ul role="list">
        {OPERATIONS.map((operation) => {
          const isUseless = operation === "webhooks" && undelivered === 0;
          return (
            <li key={operation}>
              <div>
                <h3>{text(`controls.do.${operation}`)}</h3>
                <p>
                  {operation === "webhooks"
                    ? text("controls.do.webhooks.text", { count: undelivered })
                    : text(`controls.do.${operation}.text`)}
                </p>
                <p class="outcome" role="status">
                  {done === operation && text("controls.done")}
                </p>
              </div>
              <button
                type="button"
                class={HARMLESS.has(operation) ? undefined : "danger"}
                aria-disabled={isUseless}
                onClick={() => !isUseless && void prepare(operation)}
              >
                {text(`controls.do.${operation}.go`)} …
              </button>
            </li>
          );
        })}
      </ul>
      {dialog}
    </section>
  );
}

/** What is typed by hand is not clicked by mistake. */
function TypeWord({ word, typed }: { readonly word: string; readonly typed: { current: string } }) {
  const { text } = useTexts();
  const id = useId();
  return (
    <p class="type-word">
      <label for={id}>{text("controls.word.type", { word })}</label>
      <input
        id={id}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={({ currentTarget }) => {
          typed.current = currentTarget.value;
        }}
      />
    </p>
  );
}
