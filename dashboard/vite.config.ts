import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the API; the built dashboard is served by the API's own origin. */
const API_ORIGIN = process.env.API_ORIGIN ?? "http://127.0.0.1:8080";

export default defineConfig({
  // Relative addresses: the same files work at the root of a server and under a path of a bucket.
  base: "./",
  build: {
    target: "es2022",
    // A data: address would need a wider content security policy than 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": API_ORIGIN } },
  test: { include: ["src/**/*.test.ts"] },
});
