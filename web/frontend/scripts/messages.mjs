// Writes src/messages.ts: every msgid the scripts use, by part. Run after adding a t("…"); a test says when it was forgotten.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SRC = join(import.meta.dirname, "../src/");
const CALL = /\bt\(\s*("(?:[^"\\]|\\.)*")/g;

export async function collect() {
  const parts = {
    call: new Set(),
    check: new Set(),
    pages: new Set(),
    showing: new Set(),
    upload: new Set(),
    viewer: new Set(),
  };
  for (const entry of await readdir(SRC, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name === "messages.ts") continue;
    const path = join(entry.parentPath, entry.name);
    const room = path.slice(SRC.length).split(/[\\/]/)[0];
    const part = parts[room] ?? parts.pages;
    for (const [, literal] of (await readFile(path, "utf8")).matchAll(CALL)) part.add(JSON.parse(literal));
  }
  return parts;
}

export function source(parts) {
  const lines = [
    '/** Every msgid the scripts use. Written by `npm run messages`; extracted for the catalogues by the pattern `t("…")`. */',
    "",
    "const t = <M extends string>(msgid: M): M => msgid;",
    "",
    "export const MESSAGES = {",
  ];
  for (const [part, ids] of Object.entries(parts)) {
    lines.push(`  ${part}: [`, ...[...ids].sort().map((id) => `    t(${JSON.stringify(id)}),`), "  ],");
  }
  lines.push(
    "} as const;",
    "",
    "type Part = keyof typeof MESSAGES;",
    "export type Msgid = (typeof MESSAGES)[Part][number];",
    "",
  );
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(join(SRC, "messages.ts"), source(await collect()));
