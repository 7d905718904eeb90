import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const WORTH_IT = /\.(?:html|js|css|json|svg|wasm|txt)$/;

/** Puts a `.br` and a `.gz` beside every file that gains by it, so that the server compresses nothing. */
export function compress(): Plugin {
  let directory = "";
  return {
    name: "compress",
    apply: "build",
    configResolved(config) {
      directory = config.build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !WORTH_IT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const content = readFileSync(path);
        const size = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
        write(`${path}.br`, brotliCompressSync(content, { params: size }), content.length);
        write(`${path}.gz`, gzipSync(content, { level: 9 }), content.length);
      }
    },
  };
}

function write(path: string, compressed: Buffer, plain: number): void {
  if (compressed.length < plain * 0.95) writeFileSync(path, compressed);
}
