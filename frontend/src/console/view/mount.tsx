import { render } from "preact";
import { CONSOLE_WORDS } from "../../i18n/console.ts";
import { findTexts, Speaking } from "../../i18n/speech.tsx";
import type { Desk } from "../desk.ts";
import { Console } from "./console.tsx";
import "../../design/tokens.css";
import "../../design/base.css";
import "../../design/controls.css";
import "../../design/page.css";
import "./console.css";
import "./table.css";
import "./now.css";

/** Shows a desk, in the operator's language. */
export async function mount(root: Element, desk: Desk): Promise<void> {
  const texts = await findTexts(CONSOLE_WORDS);
  render(
    <Speaking words={CONSOLE_WORDS} texts={texts}>
      <Console desk={desk} />
    </Speaking>,
    root,
  );
}
