// Builds the pages into dist/, which the service serves: the pages at / and /embed, all else under web/.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: "es2022",
    // MapLibre is one megabyte, and needed as a whole.
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
    rollupOptions: { input: ["index.html", "embed.html"] },
  },
  experimental: {
    // Pages lie one step above web/, and nothing knows the path under which a proxy serves them.
    renderBuiltUrl: (filename, { hostType }) => (hostType === "html" ? `web/${filename}` : { relative: true }),
  },
});
