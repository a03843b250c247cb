/** What the shipped business alone says: its own words, and that the tests for any business choose of it what they should. */
import { describe, expect, it } from "vitest";
import type { Advice, Explanation, SelectionReadout } from "../../../src/api/types.ts";
import { address, useBrowser, withPage } from "../browser.ts";
import {
  COUNTED,
  customer,
  EXPERIMENT,
  EXTRA,
  fromApi,
  GROUP,
  HIGHEST,
  LADDER,
  listed,
  PRICE,
  place,
  schema,
} from "../business.ts";

useBrowser();

const ROWS = "[aria-label=Customers] [role=option]";
/** The columns of IBM's file. */
const HEADER =
  "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges";

describe("Telco", () => {
  it("has all that the tests of any business look for", () => {
    expect([LADDER.field.name, LADDER.first.value, LADDER.last.value]).toEqual([
      "contract",
      "Month-to-month",
      "Two year",
    ]);
    expect([COUNTED.field.name, COUNTED.min, COUNTED.max]).toEqual(["tenure_months", 13, 24]);
    expect([GROUP.filter.parameter, GROUP.value]).toEqual(["stage", "mature"]);
    expect([EXTRA.field.name, EXTRA.needed.name, EXTRA.without.value]).toEqual([
      "online_security",
      "internet_service",
      "No",
    ]);
    expect([PRICE.name, HIGHEST.name, EXPERIMENT.arm]).toEqual(["monthly_charges", "high", "variant"]);
  });

  it("words sorts, ranges and figures in its own terms", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers?tenure_min=13&tenure_max=24"));
      await page.locator(ROWS).first().waitFor();
      await page
        .getByRole("button", { name: /^Remove filter Tenure: from 13\smonths up to 24\smonths/ })
        .waitFor();
      const sorts = await page.getByLabel("Sort by").locator("option").allInnerTexts();
      expect(sorts).toEqual(
        expect.arrayContaining(["Newest", "Longest with us", "Highest monthly charges", "Left first"]),
      );
      await page.goto(address("#/analytics"));
      const tiles = page.locator(".tiles").first();
      await expect.poll(() => tiles.innerText()).toContain("Revenue a month");
      expect(await tiles.innerText()).toContain("a month: price × probability");
      await page.goto(address("#/explainability?feature=tenure_months"));
      await page.getByRole("heading", { name: "How the risk depends on tenure" }).waitFor();
    }));

  it("knows the outcome of everybody", async () => {
    const { known_outcomes, population } = await fromApi<{ known_outcomes: number; population: number }>(
      "/v1/analytics",
    );
    expect(known_outcomes).toBe(population);
  });

  it("adds up what the waterfall does not show of its nineteen features", () =>
    withPage(async (page) => {
      const { items } = await listed({ limit: "1" });
      const id = items[0]?.customer_id ?? "";
      const { sentence } = await fromApi<Explanation>(`/v1/explain/${id}`);
      expect(sentence).toMatch(/^Mostly because/);
      await page.goto(address(place(id)));
      await page.getByText("10 other features").waitFor();
      expect(await page.locator(".sentence").innerText()).toBe(sentence);
    }));

  it("takes every other add-on away with the internet, and its tech support has a price", () =>
    withPage(async (page) => {
      const { items } = await listed({ internet_service: "DSL", limit: "1" });
      await page.goto(address(place(items[0]?.customer_id ?? "")));
      await page.locator(".nudge h3").first().waitFor();
      await page.getByLabel("Internet service", { exact: true }).selectOption("No");
      await page.locator("#field-tech_support:disabled").waitFor();
      await page.locator("#field-online_backup:disabled").waitFor();
      const price = schema.fields.find(({ name }) => name === "tech_support")?.values[1]?.price;
      expect(price).toBeGreaterThan(0);
    }));

  it("measures its treatment against the priority plan", () =>
    withPage(async (page) => {
      const { comparison } = await fromApi<SelectionReadout>("/v1/analytics/experiment");
      expect(comparison).toContain("against the priority plan");
      const { items } = await listed({ variant: "B", limit: "1" });
      const id = items[0]?.customer_id ?? "";
      const { nudges } = await fromApi<Advice>(`/v1/nudges/${id}`);
      expect(nudges[0]?.measured).not.toBe(null);
      await page.goto(address(place(id)));
      const measured = page.locator(`.nudge[data-nudge=${nudges[0]?.id}] [data-effect=measured]`);
      await expect.poll(() => measured.innerText()).toContain("customers, against the priority plan");
    }));

  it("scores a file with IBM's columns, and says which rows it refuses", () =>
    withPage(async (page) => {
      const row = (id: string, tenure: number, contract: string) =>
        `${id},Female,0,Yes,No,${tenure},Yes,No,Fiber optic,No,Yes,No,No,No,No,${contract},Yes,Electronic check,80.5,${80.5 * Math.abs(tenure)}`;
      const csv = [
        HEADER,
        row("1111-AAAAA", 40, "Two year"),
        row("2222-BBBBB", -3, "One year"),
        row("3333-CCCCC", 1, "Month-to-month"),
      ].join("\n");
      await page.goto(address("#/customers"));
      await page
        .getByLabel("Score a CSV file")
        .setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
      const rows = page.locator("[role=listbox][aria-label='Scored customers'] [role=option]");
      await expect.poll(() => rows.count()).toBe(2);
      expect(await rows.first().innerText()).toContain("3333-CCCCC");
      const refused = page.getByRole("region", { name: "1 row refused" });
      expect(await refused.innerText()).toMatch(/3\s+tenure must be between 0 and 600/);
    }));

  it("shows contract and payment of a customer", () =>
    withPage(async (page) => {
      const { items } = await listed({ limit: "1" });
      const id = items[0]?.customer_id ?? "";
      const { profile } = await customer(id);
      await page.goto(address(place(id)));
      await page.locator("#field-contract").waitFor();
      for (const name of ["contract", "payment_method"])
        expect(await page.locator(`#field-${name}`).inputValue()).toBe(profile[name]);
    }));
});
