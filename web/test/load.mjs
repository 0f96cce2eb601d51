/** A TypeScript module of the page, for a test: await load("model/overlap.ts"). */
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

export async function load(name) {
  const file = fileURLToPath(new URL(`../src/${name}`, import.meta.url));
  const made = await build({ entryPoints: [file], bundle: true, write: false, format: "esm", target: "es2022" });
  return import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].contents).toString("base64")}`);
}
