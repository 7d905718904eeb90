import { createWords } from "./load.ts";
import english from "./race/en.json";
import type { Dictionary } from "./texts.ts";

const FILES = import.meta.glob<Dictionary>(["./race/*.json", "!./race/en.json"], { import: "default" });

export const RACE_WORDS = createWords(english, FILES);
