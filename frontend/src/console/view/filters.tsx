/** By what a log is searched. Every field says what it is for in words. */

import { useId } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import "./fields.css";

/** The longest that the server reads. */
const LONGEST_SEARCH = 200;

interface FieldProperties {
  readonly label: string;
  readonly value: string;
  readonly change: (value: string) => void;
}

export function Search({ label, value, change }: FieldProperties) {
  const id = useId();
  return (
    <p class="search">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        value={value}
        maxLength={LONGEST_SEARCH}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
    </p>
  );
}

export type Option = readonly [value: string, label: string];

export function Choice({
  label,
  value,
  change,
  options,
}: FieldProperties & { readonly options: readonly Option[] }) {
  const id = useId();
  return (
    <p>
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => change(currentTarget.value)}>
        {options.map(([one, name]) => (
          <option key={one} value={one}>
            {name}
          </option>
        ))}
      </select>
    </p>
  );
}

/** One file of a log, or all of them. One that is gone in the meantime stays chosen, and the server says so. */
export function FileChoice({
  value,
  change,
  files,
}: Omit<FieldProperties, "label"> & { readonly files: readonly string[] }) {
  const { text } = useTexts();
  const names = value === "" || files.includes(value) ? files : [value, ...files];
  const options = names.map((name): Option => [name, name]);
  return (
    <Choice
      label={text("logs.file")}
      value={value}
      change={change}
      options={[["", text("logs.file.all")], ...options]}
    />
  );
}
