/** src/ -> dist/, or another folder: two scripts, one style sheet, the page, the service worker, and ONNX Runtime's engine. */
import { build } from "esbuild";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";

const OUT = process.argv[2] ?? "dist";

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT);
await build({
  entryPoints: { app: "src/main.tsx", worker: "src/worker.ts" },
  outdir: OUT,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
});
const views = (await readdir("src/views")).filter((name) => name.endsWith(".css")).sort();
const sheets = await Promise.all(["src/style.css", ...views.map((name) => `src/views/${name}`)].map((file) => readFile(file, "utf8")));
const css = await build({ stdin: { contents: sheets.join("\n"), loader: "css" }, minify: true, write: false });
await writeFile(`${OUT}/style.css`, css.outputFiles[0].contents);
await cp("src/index.html", `${OUT}/index.html`);
await cp("src/icon.svg", `${OUT}/icon.svg`);
await cp("src/sw.js", `${OUT}/sw.js`);
await cp("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", `${OUT}/engine.wasm`);
