/** What an operator changes while the race runs. Every line says what its change will do before it is made. */

import { useTexts } from "../../i18n/speech.tsx";
import { NAMES, type Name, type Value, type Values } from "../controls/parameters.ts";
import type { Status } from "../types.ts";
import { Operations } from "./controls/operations.tsx";
import { Parameters } from "./controls/parameters.tsx";
import type { ViewProperties } from "./views.ts";
import "./fields.css";
import "./controls.css";

export function ControlsView({ api, status }: ViewProperties) {
  const { text } = useTexts();
  if (status === null) return <p class="empty">{text("controls.waiting")}</p>;
  return (
    <div class="controls">
      <Parameters
        api={api}
        values={valuesOf(status)}
        rate={status.total_hashrate}
        tries={2 ** status.parameters.exact_difficulty}
      />
      <Operations api={api} status={status} />
    </div>
  );
}

/** A value that the server does not tell is off. */
export function valuesOf({ parameters, drop }: Status): Values {
  const told: { readonly [name in Name]?: Value | undefined } = { ...drop, ...parameters };
  const entries = NAMES.map((name) => [name, told[name] ?? (name.endsWith("_at") ? null : 0)] as const);
  return Object.fromEntries(entries) as Record<Name, Value>;
}
