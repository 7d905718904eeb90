import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);
const WIDGET = require.resolve("@cap.js/widget/cap.min.js");
const FLOATING = require.resolve("@cap.js/widget/cap-floating.min.js");
const WASM = require.resolve("@cap.js/wasm/browser/cap_wasm_bg.wasm");

/** Left to itself the widget fetches its WASM from a CDN. Beside it, in this folder, is the one that it wants. */
const PRELUDE = `/* Cap's widget (Apache-2.0, see ../licenses.txt). HashPass has added the next line, and nothing else. */
window.CAP_CUSTOM_WASM_URL ||= new URL("cap_wasm_bg.wasm", document.currentScript.src).href;
`;

/** Puts the captcha's widget under addresses that stay the same, for pages of other sites, and says in `csp.json` what
 * its style sheet needs of a content security policy. */
export function cap(): Plugin {
  return {
    name: "cap",
    apply: "build",
    generateBundle() {
      const widget = readFileSync(WIDGET, "utf8");
      const files = {
        "cap/cap.min.js": widget,
        "cap/cap-floating.min.js": readFileSync(FLOATING),
        "cap/cap_wasm_bg.wasm": readFileSync(WASM),
        "cap/widget.js": PRELUDE + widget,
        "csp.json": `${JSON.stringify({ style_src: [hashOf(styleSheet(widget))] })}\n`,
      };
      for (const [fileName, source] of Object.entries(files))
        this.emitFile({ type: "asset", fileName, source });
    },
  };
}

/** What the widget writes between <style> and </style>. */
function styleSheet(script: string): string {
  const found = [...script.matchAll(/<style\$\{[^>]*\}>([^<]*)<\/style>`/g)];
  const [style] = found;
  // A template with an escape or a value in it would be another text when it runs.
  if (found.length !== 1 || !style?.[1] || /[\\]|\$\{/.test(style[1]))
    throw new Error("The style sheet in Cap's widget is not where it was. See build/cap.ts.");
  return style[1];
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
