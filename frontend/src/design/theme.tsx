/** Light, dark, or as the system says. `public/theme.js` applies the kept choice before the first paint. */

import { useState } from "preact/hooks";
import { useTexts } from "../i18n/speech.tsx";
import { Icon } from "./icons.tsx";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT_AS = "hashpass.theme";

export function presentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function setTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, theme);
  } catch {
    // Forbidden: the choice lasts as long as the page.
  }
}

/** Goes round the three; its name says which one it is at. */
export function ThemeButton() {
  const { text } = useTexts();
  const [theme, show] = useState(presentTheme);
  const name = text(`theme.${theme}`);

  function turn(): void {
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    setTheme(next);
    show(next);
  }

  return (
    <button type="button" class="plain" aria-label={name} title={name} onClick={turn}>
      <Icon name={theme} />
    </button>
  );
}
