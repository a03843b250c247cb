/** The workspace's files change while the page is open. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, inject, it } from "vitest";
import type { Schema } from "../../../src/api/types.ts";
import { fromApi, listed, place } from "../api.ts";
import { address, expectAccessible, useBrowser, withPage } from "../browser.ts";
import { FILES } from "../minimal/workspace.ts";
import { hold } from "../network.ts";

useBrowser();

/** A change is taken up within two seconds, and looked at every five. */
const PATIENCE = { timeout: 20_000 };
const ROWS = "[aria-label=Customers] [role=option]";

/** Puts other text into a file of the workspace, all at once. */
function write(path: string, text: string): void {
  const file = join(inject("workspace"), path);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const replaced = (path: string, from: string | RegExp, to: string): string => {
  const text = FILES[path] ?? "";
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${path} has no ${from}.`);
  return changed;
};

interface Status {
  readonly version: string;
  readonly faults: readonly string[];
}
const status = (): Promise<Status> => fromApi("/workspace");
const version = async (): Promise<string> => (await fromApi<Schema>("/v1/schema")).versions.workspace;
const banner = (page: Page) => page.getByRole("alert", { name: "Faults of the workspace" });

const ORIGINAL = await version();

afterEach(async () => {
  for (const [path, text] of Object.entries(FILES)) write(path, text);
  await expect.poll(version, PATIENCE).toBe(ORIGINAL);
  await expect.poll(async () => (await status()).faults, PATIENCE).toEqual([]);
});

describe("a fault of the workspace's files", () => {
  it("is shown with file and entry while the workspace from before stays, until it is mended", () =>
    withPage(async (page) => {
      const { total } = await listed();
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      expect(await banner(page).count()).toBe(0);
      write("data/nudges.toml", replaced("data/nudges.toml", 'reasons = ["Nothing else applies."]', ""));
      await banner(page).waitFor(PATIENCE);
      const { faults } = await status();
      const text = await banner(page).innerText();
      expect(text).toContain("data/nudges.toml");
      for (const fault of faults.slice(0, 3))
        expect(text).toContain(fault.replace(/^data\/nudges\.toml: /, ""));
      expect(await page.getByRole("status").innerText()).toBe(`${total}\u00a0customers`);
      await expectAccessible(page);

      write("data/nudges.toml", FILES["data/nudges.toml"] ?? "");
      await expect.poll(() => banner(page).count(), PATIENCE).toBe(0);
      await page.getByText("The workspace’s files have no more faults.").waitFor({ state: "attached" });
    }));

  it("is counted where there are many, and each can be read", () =>
    withPage(async (page) => {
      await page.goto(address("#/analytics"));
      await page.locator(".chart svg").first().waitFor();
      // Each without its reasons.
      const nudge = replaced("data/nudges.toml", 'reasons = ["Nothing else applies."]', "");
      const nudges = Array.from({ length: 60 }, (_, number) =>
        nudge.replace('"thanks"', `"thanks-${number}"`),
      );
      write("data/nudges.toml", nudges.join("\n"));
      await banner(page).waitFor(PATIENCE);
      const { faults } = await status();
      expect(faults.length).toBeGreaterThan(50);
      expect(await banner(page).innerText()).toContain(`${faults.length}\u00a0faults`);
      await banner(page).locator("summary").click();
      expect(await banner(page).locator("li").count()).toBe(faults.length);
      await expectAccessible(page);
    }));
});

describe("another workspace", () => {
  it("takes the place of the one from before, and the person keeps customer and edit", () =>
    withPage(async (page) => {
      const { items } = await listed({ limit: "1" });
      const id = items[0]?.customer_id ?? "";
      await page.goto(address(place(id, { "edit.visits": "9" })));
      await page.getByText("against the actual").waitFor();
      const field = page.locator("label[for=field-visits]");
      expect(await field.innerText()).toBe("Visits");
      write(
        "data/schema.toml",
        replaced(
          "data/schema.toml",
          'name = "visits"',
          'name = "visits"\nlabel = "Evenings"\nunit = "evening"',
        ),
      );
      await expect.poll(() => field.innerText(), PATIENCE).toBe("Evenings, evenings");
      await page.getByText("against the actual").waitFor();
      expect(page.url()).toContain("edit.visits=9");
      expect(await page.locator(".identity h2").innerText()).toBe(id);
      expect(await page.locator("#field-visits").inputValue()).toBe("9");
      expect(await page.locator("[aria-live=polite].visually-hidden").innerText()).toBe(
        "The data have changed; the page shows the new ones.",
      );
    }));

  it("keeps the place in the list, the filter and the order", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers?risk_level=low&risk_level=medium&sort=probability"));
      await page.locator(ROWS).first().waitFor();
      const list = page.locator("[aria-label=Customers][role=listbox]");
      await list.focus();
      const { total } = await listed("risk_level=low&risk_level=medium");
      expect(total).toBeGreaterThan(100);
      const position = () => page.locator("[aria-selected=true]").first().getAttribute("aria-posinset");
      await expect
        .poll(async () => {
          await page.keyboard.press("End");
          return position();
        }, PATIENCE)
        .toBe(String(total));
      const top = await list.evaluate((box) => box.scrollTop);
      // One more customer, who comes last in the list.
      write("data/customers.csv", `${FILES["data/customers.csv"]}"zzz",20,Day,1\n`);
      const status = page.locator(".directory [role=status]");
      await expect.poll(() => status.innerText(), PATIENCE).toBe(`${total + 1}\u00a0customers`);
      // The row is still in view, in a list that is not back at its top.
      expect(await position()).toBe(String(total));
      expect(await list.evaluate((box) => box.scrollTop)).toBeGreaterThan(top / 2);
      expect(page.url()).toMatch(/risk_level=low&risk_level=medium&sort=probability/);
    }));

  it("drops a filter, an order and an edit that it does not have", () =>
    withPage(async (page) => {
      write(
        "data/schema.toml",
        replaced("data/schema.toml", 'values = ["Day", "Full"]', 'values = ["Day", "Full"]\nfilter = true'),
      );
      await expect.poll(version, PATIENCE).not.toBe(ORIGINAL);
      const { total } = await listed({ plan: "Day" });
      const { items } = await listed({ limit: "1" });
      const id = items[0]?.customer_id ?? "";
      await page.goto(address(place(id, { plan: "Day", "edit.visits": "9" })));
      const status = page.locator(".directory [role=status]");
      await expect.poll(() => status.innerText()).toBe(`${total}\u00a0customers`);
      await page.getByText("against the actual").waitFor();
      write("data/schema.toml", FILES["data/schema.toml"] ?? "");
      await expect.poll(() => status.innerText(), PATIENCE).toBe(`${(await listed()).total}\u00a0customers`);
      await expect.poll(() => page.url(), PATIENCE).not.toContain("plan=Day");
      expect(page.url()).toContain("edit.visits=9");
    }));

  it("is noticed by its first answer, and a list that went on in the one from before begins again", () =>
    withPage(
      async (page) => {
        // Nobody looks: only answers can tell.
        await page.route("**/workspace", (route) =>
          route.fulfill({ json: { source: "embedded", version: ORIGINAL, faults: [] } }),
        );
        await page.goto(address("#/customers?sort=customer_id"));
        await page.locator(ROWS).first().waitFor();
        write("data/customers.csv", `${FILES["data/customers.csv"]}"zzz",20,Day,1\n`);
        await expect.poll(version, PATIENCE).not.toBe(ORIGINAL);
        const { total } = await listed();
        const list = page.locator("[aria-label=Customers][role=listbox]");
        await list.focus();
        await expect
          .poll(async () => {
            // A list that waits long is another one afterwards.
            await list.focus();
            await page.keyboard.press("End");
            return page.locator(ROWS).last().getAttribute("aria-posinset");
          }, PATIENCE)
          .toBe(String(total));
        expect(await page.locator(".directory [role=status]").innerText()).toBe(`${total}\u00a0customers`);
        expect(await page.locator(".directory [role=alert]").count()).toBe(0);
      },
      // The page that went on in the former workspace.
      { allowed: /409/ },
    ));

  it("has its next page although that was asked for before its schema came", () =>
    withPage(
      async (page) => {
        await page.route("**/workspace", (route) =>
          route.fulfill({ json: { source: "embedded", version: ORIGINAL, faults: [] } }),
        );
        await page.goto(address("#/customers?sort=customer_id"));
        await page.locator(ROWS).first().waitFor();
        write("data/customers.csv", `${FILES["data/customers.csv"]}"zzz",20,Day,1\n`);
        await expect.poll(version, PATIENCE).not.toBe(ORIGINAL);
        const { total } = await listed();
        const schema = await hold(page, "**/v1/schema");
        const next = await hold(page, `**/v1/summary?*cursor=${await version()}*`);
        const list = page.locator("[aria-label=Customers][role=listbox]");
        // The first answer of the new workspace: the list begins again, and its next page is asked for.
        await list.focus();
        await page.keyboard.press("End");
        await expect.poll(() => next.routes.length, PATIENCE).toBe(1);
        await expect.poll(() => schema.routes.length).toBe(1);
        // The page asks anew for whatever it shows, and gives up on what is under way.
        const again = page.waitForResponse((response) => /summary\?(?!.*cursor)/.test(response.url()));
        await schema.release();
        await again;
        await next.release();
        await expect
          .poll(async () => {
            await list.focus();
            await page.keyboard.press("End");
            return page.locator(ROWS).last().getAttribute("aria-posinset");
          }, PATIENCE)
          .toBe(String(total));
      },
      { allowed: /409/ },
    ));
});

describe("a page that nobody sees", () => {
  it("does not ask, and asks at once when it is seen again", () =>
    withPage(async (page) => {
      await page.clock.install();
      let asked = 0;
      await page.route("**/workspace", (route) => {
        asked += 1;
        return route.fallback();
      });
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      await expect.poll(() => asked).toBe(1);
      await page.clock.runFor(5000);
      await expect.poll(() => asked).toBe(2);
      const see = (state: "hidden" | "visible") =>
        page.evaluate((state) => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }, state);
      await page.waitForLoadState("networkidle");
      await see("hidden");
      await page.clock.runFor(60_000);
      expect(asked).toBe(2);
      await see("visible");
      await expect.poll(() => asked).toBe(3);
    }));
});
