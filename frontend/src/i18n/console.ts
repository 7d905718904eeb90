import english from "./console/en.json";
import { createWords } from "./load.ts";
import type { Dictionary } from "./texts.ts";

const FILES = import.meta.glob<Dictionary>(["./console/*.json", "!./console/en.json"], { import: "default" });

export const CONSOLE_WORDS = createWords(english, FILES);
