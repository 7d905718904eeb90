/** Which languages there are, and which one a visitor gets. */

export const LANGUAGES = {
  ar: "العربية",
  ca: "Català",
  de: "Deutsch",
  en: "English",
  es: "Español",
  eu: "Euskara",
  fr: "Français",
  gl: "Galego",
  hi: "हिन्दी",
  ja: "日本語",
  pt: "Português",
  ru: "Русский",
  zh: "中文",
} as const;

export type Language = keyof typeof LANGUAGES;

export type Direction = "ltr" | "rtl";

const KEPT_AS = "hashpass.language";

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && Object.hasOwn(LANGUAGES, value);
}

export function directionOf(language: Language): Direction {
  return language === "ar" ? "rtl" : "ltr";
}

/** The visitor's own choice, else the first of the browser's languages that we speak, else English. */
export function chooseLanguage(kept: string | null, wanted: readonly string[]): Language {
  if (isLanguage(kept)) return kept;
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split("-")[0];
    if (isLanguage(primary)) return primary;
  }
  return "en";
}

/** Storage can be forbidden; then the choice lasts as long as the page. */
export function keptLanguage(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

export function keepLanguage(language: Language): void {
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    // Forbidden or full.
  }
}
