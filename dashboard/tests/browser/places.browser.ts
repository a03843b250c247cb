import { describe, expect, it } from "vitest";
import type {
  Analytics,
  CohortWhatIf,
  Policy,
  Quality,
  Readout,
  SelectionReadout,
} from "../../src/api/types.ts";
import {
  count,
  customers,
  decimal,
  eValue,
  inSentence,
  percent,
  pValue,
  ratioInterval,
  roundMoney,
  withSign,
} from "../../src/format.ts";
import { successRate } from "../../src/pages/explainability/success.ts";
import { address, expectAccessible, expectNoSidewaysScroll, PHONE, useBrowser, withPage } from "./browser.ts";
import {
  COUNTED,
  EXPERIMENT,
  found,
  fromApi,
  GROUP,
  HIGHEST,
  LADDER,
  listed,
  on,
  post,
  query as queryOf,
  schema,
} from "./business.ts";

useBrowser();

describe("analytics", () => {
  it("filters everything by a click on a bar, in chips and in the address", () =>
    withPage(async (page) => {
      await page.goto(address("#/analytics"));
      const status = page.getByRole("status");
      const chosen = page.getByRole("region", { name: LADDER.field.label, exact: true });
      await chosen
        .locator("g.bin")
        .filter({ hasText: `${LADDER.second.label}: ` })
        .click();
      const one = await fromApi<Analytics>(`/v1/analytics?${queryOf(on(LADDER.second))}`);
      const extent = ({ count: counted, population }: Analytics) =>
        `${customers(counted, ["active"])}, of ${count(population)} customers in all`;
      await expect.poll(() => status.innerText()).toBe(extent(one));

      // By keyboard, a bin of a number.
      const counted = found(
        one.distributions.find(({ field }) => field === COUNTED.field.name),
        "distribution of the number",
      );
      const bin = counted.bins.find((candidate) => candidate.count > 0);
      const query = new URLSearchParams(on(LADDER.second));
      for (const [name, value] of Object.entries(bin?.filter ?? {})) query.set(name, String(value));
      const both = await fromApi<Analytics>(`/v1/analytics?${query}`);
      const card = page.getByRole("region", { name: counted.label, exact: true });
      await card
        .locator("g.bin")
        .filter({ hasText: `${bin?.label}: ` })
        .focus();
      await page.keyboard.press("Enter");
      await expect.poll(() => status.innerText()).toBe(extent(both));
      expect(both.count).toBe(bin?.count);

      const shared = page.url();
      await page.goto("about:blank");
      await page.goto(shared);
      await expect.poll(() => status.innerText()).toBe(extent(both));
      await page.getByRole("button", { name: `Remove filter ${COUNTED.filter.label}` }).click();
      await expect.poll(() => status.innerText()).toBe(extent(one));
      await page.goBack();
      await expect.poll(() => status.innerText()).toBe(extent(both));
    }));

  it("says whom to treat on the terms that are typed, and keeps them in the address", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/analytics"));
        const card = page.getByRole("region", { name: "Whom to treat", exact: true });
        const sentence = card.locator("p.decision");
        const free = await fromApi<Policy>("/v1/analytics/policy");
        await expect.poll(() => sentence.innerText()).toContain(free.reason);
        await expect.poll(() => card.locator(".chart svg").count()).toBe(1);
        await card.getByText("Show as a table").click();
        await expect.poll(() => card.getByRole("table").getByRole("row").count()).toBe(21);

        const dear = await fromApi<Policy>("/v1/analytics/policy?cost=1000000");
        expect(dear.decision).toBe("treat_nobody");
        await card.getByLabel("Cost of treating one customer").fill("1000000");
        await expect.poll(() => sentence.innerText()).toContain(dear.reason);
        await expect.poll(() => page.url()).toContain("policy.cost=1000000");
        await expectAccessible(page);
        await page.reload();
        await expect.poll(() => sentence.innerText()).toContain(dear.reason);

        // Less than one offer costs: the problem is shown, and no number of another question.
        await card.getByLabel("Budget").fill("10");
        await expect.poll(() => card.innerText()).toContain("pays for nobody");
        await expect.poll(() => sentence.count()).toBe(0);
      },
      { allowed: /status of 422/ },
    ));

  it("counts active customers, and takes rates from everybody with a known outcome", () =>
    withPage(async (page) => {
      const analytics = await fromApi<Analytics>("/v1/analytics");
      await page.goto(address("#/analytics"));
      const tile = (label: string) =>
        page.locator(".tile").filter({ has: page.getByText(label, { exact: true }) });
      await expect.poll(() => tile("Active customers").innerText()).toContain(count(analytics.count));
      expect(await tile("Churn rate").innerText()).toContain(
        `of ${count(analytics.known_outcomes)}, active and left`,
      );
      expect(analytics.known_outcomes).toBeLessThanOrEqual(analytics.population);
      const risk = analytics.distributions.find(({ field }) => field === "risk_level");
      const high = risk?.bins.find(({ filter }) => filter.risk_level === HIGHEST.name);
      await page
        .getByRole("button", {
          name: `${HIGHEST.label}: ${customers(high?.count ?? Number.NaN, ["active"])}`,
        })
        .waitFor();
      // The overview beside the directory says the same.
      await page.goto(address("#/customers"));
      await expect
        .poll(() => tile(`Risk level ${HIGHEST.label}`).innerText())
        .toContain(count(high?.count ?? Number.NaN));
      expect(await tile("Revenue at risk").innerText()).toContain(
        roundMoney(analytics.revenue_at_risk ?? Number.NaN),
      );
    }));

  it("leads to the same customers in the directory", () =>
    withPage(async (page) => {
      const group = { [GROUP.filter.parameter]: GROUP.value };
      const { total } = await listed({ ...group, limit: "1" });
      await page.goto(address(`#/analytics?${queryOf(group)}`));
      await page.getByRole("link", { name: "Show these customers" }).click();
      await expect.poll(() => page.getByRole("status").innerText()).toContain(count(total));
    }));

  it("shows an empty selection as such", () =>
    withPage(async (page) => {
      const beyond = (COUNTED.field.most ?? 1e6) - 1;
      await page.goto(address(`#/analytics?${queryOf({ [COUNTED.filter.min]: String(beyond) })}`));
      await page.getByRole("heading", { name: "No customer fits all these filters" }).waitFor();
    }));

  it("says what a change of plan would mean for the selection", () =>
    withPage(async (page) => {
      const { field, first, last } = LADDER;
      await page.goto(address(`#/analytics?${queryOf(on(first))}`));
      await page.getByLabel("Plan change").selectOption(`${field.name}:${last.value}`);
      const answer = await post<CohortWhatIf>("/v1/analytics/what-if", {
        filters: { [field.name]: [first.value] },
        change: { [field.name]: last.value },
      });
      await page
        .getByRole("cell", { name: decimal(answer.after.expected_churners, 1), exact: true })
        .first()
        .waitFor();
    }));

  it("begins a change of plan from the whole selection, with the part that it fits beside it", () =>
    withPage(async (page) => {
      const answer = await post<CohortWhatIf>("/v1/analytics/what-if", {
        change: { [LADDER.field.name]: LADDER.second.value },
      });
      const analytics = await fromApi<Analytics>("/v1/analytics");
      await page.goto(address("#/analytics"));
      const table = page.getByRole("region", { name: "The selection before and after the change" });
      const row = table.getByRole("row", { name: /^Churners/ });
      const { before, after, changed_before, changed_after } = answer;
      await expect
        .poll(() => row.getByRole("cell").allInnerTexts())
        .toEqual([
          decimal(before.expected_churners, 1),
          decimal(after.expected_churners, 1),
          withSign(after.expected_churners - before.expected_churners, 1),
          decimal(changed_before.expected_churners, 1),
          decimal(changed_after.expected_churners, 1),
        ]);
      expect(before.expected_churners).toBeCloseTo(analytics.expected_churners, 6);
      const tile = page.locator(".tile").filter({ hasText: "Expected churners" });
      expect(await tile.innerText()).toContain(count(before.expected_churners));
    }));

  it("says what the outcomes should show", () =>
    withPage(async (page) => {
      const { expected_performance: expected } = await fromApi<Analytics>("/v1/analytics");
      await page.goto(address("#/analytics"));
      const card = page.getByRole("region", { name: "What should their outcomes show?" });
      const text = await card.innerText();
      for (const [figure, digits] of [
        [expected.churners, 0],
        [expected.roc_auc, 3],
        [expected.log_loss, 3],
      ] as const) {
        if (figure === null) throw new Error("customers of whom some leave and some stay");
        const [low, high] = figure.interval.map((end) => decimal(end, digits));
        expect(text).toContain(decimal(figure.estimate, digits));
        expect(text).toContain(`${low} to ${high}`);
      }
    }));
});

describe("the experiment", () => {
  it("shows the API's decision and figures", () =>
    withPage(async (page) => {
      const readout = await fromApi<SelectionReadout>("/v1/analytics/experiment");
      await page.goto(address("#/experiment"));
      await page.getByText(readout.reason).waitFor();
      const text = await page.locator("main").innerText();
      expect(text).toContain(percent(readout.bayesian?.chance_to_win ?? Number.NaN, 1));
      expect(text).toContain(pValue(readout.frequentist?.p_value ?? Number.NaN));
      expect(text).toContain(`${eValue(readout.anytime.better)} : ${eValue(readout.anytime.worse)}`);
      expect(text).toContain(ratioInterval(readout.anytime.rate_ratio));
      const rates = await page
        .getByRole("img", {
          name: `Churn rate by ${inSentence(EXPERIMENT.field.label)}`,
        })
        .textContent();
      expect(rates).toContain(percent(readout.control.rate ?? Number.NaN, 1));
      expect(rates).toContain(percent(readout.treatment.rate ?? Number.NaN, 1));
    }));

  it("says what control is offered, and is about everybody whatever the status", () =>
    withPage(async (page) => {
      const readout = await fromApi<SelectionReadout>("/v1/analytics/experiment");
      await page.goto(address("#/experiment?status=left"));
      await page.getByText(readout.comparison, { exact: true }).waitFor();
      expect(readout.comparison).toContain(`against ${EXPERIMENT.control.offer}`);
      const users = readout.control.users + readout.treatment.users;
      expect(await page.getByRole("status").innerText()).toBe(
        `${count(users)} customers in the experiment, active and left`,
      );
      expect(await page.getByRole("button", { name: /^Remove filter Status/ }).count()).toBe(0);
    }));

  it("reads out the person's own counts", () =>
    withPage(async (page) => {
      await page.goto(address("#/experiment"));
      await page.getByLabel("Conversions in A").fill("49");
      await page.getByLabel("Conversions in B").fill("51");
      await page.getByLabel("Users in A", { exact: true }).fill("100");
      await page.getByLabel("Users in B", { exact: true }).fill("100");
      await page.getByLabel("Better is").selectOption("higher_is_better");
      const readout = await post<Readout>("/v1/analytics/experiment", {
        metric: "higher_is_better",
        control: { users: 100, conversions: 49 },
        treatment: { users: 100, conversions: 51 },
      });
      // GrowthBook's own answer for these counts.
      expect(readout.bayesian?.chance_to_win).toBeCloseTo(0.60918, 4);
      const answer = page.locator("[data-answer=counts]");
      await expect.poll(() => answer.innerText()).toContain("60.9\u00a0%");
      expect(await answer.innerText()).toContain(pValue(readout.frequentist?.p_value ?? Number.NaN));
      await expect.poll(() => page.url()).toContain("calc.b_conversions=51");
    }));

  it("rolls back where nobody converted in A, and says that nothing bounds the ratio", () =>
    withPage(async (page) => {
      await page.goto(
        address(
          "#/experiment?calc.a_users=5000&calc.a_conversions=0&calc.b_users=5000&calc.b_conversions=100",
        ),
      );
      const answer = page.locator("[data-answer=counts]");
      await expect.poll(() => answer.innerText()).toContain("Roll back.");
      const text = await answer.innerText();
      expect(text).toContain("or more");
      expect(text).toContain("0.05 : >\u00a01,000,000");
    }));

  it("says what is wrong with impossible counts", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/experiment?calc.a_users=10&calc.a_conversions=20"));
        await page.getByRole("alert").first().waitFor();
      },
      { allowed: /422/ },
    ));

  it("plans an experiment", () =>
    withPage(async (page) => {
      await page.goto(address("#/experiment"));
      await page.getByLabel("Rate today, %").fill("26.5");
      await page.getByLabel("Effect to detect, points").fill("-4");
      await page.getByLabel("Users a day").fill("100");
      // statsmodels: 1,812.1 users per arm.
      const answer = page.locator("[data-answer=plan]");
      await expect.poll(() => answer.innerText()).toContain("1,813");
      await expect.poll(() => answer.innerText()).toContain("37\u00a0days");
    }));
});

describe("explainability", () => {
  it("drives every count by one cutoff", () =>
    withPage(async (page) => {
      const { evaluation } = await fromApi<Quality>("/v1/explain/model");
      await page.goto(address("#/explainability?cutoff=60"));
      const at = evaluation?.by_cutoff.find((one) => one.percentile === 61);
      await page.getByRole("slider").focus();
      await page.keyboard.press("ArrowRight");
      const cell = (name: string) => page.locator(`[data-count=${name}]`).innerText();
      await expect.poll(() => cell("true_positives")).toBe(count(at?.true_positives ?? Number.NaN));
      expect(await cell("false_positives")).toBe(count(at?.false_positives ?? Number.NaN));
      expect(await cell("false_negatives")).toBe(count(at?.false_negatives ?? Number.NaN));
      expect(await cell("true_negatives")).toBe(count(at?.true_negatives ?? Number.NaN));
      await expect.poll(() => page.url()).toContain("cutoff=61");
    }));

  it("reckons the gain with the experiment's success rate until the person says another", () =>
    withPage(async (page) => {
      const { evaluation } = await fromApi<Quality>("/v1/explain/model");
      const readout = await fromApi<SelectionReadout>("/v1/analytics/experiment");
      await page.goto(address("#/explainability"));
      const at = evaluation?.by_cutoff.find((one) => one.percentile === 75);
      const { true_positives = 0, false_positives = 0 } = at ?? {};
      const cost = 20 * (true_positives + false_positives);
      const { estimate, interval } = readout.cuped?.absolute_difference ?? {};
      const gain = (effect = Number.NaN) => {
        const rate = evaluation && successRate(evaluation, 75, effect);
        return roundMoney(true_positives * (rate ?? Number.NaN) * 500 - cost);
      };
      const tile = page.locator(".tile").filter({ hasText: "Gain over calling nobody" });
      await expect.poll(() => tile.innerText()).toContain(gain(estimate ?? Number.NaN));
      const [low, high] = interval ?? [];
      expect(await tile.innerText()).toContain(`interval ${gain(high)} to ${gain(low)}`);
      const note = page.getByText(/^If a call did as much as the experiment/);
      expect(await note.innerText()).toContain(readout.comparison);
      // As if everybody who is called stayed: what no experiment has shown.
      const field = page.getByLabel(/^Success rate/);
      await field.fill("100");
      await expect.poll(() => tile.innerText()).toContain(roundMoney(500 * true_positives - cost));
      expect(await tile.innerText()).toContain("at your success rate of 100.0");
      await expect.poll(() => page.url()).toContain("success=100");
      await field.fill("");
      await expect.poll(() => tile.innerText()).toContain(gain(estimate ?? Number.NaN));
    }));

  it("draws the feature that is chosen", () =>
    withPage(async (page) => {
      await page.goto(address("#/explainability"));
      const feature = found(schema.fields.filter(({ model }) => model).at(-1), "feature");
      await page.getByLabel("Feature", { exact: true }).selectOption(feature.name);
      await page
        .getByRole("heading", { name: `How the risk depends on ${inSentence(feature.label)}` })
        .waitFor();
      await expect.poll(() => page.url()).toContain(`feature=${feature.name}`);
    }));
});

describe.each(["light", "dark"] as const)("every place, %s", (colorScheme) => {
  it.each(["analytics", `analytics?${queryOf(on(LADDER.second))}`, "experiment", "explainability"])(
    "%s is accessible",
    (view) =>
      withPage(
        async (page) => {
          await page.goto(address(`#/${view}`));
          await page.locator(".chart svg").first().waitFor();
          await expectAccessible(page);
        },
        { colorScheme },
      ),
  );
});

describe("a phone", () => {
  it.each(["analytics", "experiment", "explainability"])("shows %s without scrolling sideways", (view) =>
    withPage(
      async (page) => {
        await page.goto(address(`#/${view}`));
        await page.locator(".chart svg").first().waitFor();
        await expectNoSidewaysScroll(page);
      },
      { viewport: PHONE },
    ),
  );
});

describe("the layout", () => {
  it.each(["customers", "analytics", "experiment", "explainability"])(
    "of %s does not shift while it loads",
    (view) =>
      withPage(async (page) => {
        await page.addInitScript(() => {
          const shifts = globalThis as unknown as { shifted: number };
          shifts.shifted = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries())
              shifts.shifted += (entry as unknown as { value: number }).value;
          }).observe({ type: "layout-shift", buffered: true });
        });
        await page.goto(address(`#/${view}`));
        await page.waitForLoadState("networkidle");
        const shifted = await page.evaluate(() => (globalThis as unknown as { shifted: number }).shifted);
        // The bound of a good page: https://web.dev/articles/cls
        expect(shifted).toBeLessThan(0.1);
      }),
  );
});
