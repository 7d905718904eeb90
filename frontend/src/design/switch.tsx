import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface SwitchProperties {
  readonly on: boolean;
  readonly change: (on: boolean) => void;
  readonly label: string;
  readonly children?: ComponentChildren;
}

/** A setting that works at once. What stands below its label describes it. */
export function Switch({ on, change, label, children }: SwitchProperties) {
  const id = useId();
  return (
    <div class="switch">
      <input
        type="checkbox"
        // biome-ignore lint/a11y/useAriaPropsForRole: a check box says by itself whether it is checked.
        role="switch"
        id={id}
        checked={on}
        aria-describedby={`${id}-hint`}
        onChange={(event) => change(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      <small id={`${id}-hint`}>{children}</small>
    </div>
  );
}
