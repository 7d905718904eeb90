import { createWords } from "./load.ts";
import type { Dictionary } from "./texts.ts";
import english from "./workshop/en.json";

const FILES = import.meta.glob<Dictionary>(["./workshop/*.json", "!./workshop/en.json"], {
  import: "default",
});

export const WORKSHOP_WORDS = createWords(english, FILES);
