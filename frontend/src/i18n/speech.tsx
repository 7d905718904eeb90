/** The page's present language, for every component below, and how to change it. */

import { type ComponentChildren, createContext } from "preact";
import { useContext, useMemo, useState } from "preact/hooks";
import { keepLanguage, type Language } from "./languages.ts";
import { ENGLISH, loadTexts } from "./load.ts";
import type { Texts } from "./texts.ts";

interface Speech {
  readonly texts: Texts;
  choose(language: Language): void;
}

const Context = createContext<Speech>({ texts: ENGLISH, choose() {} });

export function useTexts(): Texts {
  return useContext(Context).texts;
}

export function useSpeech(): Speech {
  return useContext(Context);
}

export function Speaking(properties: { readonly texts: Texts; readonly children: ComponentChildren }) {
  const [texts, setTexts] = useState(properties.texts);
  const [failures, setFailures] = useState(0);
  const speech = useMemo<Speech>(() => {
    let wanted: Language | null = null;
    return {
      texts,
      choose(language) {
        wanted = language;
        keepLanguage(language);
        loadTexts(language).then(
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
  }, [texts, failures]);
  return <Context.Provider value={speech}>{properties.children}</Context.Provider>;
}

/** Fonts, hyphens, screen readers and the page's direction follow these two attributes. */
export function announceLanguage(texts: Texts): void {
  document.documentElement.lang = texts.language;
  document.documentElement.dir = texts.direction;
}
