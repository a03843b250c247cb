import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.browser.ts"],
    globalSetup: "./server.ts",
    // One browser and one server; pages are isolated by browser contexts.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
