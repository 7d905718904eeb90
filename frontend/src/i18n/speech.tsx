/** The page's present language, for every component below, and how to change it. */

import { type ComponentChildren, createContext } from "preact";
import { useContext, useMemo, useState } from "preact/hooks";
import { chooseLanguage, keepLanguage, keptLanguage, type Language } from "./languages.ts";
import type { Words } from "./load.ts";
import type { Texts } from "./texts.ts";

interface Speech {
  readonly texts: Texts;
  choose(language: Language): void;
}

const Context = createContext<Speech | null>(null);

export function useTexts(): Texts {
  return useSpeech().texts;
}

export function useSpeech(): Speech {
  const speech = useContext(Context);
  if (speech === null) throw new Error("Words are spoken inside Speaking only.");
  return speech;
}

export function Speaking(properties: {
  readonly words: Words;
  readonly texts: Texts;
  readonly children: ComponentChildren;
}) {
  const { words } = properties;
  const [texts, setTexts] = useState(properties.texts);
  const [failures, setFailures] = useState(0);
  const speech = useMemo<Speech>(() => {
    let wanted: Language | null = null;
    return {
      texts,
      choose(language) {
        wanted = language;
        keepLanguage(language);
        words.load(language).then(
          (loaded) => {
            // An earlier choice whose file came late must not win.
            if (wanted !== language) return;
            announceLanguage(loaded);
            setTexts(loaded);
          },
          // Offline: the language stays, the choice is kept for the next visit, and the select says so again.
          () => setFailures((before) => before + 1),
        );
      },
    };
  }, [words, texts, failures]);
  return <Context.Provider value={speech}>{properties.children}</Context.Provider>;
}

/** The words a visitor reads. Waits for them: words that change under the eye are worse than a blank moment. */
export async function findTexts(words: Words): Promise<Texts> {
  const language = chooseLanguage(keptLanguage(), navigator.languages);
  const texts = await words.load(language).catch(() => words.english);
  announceLanguage(texts);
  return texts;
}

/** Fonts, hyphens, screen readers and the page's direction follow these two attributes. */
export function announceLanguage(texts: Texts): void {
  document.documentElement.lang = texts.language;
  document.documentElement.dir = texts.direction;
}
