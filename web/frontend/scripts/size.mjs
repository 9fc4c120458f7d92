// What each page's scripts weigh on the line (brotli), against their budgets. Ends with 1 when one is over.
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const BUDGETS_BYTES = { main: 6_000, viewer: 900_000, upload: 30_000, call: 30_000, pages: 8_000 };

const manifest = JSON.parse(await readFile(join(DIST, ".vite/manifest.json"), "utf8"));

async function weight(file) {
  for (const name of [`${file}.br`, file]) {
    try {
      return (await stat(join(DIST, name))).size;
    } catch {
      // No sibling: it is too small to be worth one.
    }
  }
  return 0;
}

/** An entry with everything it imports at once, styles included. */
function needed(key, found = new Set()) {
  const part = manifest[key];
  if (!part || found.has(part.file)) return found;
  found.add(part.file);
  for (const style of part.css ?? []) found.add(style);
  for (const next of part.imports ?? []) needed(next, found);
  return found;
}

async function sum(files) {
  const all = await Promise.all([...files].map(weight));
  return all.reduce((total, bytes) => total + bytes, 0);
}

const main = needed("src/main.ts");
const beyondMain = (key) => [...needed(key)].filter((file) => !main.has(file));
const assets = await readdir(join(DIST, "assets"));
const worker = assets.filter((name) => /^decodeImageFrameWorker-.*\.js$/.test(name)).map((name) => `assets/${name}`);
// The heaviest codec an ordinary film needs; JPEG XL (rare) comes by itself when a film asks for it.
const codec = assets.filter((name) => /^openjphjs-.*\.wasm$/.test(name)).map((name) => `assets/${name}`);

const rows = [
  ["main (every page)", await sum(main), BUDGETS_BYTES.main],
  [
    "viewer, first load: scripts, worker, one codec",
    await sum([...beyondMain("src/viewer/index.ts"), ...worker, ...codec]),
    BUDGETS_BYTES.viewer,
  ],
  [
    "call, before and in it",
    await sum(new Set([...beyondMain("src/call/index.ts"), ...beyondMain("src/call/incall.ts")])),
    BUDGETS_BYTES.call,
  ],
  ["upload", await sum(beyondMain("src/upload/index.ts")), BUDGETS_BYTES.upload],
];
for (const key of Object.keys(manifest).filter((name) => name.startsWith("src/pages/")))
  rows.push([key.replace(/^src\/|\.ts$/g, ""), await sum(beyondMain(key)), BUDGETS_BYTES.pages]);

let over = false;
for (const [name, bytes, budget] of rows) {
  over ||= bytes > budget;
  console.log(
    `${String(bytes).padStart(8)} of ${String(budget).padStart(7)} bytes  ${bytes > budget ? "OVER " : "     "}${name}`,
  );
}
process.exitCode = over ? 1 : 0;
