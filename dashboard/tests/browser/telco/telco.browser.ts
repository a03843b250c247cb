/** What the shipped business alone says: its own words, and that the tests for any business choose of it what they should. */
import { describe, expect, it } from "vitest";
import type { Advice, Explanation, SelectionReadout } from "../../../src/api/types.ts";
import {
  address,
  expectAccessible,
  expectNoSidewaysScroll,
  PHONE,
  useBrowser,
  withPage,
} from "../browser.ts";
import {
  COUNTED,
  csvOf,
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

/** A file as another program writes it: contracts as positions, and totals whose last three digits may be decimals. */
async function uncertainFile(): Promise<{
  text: string;
  rows: readonly { id: string; probability: number }[];
}> {
  const { items } = await listed({ limit: "40" });
  const all = await Promise.all(items.map(({ customer_id }) => customer(customer_id)));
  const contracts = ["Month-to-month", "One year", "Two year"];
  const rows = all.map(({ profile }, index) => {
    const changed = { ...profile, monthly_charges: 50 + index, total_charges: 1100 + index };
    return { id: `m-${index}`, profile: { ...changed, contract: contracts[index % 3] ?? "" } };
  });
  const posted = await fetch(address("v1/predict"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(rows.map(({ profile }) => profile)),
  });
  const predictions: { probability: number }[] = await posted.json();
  const text = csvOf(rows)
    .replaceAll(",", ";")
    .replaceAll(/;11(\d\d)(?=;|\n|$)/g, ";1.1$1")
    .replaceAll("Month-to-month", "0")
    .replaceAll("One year", "1")
    .replaceAll("Two year", "2");
  return {
    text,
    rows: rows.map(({ id }, index) => ({ id, probability: predictions[index]?.probability ?? Number.NaN })),
  };
}

describe("a file that may be read in two ways", () => {
  it("is scored after the person has chosen, as the API scores it", () =>
    withPage(
      async (page) => {
        const { text, rows } = await uncertainFile();
        await page.goto(address("#/customers"));
        await page
          .getByLabel("Score a CSV file")
          .setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
        const asked = page.getByRole("alert").filter({ hasText: "How should this file be read?" });
        await asked.waitFor();
        expect(await asked.innerText()).toMatch(/contract has positions in place of values, 0 to 2/);
        expect(await asked.innerText()).toMatch(
          /total_charges has 40 numbers of which the last three digits/,
        );
        await expectAccessible(page);
        const shot = process.env.SCREENSHOTS;
        if (shot) await page.screenshot({ path: `${shot}/asked.png` });
        await page.getByRole("button", { name: "0 is Month-to-month, 1 is One year, 2 is Two year" }).click();
        await expect.poll(() => asked.innerText()).not.toMatch(/positions/);
        await page.getByRole("button", { name: /^1\.234 is one thousand two hundred thirty-four/ }).click();
        const options = page.locator("[role=listbox][aria-label='Scored customers'] [role=option]");
        await page.getByLabel("Sort the scored customers by").selectOption("line");
        for (const [index, { id, probability }] of rows.slice(0, 3).entries()) {
          const row = await options.nth(index).innerText();
          expect(row).toContain(id);
          expect(row).toContain(`${Math.round(100 * probability)}`);
        }
        const how = page.getByRole("region", { name: "How the file was read" }).first();
        expect(await how.innerText()).toMatch(/total_charges\s+decimal comma/);

        await page.getByRole("button", { name: "Undo what I confirmed" }).click();
        await asked.waitFor();
        expect(await asked.innerText()).toMatch(/contract has positions/);
        await expectNoSidewaysScroll(page);
        if (shot) await page.screenshot({ path: `${shot}/asked-phone.png` });
      },
      { viewport: PHONE, allowed: /422/ },
    ));
});
