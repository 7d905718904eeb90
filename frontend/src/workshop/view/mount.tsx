import { render } from "preact";
import { findTexts, Speaking } from "../../i18n/speech.tsx";
import { WORKSHOP_WORDS } from "../../i18n/workshop.ts";
import type { Workshop } from "../workshop.ts";
import { Page } from "./page.tsx";
import "../../design/tokens.css";
import "../../design/base.css";
import "../../design/controls.css";
import "../../design/page.css";
import "./workshop.css";

export async function mount(root: Element, workshop: Workshop): Promise<void> {
  const texts = await findTexts(WORKSHOP_WORDS);
  render(
    <Speaking words={WORKSHOP_WORDS} texts={texts}>
      <Page workshop={workshop} />
    </Speaking>,
    root,
  );
}
