/** A business with nothing that is optional: no outcome, price, persona, stage, experiment, filter, listed field or unit. */
import { describe, expect, it } from "vitest";
import { percent } from "../../../src/format.ts";
import { customer, fromApi, listed, place, schema, whatIf } from "../api.ts";
import {
  address,
  expectAccessible,
  expectNoSidewaysScroll,
  PHONE,
  useBrowser,
  withPage,
} from "../browser.ts";
import { ODD_IDS } from "./workspace.ts";

useBrowser();

const ROWS = "[aria-label=Customers] [role=option]";
const PLACES = ["customers", "campaign", "analytics", "experiment", "explainability"];
/** What would be a number without meaning, or a part that this business does not have. */
const NONSENSE =
  /undefined|NaN|null|Infinity|\$|Revenue|[Cc]hurn rate|active|Left\b|Still a customer|price|Measured effect/;

describe("a minimal business", () => {
  it.each(PLACES)("has its %s, without what it lacks", (where) =>
    withPage(async (page) => {
      const asked: string[] = [];
      page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
      await page.goto(address(`#/${where}`));
      await page.locator("main h1").first().waitFor({ state: "attached" });
      await page.waitForLoadState("networkidle");
      const text = await page.locator("main").innerText();
      // The calculators are for experiments of anybody, and the file of anybody's own.
      if (where !== "experiment") expect(text).not.toMatch(NONSENSE);
      expect(asked).not.toContain("GET /v1/analytics/experiment");
      // Nor data before these.
      expect(asked).not.toContain("GET /v1/analytics/changes");
      expect(await page.getByRole("alert").count()).toBe(0);
      await expectAccessible(page);
    }),
  );

  it.each(PLACES)("fits its %s on a phone", (where) =>
    withPage(
      async (page) => {
        await page.goto(address(`#/${where}`));
        await page.waitForLoadState("networkidle");
        await expectNoSidewaysScroll(page);
      },
      { viewport: PHONE },
    ),
  );

  it("counts customers without a status, and sorts by risk and id alone", () =>
    withPage(async (page) => {
      const { total } = await listed();
      await page.goto(address("#/customers?status=left"));
      await page.locator(ROWS).first().waitFor();
      expect(await page.getByRole("status").innerText()).toBe(`${total}\u00a0customers`);
      expect(await page.getByLabel("Sort by").locator("option").allInnerTexts()).toEqual([
        "Highest risk",
        "Lowest risk",
        "Customer id",
      ]);
      expect(await page.locator("summary", { hasText: "Status" }).count()).toBe(0);
    }));

  it.each(ODD_IDS)("opens, keeps and exports the customer %s", (id) =>
    withPage(async (page) => {
      const known = await customer(id);
      await page.goto(address("#/customers?sort=customer_id"));
      const row = page.locator(ROWS).filter({ hasText: id }).first();
      await page.locator("#search").fill(id);
      await row.click();
      const card = page.getByRole("article", { name: `Customer ${id}` });
      await card.getByText(percent(known.probability, 1)).first().waitFor();
      const list = page.locator("[aria-label=Customers][role=listbox]");
      // The list names its row by an id that exists.
      await expect
        .poll(() =>
          list.evaluate(
            (box) =>
              document.getElementById(box.getAttribute("aria-activedescendant") ?? "")?.ariaSelected ?? null,
          ),
        )
        .toBe("true");
      expect(page.url()).toContain(place(id));
      await page.reload();
      await card.getByText(percent(known.probability, 1)).first().waitFor();
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export report" }).click();
      expect(await (await saving).failure()).toBe(null);
    }),
  );

  it("has its customers' what-if, and offers no change that nobody can make", () =>
    withPage(async (page) => {
      const { items } = await listed({ limit: "1" });
      const id = items[0]?.customer_id ?? "";
      const { profile, probability } = await customer(id);
      await page.goto(address(place(id)));
      await page.locator(".nudge h3").first().waitFor();
      expect(await page.locator(".recourse").count()).toBe(0);
      await page.locator("#field-plan").selectOption("Full");
      const { prediction } = await whatIf(profile, { plan: "Full" });
      expect(prediction.probability).not.toBe(probability);
      await expect
        .poll(() => page.locator(".verdict .probability").innerText())
        .toBe(percent(prediction.probability, 1));
      expect(await page.locator(".panel").innerText()).not.toMatch(NONSENSE);
    }));

  it("shows a missing value as unknown", () =>
    withPage(async (page) => {
      const id = "no. 20";
      expect((await customer(id)).profile.visits).toBe(null);
      await page.goto(address(place(id)));
      await page.locator("g.step[data-feature=visits]").focus();
      await expect.poll(() => page.locator(".pointed h3").innerText()).toBe("Visits: unknown");
      await page.getByText("Not known of this customer").waitFor();
      expect(await page.locator("#field-visits").getAttribute("placeholder")).toBe("unknown");
    }));

  it("marks what was typed and cannot be", () =>
    withPage(async (page) => {
      await page.goto(address(place("1")));
      const visits = page.locator("#field-visits");
      await visits.fill("-4");
      await page.getByText("Visits must be between 0 and 1,000,000,000").waitFor();
      expect(await visits.getAttribute("aria-invalid")).toBe("true");
      await expectAccessible(page);
      await visits.fill("3");
      await expect.poll(() => visits.getAttribute("aria-invalid")).toBe("false");
      await expect.poll(() => page.url()).toContain("edit.visits=3");
    }));

  it("has no evaluation of its model, and says so", () =>
    withPage(async (page) => {
      const { evaluation } = await fromApi<{ evaluation: unknown }>("/v1/explain/model");
      expect(evaluation).toBe(null);
      await page.goto(address("#/explainability"));
      await page.getByText("No evaluation describes the model in use.").waitFor();
    }));

  it("is one with nothing optional", () => {
    const { roles, list, personas, stages, experiments } = schema;
    expect([list, personas, stages, experiments]).toEqual([[], [], [], []]);
    expect([roles.outcome, roles.tenure, roles.recurring, roles.lifetime]).toEqual([null, null, null, null]);
  });
});
