import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { cap } from "./build/cap.ts";
import { compress } from "./build/compress.ts";
import { type Licenses, licenses } from "./build/licenses.ts";

const packages: Licenses = new Map();

export default defineConfig({
  base: "/static/",
  // The page is written last, and so is its licenses.txt: with what the workers have put into the map.
  plugins: [preact(), licenses(packages), cap(), compress()],
  worker: { format: "es", plugins: () => [licenses(packages)] },
  build: {
    outDir: "../hashpass/static",
    emptyOutDir: true,
    target: "es2022",
    // A data: URL would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: ["index.html", "generators.html", "admin.html"] },
  },
});
