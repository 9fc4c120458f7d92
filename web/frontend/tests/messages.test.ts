import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
// @ts-expect-error: a build script without types
import { collect, source } from "../scripts/messages.mjs";

it("src/messages.ts lists every msgid the scripts use (npm run messages)", async () => {
  const squeeze = (text: string): string => text.replace(/\s+/g, "").replace(/,([\]}])/g, "$1");
  // eslint-disable-next-line @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument
  expect(squeeze(await readFile("src/messages.ts", "utf8"))).toBe(squeeze(source(await collect())));
});
