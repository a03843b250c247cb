import { describe, expect, it } from "vitest";
import type { Analytics, Schema } from "../../src/api/types.ts";
import { count, customers, percent, roundMoney } from "../../src/format.ts";
import {
  address,
  expectAccessible,
  expectNoSidewaysScroll,
  fromApi,
  PHONE,
  useBrowser,
  withPage,
} from "./browser.ts";
import type { Customer, DirectoryPage } from "./telco.ts";

useBrowser();

const LIST = "[role=listbox]";
const ROWS = `${LIST} [role=option]`;

describe("the directory", () => {
  it("lists active customers, highest risk first, with only the visible rows in the document", () =>
    withPage(async (page) => {
      const api = await fromApi<DirectoryPage>("/v1/summary?sort=-probability&limit=500");
      await page.goto(address("#/customers"));
      const first = page.locator(ROWS).first();
      await first.waitFor();
      expect(await first.innerText()).toContain(api.items[0]?.customer_id);
      expect(await page.getByRole("status").innerText()).toBe(customers(api.total, ["active"]));
      expect(api.items.every((item) => item.status === "active")).toBe(true);
      expect(await page.locator(ROWS).count()).toBeLessThan(50);

      // Far enough down to need further pages from the cursor.
      const far = 320;
      await page.locator(LIST).focus();
      const target = page.locator(`#row-${api.items[far]?.customer_id}`);
      while (!(await target.isVisible())) await page.keyboard.press("PageDown");
      expect(await target.getAttribute("aria-posinset")).toBe(String(far + 1));
      expect(await page.locator(ROWS).count()).toBeLessThan(50);
    }));

  it("searches as one types, filters and sorts, and the address restores it all", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("1");
      await page.locator("summary", { hasText: "Lifecycle stage" }).click();
      await page.getByRole("checkbox", { name: "Mature" }).check();
      await page.keyboard.press("Escape");
      await page.getByLabel("Sort by").selectOption("-monthly_charges");

      const api = await fromApi<DirectoryPage>("/v1/summary?q=1&stage=mature&sort=-monthly_charges");
      const status = page.getByRole("status");
      await expect.poll(() => status.innerText()).toBe(customers(api.total, ["active"]));
      await expect.poll(() => page.locator(ROWS).first().innerText()).toContain(api.items[0]?.customer_id);
      await expect.poll(() => page.url()).toMatch(/stage=mature.*sort=-monthly_charges/);

      const shared = page.url();
      await page.goto("about:blank");
      await page.goto(shared);
      await expect.poll(() => status.innerText()).toBe(customers(api.total, ["active"]));
      expect(await page.getByLabel("Search by customer id").inputValue()).toBe("1");
      expect(await page.getByLabel("Sort by").inputValue()).toBe("-monthly_charges");
    }));

  it("offers every filter of the schema, by values and by range", () =>
    withPage(async (page) => {
      const { filters } = await fromApi<Schema>("/v1/schema");
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      const search = page.getByRole("search");
      await search.getByText("More filters").click();
      const summaries = await search.locator("summary").allInnerTexts();
      for (const { label } of filters)
        expect(
          summaries.some((text) => text === label || text.startsWith(`${label}: `)),
          label,
        ).toBe(true);

      await search.locator("summary").getByText("Contract", { exact: true }).click();
      await search.getByRole("checkbox", { name: "One year" }).check();
      await search.locator("summary").getByText("Tenure", { exact: true }).click();
      const tenure = search.getByRole("group", { name: "Tenure" });
      await tenure.getByLabel("From").fill("13");
      await tenure.getByLabel("Up to").fill("24");
      await page.keyboard.press("Enter");
      const api = await fromApi<DirectoryPage>("/v1/summary?contract=One+year&tenure_min=13&tenure_max=24");
      await expect.poll(() => page.getByRole("status").innerText()).toBe(customers(api.total, ["active"]));
      await expectAccessible(page);
      await page.keyboard.press("Escape");
      await search.getByRole("button", { name: /^Remove filter Tenure: from 13\smonths up to/ }).click();
      await expect.poll(() => page.url()).not.toMatch(/tenure_/);
      expect(page.url()).toContain("contract=One+year");
    }));

  it("lists customers who left where they are asked for, and says so", () =>
    withPage(async (page) => {
      const of = (query: string) => fromApi<DirectoryPage>(`/v1/summary?${query}`);
      const [left, both] = [await of("status=left"), await of("status=active&status=left")];
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      const status = page.getByRole("status");
      const menu = page.locator("summary", { hasText: "Status" });
      expect(await menu.innerText()).toBe("Status: Active");
      await menu.click();
      await page.getByRole("checkbox", { name: "Left" }).check();
      await expect.poll(() => status.innerText()).toBe(customers(both.total, ["active", "left"]));
      await page.getByRole("checkbox", { name: "Active" }).uncheck();
      await expect.poll(() => status.innerText()).toBe(customers(left.total, ["left"]));
      await expect.poll(() => page.locator(ROWS).first().innerText()).toContain("Left · ");
      await expect.poll(() => page.url()).toContain("status=left");
      // Money and counts beside the list are of the same customers.
      const analytics = await fromApi<Analytics>("/v1/analytics?status=left");
      const tiles = page.locator(".overview-tiles");
      await expect.poll(() => tiles.innerText()).toContain(customers(analytics.count, ["left"]));
      expect(await tiles.innerText()).toContain(roundMoney(analytics.revenue_at_risk ?? Number.NaN));
      // Without any status the default applies.
      await page.getByRole("checkbox", { name: "Left" }).uncheck();
      await expect.poll(() => page.url()).not.toContain("status=");
      expect(await page.getByRole("checkbox", { name: "Active" }).isChecked()).toBe(true);
    }));

  it("offers to look among customers who left where a search finds nobody", () =>
    withPage(async (page) => {
      const { items } = await fromApi<DirectoryPage>("/v1/summary?status=left&limit=1");
      const id = items[0]?.customer_id ?? "";
      await page.goto(address(`#/customers?q=${id}`));
      await page.getByRole("heading", { name: "No customer matches" }).waitFor();
      await page.getByRole("button", { name: "Look among customers who left, too" }).click();
      await expect.poll(() => page.locator(ROWS).first().innerText()).toContain(id);
    }));

  it("says when nobody matches, and clears", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers?q=ZZZZ"));
      await page.getByRole("heading", { name: "No customer matches" }).waitFor();
      await page.getByRole("button", { name: "Clear search and filters" }).click();
      await page.locator(ROWS).first().waitFor();
    }));

  it("shows the server's own words when it fails, and tries again", () =>
    withPage(
      async (page) => {
        let fail = true;
        await page.route("**/v1/summary?*", (route) =>
          fail
            ? route.fulfill({
                status: 503,
                contentType: "application/problem+json",
                body: JSON.stringify({ title: "Too busy", status: 503, detail: "Come back in a second." }),
              })
            : route.continue(),
        );
        await page.goto(address("#/customers"));
        const alert = page.getByRole("alert");
        await alert.waitFor();
        expect(await alert.innerText()).toContain("Too busy");
        expect(await alert.innerText()).toContain("Come back in a second.");
        fail = false;
        await page.getByRole("button", { name: "Try again" }).click();
        await page.locator(ROWS).first().waitFor();
      },
      { allowed: /503/ },
    ));
});

describe("a customer", () => {
  it("opens by keyboard and shows what the API knows", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      await page.locator(LIST).focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      const { items } = await fromApi<DirectoryPage>("/v1/summary?limit=2");
      const id = items[1]?.customer_id ?? "";
      const customer = await fromApi<Customer>(`/v1/summary/${id}`);

      const panel = page.getByRole("region", { name: "Customer", exact: true });
      await panel.getByRole("heading", { name: id }).waitFor();
      await panel.getByText(customer.persona.description).waitFor();
      const text = await panel.innerText();
      expect(text).toContain(percent(customer.probability, 1));
      expect(text).toContain(customer.persona.name);
      expect(text).toContain(customer.profile.contract);
      expect(text).toContain(customer.profile.payment_method);
      expect(text).toContain(count(customer.profile.tenure_months));
      expect(text).toMatch(customer.churned ? /\bLeft\b/ : /Still a customer/);
    }));

  it("says when there is no such customer", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/customers/0000-NOONE"));
        await page.getByRole("alert").waitFor();
        expect(await page.getByRole("alert").innerText()).toContain("0000-NOONE");
      },
      { allowed: /404/ },
    ));

  it("is a screen of its own on a phone, and back leads to the list", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/customers"));
        await expectNoSidewaysScroll(page);
        await page.locator(ROWS).first().click();
        await page.getByText("Churn probability").waitFor();
        expect(await page.locator(LIST).isVisible()).toBe(false);
        await expectNoSidewaysScroll(page);
        await page.goBack();
        await page.locator(ROWS).first().waitFor();
        expect(await page.getByText("Churn probability").isVisible()).toBe(false);
      },
      { viewport: PHONE },
    ));
});

describe.each(["light", "dark"] as const)("accessibility, %s", (colorScheme) => {
  it.each(["", "?q=ZZZZ", "?stage=mature&contract=Two+year"])("of the list %s", (query) =>
    withPage(
      async (page) => {
        await page.goto(address(`#/customers${query}`));
        await page.getByRole("status").getByText("customer").waitFor();
        await expectAccessible(page);
      },
      { colorScheme },
    ),
  );

  it("of a customer", () =>
    withPage(
      async (page) => {
        const { items } = await fromApi<DirectoryPage>("/v1/summary?limit=1");
        await page.goto(address(`#/customers/${items[0]?.customer_id}`));
        await page.getByText("Churn probability").waitFor();
        await expectAccessible(page);
      },
      { colorScheme },
    ));
});
