import { isLanguage, LANGUAGES } from "../i18n/languages.ts";
import { useSpeech } from "../i18n/speech.tsx";

/** Every language under its own name. */
export function LanguageSelect() {
  const { texts, choose } = useSpeech();
  return (
    <select
      class="language"
      aria-label={texts.text("language.label")}
      value={texts.language}
      onChange={({ currentTarget: { value } }) => isLanguage(value) && choose(value)}
    >
      {Object.entries(LANGUAGES).map(([language, name]) => (
        <option key={language} value={language} lang={language}>
          {name}
        </option>
      ))}
    </select>
  );
}
