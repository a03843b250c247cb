/** One Chromium for a test file, and pages that must stay free of errors. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject } from "vitest";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const ACTION_LIMIT_MS = 10_000;

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 375, height: 812 };

interface Screen {
  readonly viewport?: { width: number; height: number };
  readonly colorScheme?: "light" | "dark";
  /** Console errors that the test brings about, such as a failed request. */
  readonly allowed?: RegExp;
}

let browser: Browser;

/** Starts and stops the browser around the tests of a file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: EXECUTABLE,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });
  afterAll(() => browser.close());
}

/** Runs a test in a page of its own; afterwards its console must be empty. */
export async function withPage(test: (page: Page) => Promise<void>, screen: Screen = {}): Promise<void> {
  const { viewport = DESKTOP, colorScheme = "light", allowed } = screen;
  const context = await browser.newContext({ viewport, colorScheme, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(ACTION_LIMIT_MS);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  try {
    await test(page);
    expect(complaints.filter((complaint) => !allowed?.test(complaint))).toEqual([]);
  } finally {
    await context.close();
  }
}

/** The address of a view on the server under test. */
export const address = (fragment: string): string => `${inject("baseUrl")}/${fragment}`;

/** Fails with every violation that axe-core finds on the page. */
export async function expectAccessible(page: Page): Promise<void> {
  // Evaluated in the page's own world, so that the content security policy of the page stays as it is.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`,
  );
  expect(found).toEqual([]);
}

/** Fails when the page can be scrolled sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
}
