// Bundles the console's scripts and styles into static/dist/ and writes the manifest that the pages read their names from.
import { build, context } from "esbuild";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

const OUT = "static/dist";

/** Writes manifest.json: source entry name -> built file name with its content hash. */
const manifest = {
  name: "manifest",
  setup(plugin) {
    plugin.onEnd(async (result) => {
      if (result.errors.length > 0 || !result.metafile) return;
      const names = {};
      for (const [file, output] of Object.entries(result.metafile.outputs)) {
        if (output.entryPoint) names[path.basename(output.entryPoint)] = path.basename(file);
      }
      await writeFile(path.join(OUT, "manifest.json"), JSON.stringify(names, null, 1) + "\n");
    });
  },
};

const options = {
  entryPoints: ["src/console.ts", "src/console.css"],
  outdir: OUT,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  splitting: true,
  minify: true,
  sourcemap: true,
  target: ["chrome100", "firefox100", "safari15.4"],
  metafile: true,
  logLevel: "warning",
  plugins: [manifest],
};

await rm(OUT, { recursive: true, force: true });
await mkdir(path.join(OUT, "fonts"), { recursive: true });
for (const weight of [400, 700]) {
  // for the reports, which are made at the server
  const font = `noto-sans-sc-chinese-simplified-${weight}-normal.woff2`;
  await copyFile(path.join("node_modules/@fontsource/noto-sans-sc/files", font), path.join(OUT, "fonts", font));
}
if (process.argv.includes("--watch")) {
  const watcher = await context(options);
  await watcher.watch();
} else {
  await build(options);
}
