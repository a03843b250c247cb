/** The dashboard follows the schema: with another one, the same customers are shown as another business would want them. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Schema } from "../../src/api/types.ts";
import { address, expectAccessible, useBrowser, withPage } from "./browser.ts";
import { customer, found, LADDER, place, schema as served, someCustomers } from "./business.ts";

useBrowser();

/** Serves the schema of the server under test after a change. */
async function serveSchema(page: Page, alter: (schema: Schema) => Schema): Promise<void> {
  const altered = alter(served);
  await page.route("**/v1/schema", (route) =>
    route.fulfill({ contentType: "application/json", body: JSON.stringify(altered) }),
  );
}

/** Neither roles but the id, nor personas, stages, experiments, prices, or filters by any of them. */
const bare = (schema: Schema): Schema => ({
  ...schema,
  note: "A bare business.",
  currency: "EUR",
  roles: {
    ...schema.roles,
    outcome: null,
    tenure: null,
    recurring: null,
    recurring_change: null,
    lifetime: null,
  },
  personas: [],
  stages: [],
  experiments: [],
  fields: schema.fields.map((field) => ({
    ...field,
    words: null,
    bins: [],
    values: field.values.map((option) => ({ ...option, price: null })),
  })),
  filters: schema.filters.filter(
    (filter) => filter.kind === "range" || !["status", "persona", "stage"].includes(filter.parameter),
  ),
  sorts: ["probability", "customer_id"],
});

describe("the schema", () => {
  it("is loaded once a visit, and revalidated at the next", () =>
    withPage(async (page) => {
      const client = await page.context().newCDPSession(page);
      await client.send("Network.enable");
      const asked: string[] = [];
      client.on("Network.requestWillBeSent", ({ requestId, request }) => {
        if (request.url.endsWith("/v1/schema")) asked.push(requestId);
      });
      // What came over the network: the page itself is given 200 and the cached body.
      const came = new Map<string, number>();
      client.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) =>
        came.set(requestId, statusCode),
      );
      const statuses = () => asked.map((id) => came.get(id));
      await page.goto(address("#/customers"));
      for (const place of ["Analytics", "Explainability", "Customers"])
        await page.getByRole("link", { name: place, exact: true }).first().click();
      await page.locator("[role=listbox] [role=option]").first().waitFor();
      await expect.poll(statuses).toEqual([200]);
      await page.reload();
      await page.locator("[role=listbox] [role=option]").first().waitFor();
      await expect.poll(statuses).toEqual([200, 304]);
    }));
});

const PLACES = ["customers", "campaign", "analytics", "experiment", "explainability"];

describe("a business without roles, personas, stages, experiments and prices", () => {
  it.each(PLACES)("has its %s, without what belongs to those", (place) =>
    withPage(async (page) => {
      await serveSchema(page, bare);
      const asked: string[] = [];
      page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
      await page.goto(address(`#/${place}`));
      await page.getByText("A bare business.").waitFor();
      await page.waitForLoadState("networkidle");
      const text = await page.locator("main").innerText();
      expect(text).not.toMatch(/Revenue|[Cc]hurn rate(?! today)|undefined|NaN|null/);
      expect(asked).not.toContain("GET /v1/analytics/experiment");
      await expectAccessible(page);
    }),
  );

  it("has its customers' what-if", () =>
    withPage(async (page) => {
      await serveSchema(page, bare);
      const [{ customer_id }] = await someCustomers();
      await page.goto(address(place(customer_id)));
      await page.locator(".nudge h3").first().waitFor();
      await page.getByLabel(LADDER.field.label, { exact: true }).selectOption(String(LADDER.last.value));
      await page.getByText("against the actual").waitFor();
      const text = await page.locator(".panel").innerText();
      expect(text).not.toMatch(/price list|Still a customer|undefined|NaN/);
      // No arm of an experiment.
      expect(await page.locator(".identity .tags").innerText()).not.toContain(
        served.experiments.map(({ arm }) => served.fields.find(({ name }) => name === arm)?.label).join(),
      );
      expect(await page.getByLabel("Sort by").locator("option").allInnerTexts()).toEqual([
        "Highest risk",
        "Lowest risk",
        "Customer id",
      ]);
    }));
});

describe("labels", () => {
  it("of fields, values, levels and groups are those of the schema", () =>
    withPage(async (page) => {
      await serveSchema(page, (schema) => ({
        ...schema,
        currency: "GBP",
        risk: {
          ...schema.risk,
          levels: schema.risk.levels.map((level) => ({ ...level, label: `Stufe ${level.name}` })),
        },
        fields: schema.fields.map((field) => ({
          ...field,
          label: `Feld ${field.name}`,
          about: field.change === "never" ? "fixed things" : "other things",
          values: field.values.map((option) => ({ ...option, label: `Wert ${option.value}` })),
        })),
      }));
      const [{ customer_id }] = await someCustomers();
      await page.goto(address(place(customer_id)));
      await page.locator(".nudge h3").first().waitFor();
      expect(await page.locator(".group legend").allInnerTexts()).toEqual(["Other things", "Fixed things"]);
      await page
        .getByLabel(`Feld ${LADDER.field.name}`, { exact: true })
        .selectOption({ label: `Wert ${LADDER.last.value}` });
      await page.getByText("against the actual").waitFor();
      expect(await page.locator(".row .level").first().innerText()).toMatch(/^Stufe /);
      expect(await page.locator(".row .sub").first().innerText()).toContain("£");
      const arm = found(served.experiments[0], "experiment").arm;
      const { profile } = await customer(customer_id);
      if (profile[arm])
        expect(await page.locator(".identity .tags").innerText()).toContain(`Feld ${arm} Wert`);
    }));
});
