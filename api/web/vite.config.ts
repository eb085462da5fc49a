// Builds the pages into dist/, which the service serves: the pages at /, /embed and the desks, all else under web/.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const PACKED_FROM = 1024;

/** Puts packed twins beside what is worth packing; the service sends them as they are. */
function packed(): Plugin {
  return {
    name: "gridmap-packed",
    apply: "build",
    writeBundle({ dir }) {
      for (const name of readdirSync(dir!, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|mjs|css|svg)$/.test(name)) continue;
        const path = join(dir!, name), content = readFileSync(path);
        if (content.length < PACKED_FROM) continue;
        const quality = { [constants.BROTLI_PARAM_QUALITY]: 10 };
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: quality }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [packed()],
  build: {
    target: "es2022",
    // MapLibre is one megabyte, and needed as a whole.
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        index: "index.html",
        dispatcher: "dispatcher.html",
        planner: "planner.html",
        dashboard: "dashboard.html",
        admin: "admin.html",
        embed: "embed.html",
        offline: "src/offline.ts",
      },
      // What works offline is served at a fixed address above web/, so that it may answer for the pages.
      output: { entryFileNames: ({ name }) => (name === "offline" ? "offline.js" : "assets/[name]-[hash].js") },
    },
  },
  experimental: {
    // Pages lie one step above web/, and nothing knows the path under which a proxy serves them.
    renderBuiltUrl: (filename, { hostType }) => (hostType === "html" ? `web/${filename}` : { relative: true }),
  },
});
