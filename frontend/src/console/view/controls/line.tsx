import { useId } from "preact/hooks";
import { useTexts } from "../../../i18n/speech.tsx";
import { type Name, PARAMETERS, type Value, type Values } from "../../controls/parameters.ts";
import type { Effect } from "../../controls/predict.ts";
import { effectText, rangeText, unitOf, valueText } from "./words.ts";

interface LineProperties {
  readonly name: Name;
  readonly present: Values;
  /** What stands in the field. */
  readonly written: string;
  /** A whole sentence; empty where nothing is wrong. */
  readonly fault: string;
  readonly effects: readonly Effect[];
  readonly isChanged: boolean;
  readonly isRunning: boolean;
  readonly change: (written: string, isUnreadable: boolean) => void;
  readonly apply: () => void;
}

/** One parameter: what it is, what it may be, and what a change will do. */
export function Line(properties: LineProperties) {
  const { name, present, written, fault, effects, isChanged, isRunning } = properties;
  const texts = useTexts();
  const { text } = texts;
  const id = useId();
  const title = text(`controls.${name}`);
  const { kind } = PARAMETERS[name];
  const value: Value = present[name];

  return (
    <form
      class={isChanged ? "parameter changed" : "parameter"}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isRunning) properties.apply();
      }}
    >
      <div class="about">
        <label for={id}>{title}</label>
        <p class="present">
          {text("controls.now")} <span class="measure">{valueText(name, value, texts)}</span>
        </p>
      </div>
      <div class="value">
        <div class="with-unit">
          <input
            id={id}
            class="figure"
            type={kind === "instant" ? "datetime-local" : "text"}
            inputMode={kind === "whole" ? "numeric" : kind === "decimal" ? "decimal" : undefined}
            value={written}
            autocomplete="off"
            aria-invalid={fault !== ""}
            aria-describedby={`${id}-range ${id}-fault ${id}-effect`}
            onInput={({ currentTarget }) => {
              // A date that is filled in by half has no value at all, which would pass for "off".
              properties.change(currentTarget.value, currentTarget.validity.badInput);
            }}
          />
          <span aria-hidden="true">{unitOf(name, texts)}</span>
        </div>
        <small id={`${id}-range`}>
          {rangeText(name, present, texts)} <span class="aloud">{unitOf(name, texts)}</span>
        </small>
        <p id={`${id}-fault`} class="fault" role="alert">
          {fault}
        </p>
      </div>
      <p id={`${id}-effect`} class="effect">
        {effects.map((effect) => effectText(effect, texts)).join(" ")}
      </p>
      <button type="submit" aria-disabled={!isChanged || isRunning}>
        {text(isRunning ? "controls.applying" : "controls.apply")}
        <span class="aloud">: {title}</span>
      </button>
    </form>
  );
}
