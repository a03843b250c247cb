import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Advice, Explanation, Prediction, Schema, WhatIf } from "../../src/api/types.ts";
import { count, decimal, percent, points, withSign } from "../../src/format.ts";
import { address, fromApi, PHONE, useBrowser, withPage } from "./browser.ts";
import { API } from "./network.ts";
import type { Customer, DirectoryPage, Profile } from "./telco.ts";

useBrowser();

/** A customer at high risk, one in the middle, one at low risk; active or left. */
async function differentCustomers(): Promise<string[]> {
  const everybody = "/v1/summary?status=active&status=left";
  const { items } = await fromApi<DirectoryPage>(`${everybody}&limit=500`);
  const { items: safest } = await fromApi<DirectoryPage>(`${everybody}&limit=1&sort=probability`);
  return [items[0], items[499], safest[0]].map((item) => item?.customer_id ?? "");
}

const post = <T>(path: string, body: unknown) =>
  fromApi<T>(path, { method: "POST", body: JSON.stringify(body) });

const probability = (page: Page) => page.locator(".verdict .probability");

describe("the waterfall", () => {
  it("carries the API's own numbers", () =>
    withPage(async (page) => {
      for (const id of await differentCustomers()) {
        const explanation = await fromApi<Explanation>(`/v1/explain/${id}`);
        // A page of its own: the former customer's picture may stay for a moment.
        await page.goto("about:blank");
        await page.goto(address(`#/customers/${id}`));
        await page.getByRole("article", { name: `Customer ${id}` }).waitFor();
        const steps = page.locator("g.step");
        await expect.poll(() => steps.count()).toBe(10);

        const drawn = await steps.evaluateAll((groups) =>
          groups.map((group) => ({
            feature: group.getAttribute("data-feature"),
            contribution: Number(group.getAttribute("data-contribution")),
            text: group.textContent ?? "",
          })),
        );
        for (const [index, step] of drawn.slice(0, 9).entries()) {
          const expected = explanation.contributions[index];
          expect(step.feature).toBe(expected?.feature);
          expect(step.contribution).toBe(expected?.contribution);
          expect(step.text).toContain(withSign(expected?.contribution ?? 0));
          expect(step.text).toContain(`${expected?.value} = ${expected?.label}`);
        }
        expect(drawn[9]?.text).toContain("10 other features");
        const sum = drawn.reduce((total, step) => total + step.contribution, explanation.base_value);
        expect(sum).toBeCloseTo(explanation.prediction_value, 5);

        // Every name lies within the picture, the longest too, or it would be cut off where the picture is saved.
        const overhang = await page
          .locator(".why svg")
          .first()
          .evaluate((picture) => {
            const edge = picture.getBoundingClientRect().left;
            const names = [...picture.querySelectorAll("g.step text")];
            return edge - Math.min(...names.map((name) => name.getBoundingClientRect().left));
          });
        expect(overhang).toBeLessThanOrEqual(0);

        const chart = await page.locator(".why svg").first().textContent();
        expect(chart).toContain(`f(x) = ${decimal(explanation.prediction_value, 3)}`);
        expect(chart).toContain(`E[f(X)] = ${decimal(explanation.base_value, 3)}`);
        expect(await page.locator(".sentence").innerText()).toBe(explanation.sentence);
      }
    }));

  it("can be saved as a picture that stands alone", () =>
    withPage(async (page) => {
      const [id] = await differentCustomers();
      await page.goto(address(`#/customers/${id}`));
      await page.locator("g.step").first().waitFor();
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save as SVG: Why this prediction?" }).click();
      const saved = await saving;
      expect(saved.suggestedFilename()).toBe(`why_${id}.svg`);
      const file = await readFile(await saved.path(), "utf8");
      expect(file).toContain('xmlns="http://www.w3.org/2000/svg"');
      expect(file).toContain("E[f(X)]");
      expect(file).not.toContain("var(--");
    }));

  it("takes the share of a value from everybody", () =>
    withPage(async (page) => {
      const [id] = await differentCustomers();
      const { contributions } = await fromApi<Explanation>(`/v1/explain/${id}`);
      const index = contributions.findIndex(({ feature }) => feature === "contract");
      const value = contributions[index]?.value ?? "";
      const total = async (query: string) =>
        (await fromApi<DirectoryPage>(`/v1/summary?status=active&status=left&limit=1${query}`)).total;
      const everybody = await total("");
      const alike = await total(`&contract=${value.replaceAll(" ", "+")}`);
      await page.goto(address(`#/customers/${id}`));
      await page.locator("g.step[data-feature=contract]").focus();
      await page
        .getByText(`Shared by ${percent(alike / everybody)} of all ${count(everybody)} customers`)
        .waitFor();
    }));

  it("tells of the feature that is pointed at, by keyboard too", () =>
    withPage(async (page) => {
      const [id] = await differentCustomers();
      const { contributions } = await fromApi<Explanation>(`/v1/explain/${id}`);
      await page.goto(address(`#/customers/${id}`));
      await page.locator("g.step").nth(2).focus();
      const heading = page.locator(".pointed h3");
      const third = contributions[2];
      await expect.poll(() => heading.innerText()).toBe(`${third?.label}: ${third?.value}`);
      expect(await page.locator(".pointed strong").innerText()).toBe(
        decimal(Math.exp(third?.contribution ?? 0), 2),
      );
    }));
});

describe("what-if", () => {
  it("offers every field of the schema, under its label", () =>
    withPage(async (page) => {
      const [id] = await differentCustomers();
      const { fields } = await fromApi<Schema>("/v1/schema");
      const { contributions } = await fromApi<Explanation>(`/v1/explain/${id}`);
      for (const { feature, label } of contributions) {
        expect(fields.find(({ name }) => name === feature)?.label).toBe(label);
      }
      await page.goto(address(`#/customers/${id}`));
      await page.locator(".field").first().waitFor();
      for (const { name, label } of fields) {
        expect(await page.locator(`label[for=field-${name}]`).innerText()).toContain(label);
        expect(await page.locator(`#field-${name}`).count()).toBe(1);
      }
    }));

  it("asks one question at an edit, and shows what follows from it", () =>
    withPage(async (page) => {
      const { items } = await fromApi<DirectoryPage>("/v1/summary?internet_service=DSL&limit=50");
      const customers = await Promise.all(
        items.map(({ customer_id }) => fromApi<Customer>(`/v1/summary/${customer_id}`)),
      );
      const plain = customers.find(({ profile }) => !profile.tech_support);
      if (!plain) throw new Error("Everybody has tech support.");
      await page.goto(address(`#/customers/${plain.customer_id}`));
      await page.locator(".nudge h3").first().waitFor();
      await page.waitForLoadState("networkidle");
      const asked: string[] = [];
      await page.route(API, (route) => {
        asked.push(new URL(route.request().url()).pathname);
        return route.fallback();
      });
      const support = page.getByRole("checkbox", { name: "Tech support", exact: true });
      const charges = page.locator("#field-monthly_charges");
      await support.check();
      await page.getByText("against the actual").waitFor();
      const answer = await post<WhatIf>("/v1/explain/what-if", {
        profile: plain.profile,
        change: { tech_support: true },
      });
      expect(Number(await charges.inputValue())).toBeCloseTo(Number(answer.profile.monthly_charges), 2);
      expect(Number(answer.profile.monthly_charges)).toBeGreaterThan(plain.profile.monthly_charges);
      await page.locator(".nudge h3").first().waitFor();

      // What needs another field goes with it.
      await page.getByLabel("Internet service", { exact: true }).selectOption("No");
      await page.locator("#field-online_backup:disabled").waitFor();
      expect(await support.isChecked()).toBe(false);
      const once = "/v1/explain/what-if";
      await expect.poll(() => asked).toEqual([once, once]);
      await page.locator(".verdict .answer:not([inert])").waitFor();
      await page.locator(".nudge h3").first().waitFor();
      expect(asked).toEqual([once, once]);
    }));

  it("follows an edit, shows the difference, and resets", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const customer = await fromApi<Customer>(`/v1/summary/${id}`);
      await page.goto(address(`#/customers/${id}`));
      await page.getByLabel("Contract", { exact: true }).selectOption("Two year");

      const profile: Profile = { ...customer.profile, contract: "Two year" };
      const expected = await post<Prediction>("/v1/predict", profile);
      await expect.poll(() => probability(page).innerText()).toBe(percent(expected.probability, 1));
      await page.getByText(`against the actual ${percent(customer.probability, 1)}`).waitFor();
      await expect.poll(() => page.url()).toContain("edit.contract=Two+year");

      const shared = page.url();
      await page.goto("about:blank");
      await page.goto(shared);
      await expect.poll(() => probability(page).innerText()).toBe(percent(expected.probability, 1));

      await page.getByRole("button", { name: "Reset" }).click();
      await expect.poll(() => probability(page).innerText()).toBe(percent(customer.probability, 1));
      expect(page.url()).not.toContain("edit.");
    }));

  it("lets the latest keystroke win", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      await page.goto(address(`#/customers/${id}`));
      const slider = page.getByLabel("Monthly charges, slider");
      await slider.focus();
      for (let step = 0; step < 12; step += 1) await page.keyboard.press("ArrowLeft");
      const shown = Number(await slider.inputValue());
      await expect.poll(() => page.url()).toContain(`edit.monthly_charges=${shown}`);
      await expect
        .poll(() => page.locator("g.step[data-feature=monthly_charges]").textContent())
        .toContain(decimal(shown, 2));
    }));
});

describe("what to do", () => {
  it("applies a nudge: the page then shows the probability that was promised", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const advice = await fromApi<Advice>(`/v1/nudges/${id}`);
      const nudge = advice.nudges.find((one) => one.change !== null);
      await page.goto(address(`#/customers/${id}`));
      await page.getByRole("button", { name: `Apply: ${nudge?.title}` }).click();
      await expect
        .poll(() => probability(page).innerText())
        .toBe(percent(nudge?.projected_probability ?? Number.NaN, 1));
      await page.getByText(`Applied: ${nudge?.title}`).waitFor();
      await page.goBack();
      await expect.poll(() => probability(page).innerText()).toBe(percent(advice.probability, 1));
    }));

  it("applies the smallest change, after which nothing needs to change", () =>
    withPage(async (page) => {
      const { items } = await fromApi<DirectoryPage>("/v1/summary?risk_level=medium&limit=1");
      const id = items[0]?.customer_id ?? "";
      const { recourse } = await fromApi<Advice>(`/v1/nudges/${id}`);
      expect(recourse.reachable).toBe(true);
      await page.goto(address(`#/customers/${id}`));
      await page.getByRole("button", { name: "Apply: the smallest change" }).click();
      await expect.poll(() => probability(page).innerText()).toBe(percent(recourse.projected_probability, 1));
      await page.getByText("No change is needed.").waitFor();
    }));

  it("turns to the next wording of the nudges", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      await page.goto(address(`#/customers/${id}`));
      const messages = () => page.locator(".nudge p").allInnerTexts();
      await page.locator(".nudge").first().waitFor();
      const first = await messages();
      await page.getByRole("button", { name: "Generate new nudge" }).click();
      await expect.poll(async () => (await messages()).join()).not.toBe(first.join());
      const { nudges } = await fromApi<Advice>(`/v1/nudges/${id}?rotate=1`);
      expect(await messages()).toEqual(nudges.map((nudge) => nudge.message));
      await expect.poll(() => page.url()).toContain("rotate=1");
    }));

  it("keeps measured and projected effects in separate columns, the measured first", () =>
    withPage(async (page) => {
      const { items } = await fromApi<DirectoryPage>("/v1/summary?variant=B&limit=1");
      const id = items[0]?.customer_id ?? "";
      const { nudges } = await fromApi<Advice>(`/v1/nudges/${id}`);
      const [first, second] = nudges;
      await page.goto(address(`#/customers/${id}`));
      const effect = (nudge: string | undefined, kind: string) =>
        page.locator(`.nudge[data-nudge=${nudge}] [data-effect=${kind}]`).innerText();
      const shown = page.locator(".nudge[data-nudge]").first();
      await shown.waitFor();
      expect(await shown.getAttribute("data-nudge")).toBe(first?.id);
      const measured = first?.measured;
      const [low, high] = measured?.interval ?? [];
      const text = await effect(first?.id, "measured");
      expect(text).toContain(points(measured?.effect ?? Number.NaN));
      expect(text).toContain(`${withSign(100 * (low ?? 0), 1)} to ${withSign(100 * (high ?? 0), 1)}`);
      expect(text).toContain(`${count(measured?.customers ?? 0)} customers, against the priority plan`);
      expect(await effect(first?.id, "projected")).not.toContain("pp");
      expect(await effect(second?.id, "measured")).not.toContain("pp");
      expect(await effect(second?.id, "projected")).toContain(points(-(second?.risk_reduction ?? 0)));
    }));

  it("notes what was sent and how it was answered", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const { nudges } = await fromApi<Advice>(`/v1/nudges/${id}`);
      const nudge = nudges[0];
      await page.goto(address(`#/customers/${id}`));
      const noted: unknown[] = [];
      page.on("request", (request) => {
        if (request.url().endsWith(`/v1/summary/${id}/events`)) noted.push(request.postDataJSON());
      });
      await page.getByRole("button", { name: `Mark as sent: ${nudge?.title}` }).click();
      await page.getByRole("button", { name: `Accepted: ${nudge?.title}` }).click();
      await page.getByText(`Accepted: ${nudge?.title}`).waitFor();
      expect(noted).toEqual([
        { kind: "sent", nudge_id: nudge?.id },
        { kind: "accepted", nudge_id: nudge?.id },
      ]);
      expect(await page.getByText("not noted").count()).toBe(0);
    }));
});

describe("files", () => {
  it("exports the report", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      await page.goto(address(`#/customers/${id}`));
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export report" }).click();
      const saved = await saving;
      expect(saved.suggestedFilename()).toBe(`summary_${id}.txt`);
      expect(await readFile(await saved.path(), "utf8")).toContain(id);
      await page.getByText("Exported: Report").waitFor();
    }));

  it("downloads the list that is shown", () =>
    withPage(async (page) => {
      const { total } = await fromApi<DirectoryPage>("/v1/summary?stage=onboarding&limit=1");
      await page.goto(address("#/customers?stage=onboarding"));
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download", exact: true }).click();
      const lines = (await readFile(await (await saving).path(), "utf8")).trim().split(/\r?\n/);
      expect(lines.length).toBe(total + 1);
    }));

  it("scores a CSV file and says which rows were refused", () =>
    withPage(
      async (page) => {
        const header =
          "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges";
        const row = (id: string, tenure: number, contract: string) =>
          `${id},Female,0,Yes,No,${tenure},Yes,No,Fiber optic,No,Yes,No,No,No,No,${contract},Yes,Electronic check,80.5,${80.5 * Math.abs(tenure)}`;
        const csv = [
          header,
          row("1111-AAAAA", 40, "Two year"),
          row("2222-BBBBB", -3, "One year"),
          row("3333-CCCCC", 1, "Month-to-month"),
        ].join("\n");
        await page.goto(address("#/customers"));
        await page
          .getByLabel("Score a CSV file")
          .setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
        await page.getByRole("heading", { name: "mine.csv" }).waitFor();
        const rows = page.locator("[role=listbox][aria-label='Scored customers'] [role=option]");
        await expect.poll(() => rows.count()).toBe(2);
        expect(await rows.first().innerText()).toContain("3333-CCCCC");
        const refused = page.getByRole("region", { name: "1 row refused" });
        expect(await refused.innerText()).toMatch(/3\s+tenure must be between 0 and 600/);
        await page.getByLabel("Sort the scored customers by").selectOption("line");
        expect(await rows.first().innerText()).toContain("1111-AAAAA");

        const saving = page.waitForEvent("download");
        await page.getByRole("button", { name: "Download with probabilities" }).click();
        const saved = await readFile(await (await saving).path(), "utf8");
        expect(saved.split("\n")[0]).toBe(`${header},churn_probability,risk_level`);
      },
      // The refusal of the first attempt.
      { allowed: /422/ },
    ));

  it("says what to do with a file that is too large", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      const buffer = Buffer.alloc(4 * 1024 * 1024 + 1, "x");
      await page
        .getByLabel("Score a CSV file")
        .setInputFiles({ name: "large customers.csv", mimeType: "text/csv", buffer });
      const command = 'make bulk IN="large customers.csv" OUT=scored';
      await page.getByRole("alert").getByText(command).waitFor();
    }));
});

describe("a phone", () => {
  it("shows the whole customer without scrolling sideways", () =>
    withPage(
      async (page) => {
        const [id = ""] = await differentCustomers();
        await page.goto(address(`#/customers/${id}?edit.contract=Two+year`));
        await page.locator(".nudge").first().waitFor();
        await page.locator("g.step").first().waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
          PHONE.width,
        );
      },
      { viewport: PHONE },
    ));
});
