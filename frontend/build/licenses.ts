import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** The licences found so far, by package. Workers are bundled apart, so the page and they share one. */
export type Licenses = Map<string, string>;

/** In full, once: packages under it bring no more than a notice that points to it, and some not even that. */
const APACHE = readFileSync(new URL("Apache-2.0.txt", import.meta.url), "utf8").trim();

/** Collects the licence of everything that is bundled into `licenses.txt`. A bundled package without one fails. */
export function licenses(packages: Licenses): Plugin {
  return {
    name: "licenses",
    apply: "build",
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === "chunk") chunk.moduleIds.forEach(note);
      }
      const texts = [...packages.keys()].sort().map((name) => packages.get(name));
      if (texts.some((text) => text?.includes("Apache License"))) texts.push(APACHE);
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: texts.join("\n\n") });
    },
  };

  function note(id: string): void {
    const found = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id.replace(/^\0/, ""));
    if (!found?.[1] || !found[2] || packages.has(found[2])) return;
    const [, directory, name] = found;
    const about = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file && about.license !== "Apache-2.0")
      throw new Error(`${name} is bundled and has no licence file`);
    const text = file
      ? readFileSync(join(directory, file), "utf8").trim()
      : "Licensed under the Apache License, Version 2.0, which stands below.";
    packages.set(name, `${name} ${about.version}\n\n${text}`);
  }
}
