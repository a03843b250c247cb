/** A campaign from the list to the line for the catalogue, and back. */
import { readFileSync } from "node:fs";
import { csvFormat, csvParse } from "d3-dsv";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { CampaignPage, CampaignReadout } from "../../src/api/types.ts";
import { count, points, roundMoney } from "../../src/format.ts";
import { address, expectAccessible, expectNoSidewaysScroll, PHONE, useBrowser, withPage } from "./browser.ts";
import { fromApi, LADDER, on, query, schema } from "./business.ts";

useBrowser();

const tile = (page: Page, label: string) =>
  page.locator(".tile").filter({ has: page.getByText(label, { exact: true }) });
const figure = (page: Page, label: string) => tile(page, label).locator("dd").first().innerText();

/** How far the invented treatment moves everybody's log-odds. */
const SHIFT = -1.2;
const treated = (probability: number): number => {
  const odds = (probability / (1 - probability)) * Math.exp(SHIFT);
  return odds / (1 + odds);
};

/** Numbers between 0 and 1 that are the same in every run (mulberry32). */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("a campaign", () => {
  it("is chosen, downloaded, brought back with outcomes and read out", () =>
    withPage(async (page) => {
      await page.goto(address("#/campaign"));
      expect(await page.locator(".tile").count()).toBe(0);
      await page.getByLabel("Name of the campaign").fill("Frühling 27");
      await page.getByLabel("Hold-out, share").fill("0.4");
      await page.getByLabel("Cost of a contact").fill("2");
      const asked = query({ campaign: "Frühling 27", holdout: "0.4", cost: "2" });
      const listed = await fromApi<CampaignPage>(`/v1/nudges?${asked}`);
      await expect
        .poll(() => figure(page, "Expected value"))
        .toBe(roundMoney(listed.totals.expected_value.estimate));
      expect(await figure(page, "Contacted")).toBe(count(listed.totals.treat));
      expect(await figure(page, "Cost")).toBe(roundMoney(listed.totals.cost));
      const rows = page.getByRole("table", { name: "Customers of the campaign" }).locator("tbody tr");
      expect(await rows.first().locator("th").innerText()).toBe(listed.items[0]?.customer_id);
      expect(await rows.count()).toBe(listed.items.length);
      await expectAccessible(page);

      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download the list" }).click(),
      ]);
      expect(file.suggestedFilename()).toBe("Frühling 27.csv");
      const customers = csvParse(readFileSync(await file.path(), "utf8"));
      expect(customers.length).toBe(listed.total);

      const random = randomly(27);
      const effects: number[] = [];
      for (const customer of customers) {
        const probability = Number(customer.probability);
        const chance = customer.arm === "treat" ? treated(probability) : probability;
        if (customer.arm === "treat") effects.push(chance - probability);
        customer.left = random() < chance ? "yes" : "no";
      }
      const truth = effects.reduce((sum, effect) => sum + effect, 0) / effects.length;
      const outcomes = csvFormat(customers);
      await page.getByLabel("Bring outcomes back").setInputFiles({
        name: "outcomes.csv",
        mimeType: "text/csv",
        buffer: Buffer.from(outcomes),
      });
      await page.locator(".decision.ship").waitFor();
      const answer = await fetch(address(`v1/analytics/campaign?${asked}`).replace("/#", ""), {
        method: "POST",
        headers: { "content-type": "text/csv" },
        body: outcomes,
      });
      const readout = (await answer.json()) as CampaignReadout;
      const difference = readout.cuped?.absolute_difference;
      const [low = Number.NaN, high = Number.NaN] = difference?.interval ?? [];
      expect(low).toBeLessThan(truth);
      expect(high).toBeGreaterThan(truth);
      const effect = page.getByRole("region", { name: "Did it work?" }).locator(".tile").nth(2);
      expect(await effect.locator("dd").first().innerText()).toBe(points(difference?.estimate ?? Number.NaN));
      expect(await page.locator(".decision").innerText()).toBe(readout.sentence);
      const lines = await page
        .getByRole("table", { name: "Effect by nudge" })
        .locator("code")
        .allInnerTexts();
      expect(lines).toEqual(readout.nudges.flatMap(({ toml }) => toml ?? []));
      expect(lines[0]).toMatch(/^measured = \{ effect = .*campaign = "Frühling 27"/);
      await expectAccessible(page);
    }));

  it("is in the address, with the filters of every place", () =>
    withPage(async (page) => {
      const asked = { campaign: "a", contacts: "20", ...on(LADDER.second) };
      await page.goto(address(`#/campaign?${query(asked)}`));
      const listed = await fromApi<CampaignPage>(`/v1/nudges?${query(asked)}`);
      await expect.poll(() => figure(page, "Contacted")).toBe(count(20));
      expect(await tile(page, "Contacted").innerText()).toContain(
        `${count(listed.totals.hold_out)} held out`,
      );
      await page.getByRole("button", { name: `Remove filter ${LADDER.field.label}` }).click();
      const all = await fromApi<CampaignPage>("/v1/nudges?campaign=a&contacts=20");
      await expect
        .poll(() => figure(page, "Expected value"))
        .toBe(roundMoney(all.totals.expected_value.estimate));
      expect(all.totals.expected_value.estimate).toBeGreaterThan(listed.totals.expected_value.estimate);
    }));

  it("says what is wrong with a number or a file", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/campaign?campaign=a&holdout=0.95"));
        await page.getByRole("alert").waitFor();
        expect(await page.getByRole("alert").innerText()).toContain("must be a number between 0 and 0.9");
        await page.goto(address("#/campaign?campaign=b"));
        await page.getByLabel("Bring outcomes back").setInputFiles({
          name: "wrong.csv",
          mimeType: "text/csv",
          buffer: Buffer.from(`${schema.roles.id}\nnobody\n`),
        });
        await page.getByText("is a column that the header lacks").waitFor();
      },
      { allowed: /422/ },
    ));

  it("fits a phone", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/campaign?campaign=a&contacts=30"));
        await page.locator(".tile").first().waitFor();
        await expectNoSidewaysScroll(page);
      },
      { viewport: PHONE },
    ));
});
