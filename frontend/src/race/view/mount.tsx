import { render } from "preact";
import { chooseLanguage, keptLanguage } from "../../i18n/languages.ts";
import { ENGLISH, loadTexts } from "../../i18n/load.ts";
import { announceLanguage, Speaking } from "../../i18n/speech.tsx";
import type { Game } from "../state.ts";
import { Page } from "./page.tsx";
import "../../design/tokens.css";
import "../../design/base.css";
import "../../design/controls.css";
import "./race.css";

/** Shows a game. Waits for the visitor's language first: words that change under the eye are worse than a blank moment. */
export async function mount(root: Element, game: Game): Promise<void> {
  const language = chooseLanguage(keptLanguage(), navigator.languages);
  const texts = await loadTexts(language).catch(() => ENGLISH);
  announceLanguage(texts);
  render(
    <Speaking texts={texts}>
      <Page game={game} />
    </Speaking>,
    root,
  );
}
