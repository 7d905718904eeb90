/** Fetches one language's words when they are wanted. English is built in, so that there are always some. */

import en from "./en.json";
import type { Language } from "./languages.ts";
import { createTexts, type Dictionary, type Texts } from "./texts.ts";

const FILES = import.meta.glob<Dictionary>(["./*.json", "!./en.json"], { import: "default" });

export const ENGLISH = createTexts("en", en);

/** Rejects when the file cannot be fetched. */
export async function loadTexts(language: Language): Promise<Texts> {
  if (language === "en") return ENGLISH;
  const load = FILES[`./${language}.json`];
  if (load === undefined) throw new Error(`There are no words for ${language}.`);
  return createTexts(language, await load());
}
