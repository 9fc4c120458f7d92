// Builds web/dist: hashed names, Vite's manifest, and brotli and gzip siblings of every asset.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { compressed } from "./scripts/compressed.mjs";
import { noStyleAttributes, noWebGPU } from "./scripts/patches.mjs";

const standIn = (name) => fileURLToPath(new URL(`scripts/${name}.mjs`, import.meta.url));

export default defineConfig({
  // Addresses are relative to the script, so the server may serve web/dist under any path.
  base: "./",
  resolve: {
    alias: {
      // vtk.js -> xmlbuilder2 -> Node's "events", which Vite would replace by an empty module: the build passes and the page
      // dies with "Class extends value undefined". The trailing slash names the npm package.
      events: "events/",
      xmlbuilder2: standIn("no-xml"),
      fs: standIn("nothing"),
      path: standIn("nothing"),
      url: standIn("nothing"),
    },
  },
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../dist", import.meta.url)),
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    // Fonts, icons and workers stay files: the content security policy knows no data: scripts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { main: "src/main.ts" } },
  },
  plugins: [noStyleAttributes(), noWebGPU(), compressed()],
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
