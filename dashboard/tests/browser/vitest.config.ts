import { defineConfig } from "vitest/config";

/** The tests of one business, by a server of its own. */
const business = (name: string, ...include: string[]) => ({
  test: {
    name,
    root: import.meta.dirname,
    include,
    globalSetup: "./server.ts",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    // One browser at a time, which takes two cores with its server: states that last for 300 ms must be drawn to be seen.
    maxWorkers: 1,
    projects: [
      business("telco", "*.browser.ts", "telco/*.browser.ts"),
      business("saas", "*.browser.ts"),
      business("minimal", "minimal/*.browser.ts"),
      // Its files change, so it has a server to itself.
      business("changing", "changing/*.browser.ts"),
      business("nightly", "nightly/*.browser.ts"),
    ],
  },
});
