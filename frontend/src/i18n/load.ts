/** Fetches one language's words when they are wanted. A page has English built in, so that there are always some. */

import type { Language } from "./languages.ts";
import english from "./shared/en.json";
import { createTexts, type Dictionary, type Texts } from "./texts.ts";

type Files = Readonly<Record<string, () => Promise<Dictionary>>>;

const SHARED: Files = import.meta.glob<Dictionary>(["./shared/*.json", "!./shared/en.json"], {
  import: "default",
});

/** What one page can say. */
export interface Words {
  readonly english: Texts;
  /** Rejects when a file cannot be fetched. */
  load(language: Language): Promise<Texts>;
}

/** From a page's own English and the files of its other languages. */
export function createWords(own: Dictionary, files: Files): Words {
  const inEnglish = createTexts("en", { ...english, ...own });
  return {
    english: inEnglish,
    async load(language) {
      if (language === "en") return inEnglish;
      const [shared, rest] = await Promise.all([fetchOne(SHARED, language), fetchOne(files, language)]);
      return createTexts(language, { ...shared, ...rest });
    },
  };
}

async function fetchOne(files: Files, language: Language): Promise<Dictionary> {
  const load = Object.entries(files).find(([path]) => path.endsWith(`/${language}.json`))?.[1];
  if (load === undefined) throw new Error(`There are no words for ${language}.`);
  return await load();
}
