import { render } from "preact";
import { RACE_WORDS } from "../../i18n/race.ts";
import { findTexts, Speaking } from "../../i18n/speech.tsx";
import type { Game } from "../state.ts";
import { Page } from "./page.tsx";
import "../../design/tokens.css";
import "../../design/base.css";
import "../../design/controls.css";
import "../../design/page.css";
import "./race.css";

/** Shows a game, in the visitor's language. */
export async function mount(root: Element, game: Game): Promise<void> {
  const texts = await findTexts(RACE_WORDS);
  render(
    <Speaking words={RACE_WORDS} texts={texts}>
      <Page game={game} />
    </Speaking>,
    root,
  );
}
