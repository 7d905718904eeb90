import { useEffect, useRef, useState } from "preact/hooks";
import { useTexts } from "../i18n/speech.tsx";
import { Icon } from "./icons.tsx";

type Outcome = "copied" | "selected" | null;

interface CopyProperties {
  readonly value: string;
  /** The element that shows the value, to be selected where the clipboard is out of reach. */
  readonly shownIn: () => Element | null;
  readonly first?: boolean;
  /** What the button says, where "Copy" would not tell what. */
  readonly label?: string;
}

const SHOWN_FOR = 2500;

/** Copies a value and says so. Without a clipboard (plain http, an old browser) it selects the value instead. */
export function Copy({ value, shownIn, first = false, label }: CopyProperties) {
  const { text } = useTexts();
  const [outcome, setOutcome] = useState<Outcome>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    // What was said of another value does not hold for this one.
    setOutcome(null);
    return () => clearTimeout(timer.current);
  }, [value]);

  async function copy(): Promise<void> {
    const copied = await write(value);
    if (!copied) select(shownIn());
    setOutcome(copied ? "copied" : "selected");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setOutcome(null), SHOWN_FOR);
  }

  const said = outcome === "copied" ? text("copy.done") : outcome === "selected" ? text("copy.select") : "";
  return (
    <>
      <button type="button" class={first ? "copy first" : "copy"} onClick={() => void copy()}>
        <Icon name={outcome === "copied" ? "done" : "copy"} />
        {said || (label ?? text("copy.do"))}
      </button>
      <span class="aloud" role="status">
        {said}
      </span>
    </>
  );
}

async function write(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    // Not a secure page, or not allowed.
    return false;
  }
}

function select(element: Element | null): void {
  const selection = getSelection();
  if (element === null || selection === null) return;
  const range = document.createRange();
  range.selectNodeContents(element);
  selection.removeAllRanges();
  selection.addRange(range);
}
