// Builds the page of wadouri.ts into LOADER_OUT, with the aliases and mends of the real pages.
import { env } from "node:process";
import { fileURLToPath, URL } from "node:url";
import base from "../../vite.config.mjs";

export default {
  ...base,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  plugins: base.plugins.filter(
    (plugin) => plugin.name !== "teleconsult:no-style-attributes" && !/compress/.test(plugin.name),
  ),
  build: {
    ...base.build,
    outDir: env.LOADER_OUT,
    rolldownOptions: { input: { wadouri: fileURLToPath(new URL("wadouri.ts", import.meta.url)) } },
  },
};
