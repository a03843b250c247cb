import { describe, expect, it } from "vitest";
import type { Analytics } from "../../src/api/types.ts";
import { summaryLine, valueText } from "../../src/customer/fields.ts";
import { customers, percent, roundMoney } from "../../src/format.ts";
import { address, expectAccessible, expectNoSidewaysScroll, PHONE, useBrowser, withPage } from "./browser.ts";
import {
  COUNTED,
  customer,
  found,
  fromApi,
  GROUP,
  LADDER,
  listed,
  on,
  PRICE,
  place,
  query,
  schema,
} from "./business.ts";

useBrowser();

const LIST = "[role=listbox]";
const ROWS = `${LIST} [role=option]`;

describe("the directory", () => {
  it("lists active customers, highest risk first, with only the visible rows in the document", () =>
    withPage(async (page) => {
      const api = await listed({ sort: "-probability", limit: "500" });
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
      const target = page.locator(`${ROWS}[data-id="${api.items[far]?.customer_id}"]`);
      while (!(await target.isVisible())) await page.keyboard.press("PageDown");
      expect(await target.getAttribute("aria-posinset")).toBe(String(far + 1));
      expect(await page.locator(ROWS).count()).toBeLessThan(50);
    }));

  it("searches as one types, filters and sorts, and the address restores it all", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      await page.keyboard.press("/");
      // As of many a customer's id.
      const { items } = await listed({ limit: "1" });
      const beginning = items[0]?.customer_id.slice(0, 2) ?? "";
      await page.keyboard.type(beginning);
      const { parameter, label } = GROUP.filter;
      await page.locator("summary", { hasText: label }).click();
      await page.getByRole("checkbox", { name: GROUP.label, exact: true }).check();
      await page.keyboard.press("Escape");
      const sort = `-${PRICE.name}`;
      await page.getByLabel("Sort by").selectOption(sort);

      const api = await listed({ q: beginning, [parameter]: GROUP.value, sort });
      const status = page.getByRole("status");
      await expect.poll(() => status.innerText()).toBe(customers(api.total, ["active"]));
      await expect.poll(() => page.locator(ROWS).first().innerText()).toContain(api.items[0]?.customer_id);
      await expect
        .poll(() => page.url())
        .toMatch(new RegExp(`${query({ [parameter]: GROUP.value })}.*sort=${sort}`));

      const shared = page.url();
      await page.goto("about:blank");
      await page.goto(shared);
      await expect.poll(() => status.innerText()).toBe(customers(api.total, ["active"]));
      expect(await page.getByLabel("Search by customer id").inputValue()).toBe(beginning);
      expect(await page.getByLabel("Sort by").inputValue()).toBe(sort);
    }));

  it("offers every filter of the schema, by values and by range", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      await page.locator(ROWS).first().waitFor();
      const search = page.getByRole("search");
      await search.getByText("More filters").click();
      const summaries = await search.locator("summary").allInnerTexts();
      for (const { label } of schema.filters)
        expect(
          summaries.some((text) => text === label || text.startsWith(`${label}: `)),
          label,
        ).toBe(true);

      await search.locator("summary").getByText(LADDER.field.label, { exact: true }).click();
      await search.getByRole("checkbox", { name: LADDER.second.label, exact: true }).check();
      const { filter, min, max } = COUNTED;
      await search.locator("summary").getByText(filter.label, { exact: true }).click();
      const range = search.getByRole("group", { name: filter.label, exact: true });
      await range.getByLabel("From").fill(String(min));
      await range.getByLabel("Up to").fill(String(max));
      await page.keyboard.press("Enter");
      const ends = { [filter.min]: String(min), [filter.max ?? ""]: String(max) };
      const api = await listed({ ...on(LADDER.second), ...ends });
      await expect.poll(() => page.getByRole("status").innerText()).toBe(customers(api.total, ["active"]));
      await expectAccessible(page);
      await page.keyboard.press("Escape");
      const words = `${filter.label}: from ${valueText(COUNTED.field, min)} up to`;
      await search.getByRole("button", { name: `Remove filter ${words}` }).click();
      await expect.poll(() => page.url()).not.toContain(filter.min);
      expect(page.url()).toContain(query(on(LADDER.second)));
    }));

  it("lists customers who left where they are asked for, and says so", () =>
    withPage(async (page) => {
      const [left, both] = [await listed("status=left"), await listed("status=active&status=left")];
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
      const { items } = await listed({ status: "left", limit: "1" });
      const id = items[0]?.customer_id ?? "";
      await page.goto(address(`#/customers?${query({ q: id })}`));
      await page.getByRole("heading", { name: "No customer matches" }).waitFor();
      await page.getByRole("button", { name: "Look among customers who left, too" }).click();
      await expect.poll(() => page.locator(ROWS).first().innerText()).toContain(id);
    }));

  it("says when nobody matches, and clears", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers?q=%3F%3F%3F"));
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
      const { items } = await listed({ limit: "2" });
      const id = items[1]?.customer_id ?? "";
      const known = await customer(id);

      const panel = page.getByRole("region", { name: "Customer", exact: true });
      await panel.getByRole("heading", { name: id }).waitFor();
      await panel.getByText(found(known.persona?.description, "persona")).waitFor();
      await panel.locator(".field").first().waitFor();
      const text = await panel.innerText();
      expect(text).toContain(percent(known.probability, 1));
      expect(text).toContain(known.persona?.name);
      expect(text).toContain(summaryLine(known.profile));
      const left = known[found(schema.roles.outcome ?? undefined, "outcome")];
      if (typeof left === "boolean") expect(text).toMatch(left ? /\bLeft\b/ : /Still a customer/);
      else expect(text).not.toMatch(/\bLeft\b|Still a customer/);
      for (const { name, kind } of schema.fields) {
        const value = String(known.profile[name] ?? "");
        if (kind === "choice") expect(await page.locator(`#field-${name}`).inputValue(), name).toBe(value);
      }
    }));

  it("says when there is no such customer", () =>
    withPage(
      async (page) => {
        await page.goto(address(place("0000-NOONE")));
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
  it.each(["", "?q=%3F%3F%3F", `?${query({ [GROUP.filter.parameter]: GROUP.value, ...on(LADDER.last) })}`])(
    "of the list %s",
    (query) =>
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
        const { items } = await listed({ limit: "1" });
        await page.goto(address(place(items[0]?.customer_id ?? "")));
        await page.getByText("Churn probability").waitFor();
        await expectAccessible(page);
      },
      { colorScheme },
    ));
});
