/** What changed since the data before: in the list, at a customer, in the analytics, and where a night has nothing before it. */
import { copyFileSync, renameSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import type { Changes, Mover, Schema } from "../../../src/api/types.ts";
import { count, customers, date, decimal, percent, points } from "../../../src/format.ts";
import { levelLabel } from "../../../src/state/schema.ts";
import { fromApi, listed, place } from "../api.ts";
import {
  address,
  expectAccessible,
  expectNoSidewaysScroll,
  PHONE,
  useBrowser,
  withPage,
} from "../browser.ts";
import { BEFORE, FIRST_NIGHT, GONE } from "./workspace.ts";

useBrowser();

const ROWS = "[aria-label=Customers] [role=option]";
const SINCE = `since ${date(BEFORE)}`;
const RISEN_FIRST = "sort=-change";

const changes = (query = ""): Promise<Changes> => fromApi(`/v1/analytics/changes?${query}`);
const total = async (query: string): Promise<number> => (await listed(`limit=1&${query}`)).total;
const card = (page: Page) => page.getByRole("region", { name: `What changed ${SINCE}`, exact: true });
const status = (page: Page) => page.locator(".directory [role=status]");

/** The customer whose probability rose most; in this workspace the risk level rose with it. */
async function risenMost(): Promise<Mover> {
  const [mover] = (await changes()).risen;
  if (!mover || mover.former_risk_level === mover.risk_level) throw new Error("No risk level rose.");
  return mover;
}

describe("the list", () => {
  it("has the change of each customer, its direction in a mark, a sign and words", () =>
    withPage(async (page) => {
      const { change } = await risenMost();
      await page.goto(address(`#/customers?${RISEN_FIRST}`));
      const first = page.locator(ROWS).first();
      await first.waitFor();
      const up = first.locator(".change");
      expect(await up.innerText()).toContain(points(change));
      const words = `Up ${decimal(100 * change, 1)} points ${SINCE}; risk level rose`;
      expect(await up.getAttribute("title")).toBe(words);
      await page.getByRole("option", { name: words }).first().waitFor();

      const [fallen] = (await listed("sort=change&limit=1")).items;
      await page.goto(address("#/customers?sort=change"));
      const down = page.locator(ROWS).first().locator(".change");
      await expect.poll(() => down.innerText()).toContain(points(fallen?.change ?? Number.NaN));
      expect(await down.getAttribute("title")).toMatch(/^Down .*; risk level fell$/);
      const mark = (of: typeof up) => of.locator("path").getAttribute("d");
      const mark_down = await mark(down);
      await page.goBack();
      await expect.poll(() => up.innerText()).toContain(points(change));
      expect(await mark(up)).not.toBe(mark_down);
    }));

  it("is sorted by the change at a press on its head, and at another the other way round", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      const head = page.getByRole("button", { name: `Change ${SINCE}` });
      expect(await head.getAttribute("aria-pressed")).toBe("false");
      await head.focus();
      for (const [sort, words] of [
        ["-change", "Risk rose most"],
        ["change", "Risk fell most"],
        ["-change", "Risk rose most"],
      ] as const) {
        await page.keyboard.press("Enter");
        const { items } = await listed({ sort, limit: "1" });
        await expect
          .poll(() => page.locator(ROWS).first().getAttribute("data-id"))
          .toBe(items[0]?.customer_id);
        expect(await page.getByLabel("Sort by").locator("option:checked").innerText()).toBe(words);
        await expect.poll(() => page.url()).toContain(`sort=${sort}`);
        expect(await head.getAttribute("aria-pressed")).toBe("true");
        expect(await head.evaluate((button) => button === document.activeElement)).toBe(true);
      }
    }));

  it("filters by where the risk level moved, and says who is new", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      const search = page.getByRole("search");
      await search.getByText("More filters").click();
      await search.locator("summary").getByText("Since the previous data", { exact: true }).click();
      const boxes = search.getByRole("group", { name: "Since the previous data" });
      await boxes.getByRole("checkbox", { name: "New customer" }).check();
      await page.keyboard.press("Escape");
      await expect.poll(() => status(page).innerText()).toBe(customers(await total("moved=new"), ["active"]));
      const change = page.locator(ROWS).first().locator(".change");
      await expect.poll(() => change.innerText()).toContain("new");
      expect(await change.getAttribute("title")).toBe(`New ${SINCE}`);
      await search
        .getByRole("button", { name: "Remove filter Since the previous data: New customer" })
        .waitFor();
      await expectAccessible(page);
    }));

  it("refuses in words to list who is gone, where an address asks for that", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/customers?moved=gone"));
        await page.locator(".directory [role=alert]").getByText("lists them").waitFor();
        expect(await page.locator("main").innerText()).not.toMatch(/NaN|undefined/);
      },
      // The figures beside the list, which the server refuses.
      { allowed: /422/ },
    ));

  it("stays beside those whose risk rose most, each of whom is opened by a link", () =>
    withPage(async (page) => {
      const { risen } = await changes();
      await page.goto(address("#/customers"));
      const rose = page.getByRole("region", { name: `Whose risk rose most ${SINCE}` });
      const links = rose.getByRole("rowheader").getByRole("link");
      await expect.poll(() => links.allInnerTexts()).toEqual(risen.slice(0, 5).map((one) => one.customer_id));
      await links.nth(1).click();
      await page.getByRole("heading", { name: risen[1]?.customer_id ?? "", exact: true }).waitFor();
      // The list is in the same order, with the customer in it.
      await page.locator(`${ROWS}[aria-selected=true][aria-posinset="2"]`).waitFor();
      await page.goBack();
      await rose.getByRole("link", { name: "All changes" }).click();
      await card(page).waitFor();
    }));
});

describe("a customer", () => {
  const verdict = (page: Page) => page.locator(".verdict");

  it("has a line on the change with both risk levels, which gives way to that of an edit", () =>
    withPage(async (page) => {
      const { customer_id, change, former_risk_level, risk_level } = await risenMost();
      await page.goto(address(place(customer_id)));
      const line = `Up ${decimal(100 * change, 1)} points ${SINCE} (${levelLabel(former_risk_level)} to ${levelLabel(risk_level)})`;
      await verdict(page).getByText(line, { exact: true }).waitFor();
      expect(await page.getByText("Another model").count()).toBe(0);
      await page.locator("#field-seats").fill("77");
      await verdict(page).getByText("against the actual").waitFor();
      expect(await verdict(page).innerText()).not.toContain(SINCE);
    }));

  it("is new, or where it was", () =>
    withPage(async (page) => {
      const [added] = (await listed("moved=new&limit=1")).items;
      await page.goto(address(place(added?.customer_id ?? "")));
      await verdict(page).getByText(`New ${SINCE}`, { exact: true }).waitFor();
      const { items } = await listed({ sort: "customer_id", limit: "100" });
      const same = items.find(({ change }) => change === 0);
      await page.goto(address(place(same?.customer_id ?? "")));
      await verdict(page).getByText(`Unchanged ${SINCE}`, { exact: true }).waitFor();
    }));

  it("says where another model gave the former probability", () =>
    withPage(async (page) => {
      const { customer_id } = await risenMost();
      await page.route(`**/v1/summary/${customer_id}`, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), model_changed: true } });
      });
      await page.goto(address(place(customer_id)));
      await verdict(page).getByText("Another model gave the former probability.").waitFor();
    }));
});

describe("the analytics", () => {
  const figure = (page: Page, label: string) =>
    card(page)
      .locator(".tile")
      .filter({ has: page.getByText(label, { exact: true }) })
      .locator("dd")
      .first();

  it.each(["", "status=left", "persona=half-asleep", "status=active&status=left&moved=up"])(
    "count who moved, is new and is gone of the selection %s",
    (query) =>
      withPage(async (page) => {
        const said = await changes(query);
        await page.goto(address(`#/analytics?${query}`));
        await card(page).waitFor();
        for (const [label, value] of [
          ["Risk level rose", said.up],
          ["Risk level fell", said.down],
          ["Same risk level", said.same],
          ["New", said.new],
        ] as const)
          expect(await figure(page, label).innerText(), label).toBe(count(value));
        expect(await figure(page, "Gone").innerText()).toBe(
          said.gone === null ? "unknown" : count(said.gone),
        );
        expect(said.gone === null).toBe(/persona|moved/.test(query));
        expect(await card(page).getByText("Show who is gone").count()).toBe(said.gone === null ? 0 : 1);
        expect(await figure(page, "Mean change").innerText()).toBe(points(said.mean_change ?? Number.NaN));

        const table = card(page).getByRole("table", { name: "Customers by their risk level before and now" });
        const cells = (await table.getByRole("cell").allInnerTexts()).map((text) => text.trim());
        expect(cells).toEqual(said.matrix.flat().map(count));
        const heads = await table.getByRole("columnheader").allInnerTexts();
        expect(heads).toEqual(["Before", ...said.risk_levels.map((level) => `Now ${levelLabel(level)}`)]);
      }),
  );

  it("lead to those who moved, and to those whose risk rose most", () =>
    withPage(async (page) => {
      const { up, risen } = await changes();
      await page.goto(address("#/analytics"));
      await card(page).getByRole("link", { name: "Show whose risk level rose" }).click();
      await expect.poll(() => status(page).innerText()).toBe(customers(up, ["active"]));
      await page.goBack();
      const rows = card(page)
        .getByRole("table", { name: "Customers whose probability rose most" })
        .locator("tbody tr");
      await expect.poll(() => rows.count()).toBe(risen.length);
      const [first] = risen;
      const text = await rows.first().innerText();
      for (const part of [percent(first?.former_probability ?? 0, 1), percent(first?.probability ?? 0, 1)])
        expect(text).toContain(part);
      await card(page)
        .getByRole("link", { name: first?.customer_id ?? "" })
        .click();
      await page.getByRole("article", { name: `Customer ${first?.customer_id}` }).waitFor();
    }));

  it("list who is gone, and give all of them as a file", () =>
    withPage(async (page) => {
      const gone = await listed("moved=gone&limit=10");
      expect(gone.total).toBeGreaterThan(gone.items.length);
      await page.goto(address("#/analytics"));
      await card(page).getByText("Show who is gone").click();
      const rows = card(page)
        .getByRole("table", { name: "Customers who are gone, the highest former probability first" })
        .getByRole("rowheader");
      await expect.poll(() => rows.allInnerTexts()).toEqual(gone.items.map(({ customer_id }) => customer_id));
      expect(await rows.first().innerText()).toContain(GONE);
      await card(page)
        .getByText(`The 10 likeliest to leave of ${count(gone.total)}.`)
        .waitFor();
      await expectAccessible(page);
      const saving = page.waitForEvent("download");
      await card(page).getByRole("button", { name: "Download who is gone" }).click();
      const lines = (await readFile(await (await saving).path(), "utf8")).trim().split(/\r?\n/);
      expect(lines.length).toBe(gone.total + 1);
    }));

  it("say where another model gave the former probabilities", () =>
    withPage(async (page) => {
      await page.route("**/v1/analytics/changes*", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), model_changed: true } });
      });
      await page.goto(address("#/analytics"));
      await card(page).getByText("Another model gave the former probabilities").waitFor();
    }));
});

const PLACES = ["customers", `customers?${RISEN_FIRST}`, "analytics"];

describe("what changed", () => {
  describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
    it.each(PLACES)("is accessible in %s", (where) =>
      withPage(
        async (page) => {
          await page.goto(address(`#/${where}`));
          await page.locator(".change").first().waitFor();
          await page.waitForLoadState("networkidle");
          await expectAccessible(page);
        },
        { colorScheme },
      ),
    );

    it("is accessible beside a customer", () =>
      withPage(
        async (page) => {
          const { customer_id } = await risenMost();
          await page.goto(address(place(customer_id, { sort: "-change" })));
          await page.locator(".verdict").getByText(SINCE).waitFor();
          await page.waitForLoadState("networkidle");
          await expectAccessible(page);
        },
        { colorScheme },
      ));
  });

  it.each(PLACES)("fits a phone in %s", (where) =>
    withPage(
      async (page) => {
        await page.goto(address(`#/${where}`));
        await page.locator(".change").first().waitFor();
        await page.waitForLoadState("networkidle");
        await expectNoSidewaysScroll(page);
      },
      { viewport: PHONE },
    ),
  );

  it.each(PLACES)("does not shift %s while it loads", (where) =>
    withPage(async (page) => {
      await page.addInitScript(() => {
        const shifts = globalThis as unknown as { shifted: number };
        shifts.shifted = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries())
            shifts.shifted += (entry as unknown as { value: number }).value;
        }).observe({ type: "layout-shift", buffered: true });
      });
      await page.goto(address(`#/${where}`));
      await page.locator(".change").first().waitFor();
      await page.waitForLoadState("networkidle");
      expect(await page.evaluate(() => (globalThis as unknown as { shifted: number }).shifted)).toBeLessThan(
        0.1,
      );
    }),
  );
});

describe("a workspace without one before it", () => {
  const PATIENCE = { timeout: 20_000 };
  const hasPrevious = async () => (await fromApi<Schema>("/v1/schema")).previous !== undefined;
  const live = inject("workspace");
  const beside = (name: string) => join(dirname(live), name);

  it("takes the changes, their filter and their order from the page when it is put in place", () =>
    withPage(async (page) => {
      copyFileSync(live, beside("kept.workspace"));
      try {
        await page.goto(address(`#/customers?moved=up&${RISEN_FIRST}`));
        await page.locator(`${ROWS} .change`).first().waitFor();
        renameSync(beside(FIRST_NIGHT), live);
        await expect.poll(() => page.locator(".heads, .change").count(), PATIENCE).toBe(0);
        await expect.poll(() => page.url(), PATIENCE).not.toMatch(/moved|change/);
        await expect
          .poll(() => status(page).innerText(), PATIENCE)
          .toBe(customers(await total(""), ["active"]));
        expect(await page.getByLabel("Sort by").locator("option:checked").innerText()).toBe("Highest risk");
        expect(await page.locator("main").innerText()).not.toMatch(/[Ss]ince/);
        expect(await page.getByRole("alert").count()).toBe(0);
        const asked: string[] = [];
        page.on("request", (request) => asked.push(new URL(request.url()).pathname));
        await page.getByRole("link", { name: "Analytics", exact: true }).first().click();
        await page.locator(".chart svg").first().waitFor();
        expect(asked).toContain("/v1/analytics");
        expect(asked).not.toContain("/v1/analytics/changes");
        expect(await page.locator("main").innerText()).not.toMatch(/What changed|undefined|NaN/);
      } finally {
        renameSync(beside("kept.workspace"), live);
        await expect.poll(hasPrevious, PATIENCE).toBe(true);
      }
    }));
});
