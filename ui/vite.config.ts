import { defineConfig } from "vitest/config";

// `runstone ui` at its default address: what `npm run dev` asks for data.
const SERVER = "http://127.0.0.1:5000";

export default defineConfig({
  // Relative to <base href>, which the server fills in: the same files serve every --static-prefix.
  base: "./",
  build: {
    outDir: "../src/runstone/server/static",
    emptyOutDir: true,
    target: "es2022",
    // Scripts and styles come from files alone: the Content-Security-Policy knows no data: URL of either.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { entryFileNames: "assets/[name]-[hash].js" } },
  },
  server: { proxy: { "/api": SERVER, "/get-artifact": SERVER } },
  test: { include: ["test/**/*.test.ts"] },
});
