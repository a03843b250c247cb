import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Explanation } from "../../src/api/types.ts";
import { featureText } from "../../src/customer/fields.ts";
import { count, decimal, percent, points, withSign } from "../../src/format.ts";
import { address, expectAccessible, PHONE, useBrowser, withPage } from "./browser.ts";
import {
  adviceFor,
  advised,
  csvOf,
  customer,
  differentCustomers,
  EVERYBODY,
  EXPERIMENT,
  EXTRA,
  found,
  fromApi,
  GROUP,
  LADDER,
  listed,
  PRICE,
  place,
  query,
  schema,
  spoilt,
  whatIf,
  withoutExtra,
} from "./business.ts";
import { API } from "./network.ts";

useBrowser();

const explanationOf = (id: string) => fromApi<Explanation>(`/v1/explain/${encodeURIComponent(id)}`);

const probability = (page: Page) => page.locator(".verdict .probability");

describe("the waterfall", () => {
  it("carries the API's own numbers", () =>
    withPage(async (page) => {
      for (const id of await differentCustomers()) {
        const explanation = await explanationOf(id);
        const parts = Math.min(10, explanation.contributions.length);
        // A page of its own: the former customer's picture may stay for a moment.
        await page.goto("about:blank");
        await page.goto(address(place(id)));
        await page.getByRole("article", { name: `Customer ${id}` }).waitFor();
        const steps = page.locator("g.step");
        await expect.poll(() => steps.count()).toBe(parts);

        const drawn = await steps.evaluateAll((groups) =>
          groups.map((group) => ({
            feature: group.getAttribute("data-feature"),
            contribution: Number(group.getAttribute("data-contribution")),
            text: group.textContent ?? "",
          })),
        );
        const isCut = explanation.contributions.length > parts;
        for (const [index, step] of (isCut ? drawn.slice(0, -1) : drawn).entries()) {
          const expected = explanation.contributions[index];
          expect(step.feature).toBe(expected?.feature);
          expect(step.contribution).toBe(expected?.contribution);
          expect(step.text).toContain(withSign(expected?.contribution ?? 0));
          const value = featureText(expected?.feature ?? "", expected?.value ?? "");
          expect(step.text).toContain(`${value} = ${expected?.label}`);
        }
        if (isCut)
          expect(drawn.at(-1)?.text).toContain(
            `${explanation.contributions.length - drawn.length + 1} other features`,
          );
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
      const [id = ""] = await differentCustomers();
      await page.goto(address(place(id)));
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
      const [id = ""] = await differentCustomers();
      const { profile } = await customer(id);
      const { name } = LADDER.field;
      const total = async (query: string) => (await listed(`${EVERYBODY}&limit=1${query}`)).total;
      const everybody = await total("");
      const alike = await total(`&${query({ [name]: String(profile[name]) })}`);
      await page.goto(address(place(id)));
      await page.locator(`g.step[data-feature=${name}]`).focus();
      await page
        .getByText(`Shared by ${percent(alike / everybody)} of all ${count(everybody)} customers`)
        .waitFor();
    }));

  it("tells of the feature that is pointed at, by keyboard too", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const { contributions } = await explanationOf(id);
      await page.goto(address(place(id)));
      await page.locator("g.step").nth(2).focus();
      const heading = page.locator(".pointed h3");
      const third = contributions[2];
      await expect
        .poll(() => heading.innerText())
        .toBe(`${third?.label}: ${featureText(third?.feature ?? "", third?.value ?? "")}`);
      expect(await page.locator(".pointed strong").innerText()).toBe(
        decimal(Math.exp(third?.contribution ?? 0), 2),
      );
    }));
});

describe("what-if", () => {
  it("offers every field of the schema, under its label", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const { fields } = schema;
      const { contributions } = await explanationOf(id);
      for (const { feature, label } of contributions) {
        expect(fields.find(({ name }) => name === feature)?.label).toBe(label);
      }
      await page.goto(address(place(id)));
      await page.locator(".field").first().waitFor();
      for (const { name, label } of fields) {
        expect(await page.locator(`label[for=field-${name}]`).innerText()).toContain(label);
        expect(await page.locator(`#field-${name}`).count()).toBe(1);
      }
    }));

  it("asks one question at an edit, and shows what follows from it", () =>
    withPage(async (page) => {
      const plain = await withoutExtra();
      await page.goto(address(place(plain.customer_id)));
      await page.locator(".nudge h3").first().waitFor();
      await page.waitForLoadState("networkidle");
      const asked: string[] = [];
      await page.route(API, (route) => {
        asked.push(new URL(route.request().url()).pathname);
        return route.fallback();
      });
      const extra = page.getByRole("checkbox", { name: EXTRA.field.label, exact: true });
      const price = page.locator(`#field-${PRICE.name}`);
      await extra.check();
      await page.getByText("against the actual").waitFor();
      const answer = await whatIf(plain.profile, { [EXTRA.field.name]: true });
      const after = Number(answer.profile[PRICE.name]);
      expect(Number(await price.inputValue())).toBeCloseTo(after, 2);
      expect(after).toBeGreaterThan(Number(plain.profile[PRICE.name]));
      await page.locator(".nudge h3").first().waitFor();

      // What needs another field goes with it.
      await page.getByLabel(EXTRA.needed.label, { exact: true }).selectOption(String(EXTRA.without.value));
      await page.locator(`#field-${EXTRA.field.name}:disabled`).waitFor();
      expect(await extra.isChecked()).toBe(false);
      const once = "/v1/explain/what-if";
      await expect.poll(() => asked).toEqual([once, once]);
      await page.locator(".verdict .answer:not([inert])").waitFor();
      await page.locator(".nudge h3").first().waitFor();
      expect(asked).toEqual([once, once]);
    }));

  it("follows an edit, shows the difference, and resets", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const actual = await customer(id);
      const { field, last } = LADDER;
      await page.goto(address(place(id)));
      await page.getByLabel(field.label, { exact: true }).selectOption(String(last.value));

      const { prediction: expected } = await whatIf(actual.profile, { [field.name]: last.value });
      await expect.poll(() => probability(page).innerText()).toBe(percent(expected.probability, 1));
      await page.getByText(`against the actual ${percent(actual.probability, 1)}`).waitFor();
      await expect.poll(() => page.url()).toContain(query({ [`edit.${field.name}`]: String(last.value) }));

      const shared = page.url();
      await page.goto("about:blank");
      await page.goto(shared);
      await expect.poll(() => probability(page).innerText()).toBe(percent(expected.probability, 1));

      await page.getByRole("button", { name: "Reset" }).click();
      await expect.poll(() => probability(page).innerText()).toBe(percent(actual.probability, 1));
      expect(page.url()).not.toContain("edit.");
    }));

  it("marks the field of a value that is refused, in words for people", () =>
    withPage(
      async (page) => {
        const [id = ""] = await differentCustomers();
        const { field, last } = LADDER;
        await page.route("**/v1/explain/what-if", (route) =>
          route.fulfill({
            status: 422,
            contentType: "application/problem+json",
            body: JSON.stringify({
              title: "Invalid input",
              status: 422,
              detail: "2 fields can't be accepted.",
              request_id: "the-request",
              errors: [
                { pointer: `/change/${field.name}`, detail: "is sold out" },
                { pointer: `/profile/${PRICE.name}`, detail: "is too low" },
              ],
            }),
          }),
        );
        await page.goto(address(place(id)));
        await page.locator(".nudge h3").first().waitFor();
        const control = page.getByLabel(field.label, { exact: true });
        await control.selectOption(String(last.value));
        await page.getByText(`${field.label} is sold out`).waitFor();
        expect(await control.getAttribute("aria-invalid")).toBe("true");
        const reason = page.locator(`#${await control.getAttribute("aria-describedby")}`);
        expect(await reason.innerText()).toBe(`${field.label} is sold out`);
        // What has no field of its own on the card is in the note; pointers and request are for those who ask.
        const note = page.locator(".panel .note.problem");
        expect(await note.innerText()).toContain(`${PRICE.label} is too low`);
        expect(await note.innerText()).not.toMatch(/\/profile\/|\/change\/|the-request|sold out/);
        await note.getByText("Details").click();
        expect(await note.innerText()).toMatch(/\/change\/[\s\S]*the-request/);
        await expectAccessible(page);
        await page.unroute("**/v1/explain/what-if");
        await page.getByRole("button", { name: "Reset" }).click();
        await expect.poll(() => control.getAttribute("aria-invalid")).toBe("false");
      },
      { allowed: /422/ },
    ));

  it("lets the latest keystroke win", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      await page.goto(address(place(id)));
      const slider = page.getByLabel(`${PRICE.label}, slider`);
      await slider.focus();
      for (let step = 0; step < 12; step += 1) await page.keyboard.press("ArrowLeft");
      const shown = Number(await slider.inputValue());
      await expect.poll(() => page.url()).toContain(`edit.${PRICE.name}=${shown}`);
      const { profile } = await customer(id);
      const { explanation } = await whatIf(profile, { [PRICE.name]: shown });
      const own = explanation.contributions.find(({ feature }) => feature === PRICE.name);
      const cells = page.locator(".as-table tr", { hasText: PRICE.label }).first();
      await expect.poll(() => cells.textContent()).toContain(withSign(own?.contribution ?? Number.NaN, 3));
      expect(await cells.textContent()).toContain(own?.value);
    }));
});

describe("what to do", () => {
  it("applies a nudge: the page then shows the probability that was promised", () =>
    withPage(async (page) => {
      const one = await advised({ limit: "300" }, ({ nudges }) =>
        nudges.some(({ change }) => change !== null),
      );
      const { id, advice } = found(one, "nudge with a change");
      const nudge = advice.nudges.find(({ change }) => change !== null);
      await page.goto(address(place(id)));
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
      // Somebody who is expected to leave, and whom a change of plan keeps.
      const one = await advised({ limit: "300" }, ({ recourse }) => recourse.reachable && recourse.steps > 0);
      const { id, advice } = found(one, "customer whom a change of plan keeps");
      const { recourse } = advice;
      await page.goto(address(place(id)));
      await page.getByRole("button", { name: "Apply: the smallest change" }).click();
      await expect.poll(() => probability(page).innerText()).toBe(percent(recourse.projected_probability, 1));
      await page.getByText("No change is needed.").waitFor();
    }));

  it("turns to the next wording of the nudges", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      await page.goto(address(place(id)));
      const messages = () => page.locator(".nudge p").allInnerTexts();
      await page.locator(".nudge").first().waitFor();
      const first = await messages();
      await page.getByRole("button", { name: "Generate new nudge" }).click();
      await expect.poll(async () => (await messages()).join()).not.toBe(first.join());
      const { nudges } = await adviceFor(id, "?rotate=1");
      expect(await messages()).toEqual(nudges.map((nudge) => nudge.message));
      await expect.poll(() => page.url()).toContain("rotate=1");
    }));

  it("keeps measured and projected effects in separate columns, the measured first", () =>
    withPage(async (page) => {
      const treated = found(EXPERIMENT.treatments[0], "treatment");
      const one = await advised(
        { [EXPERIMENT.arm]: treated.arm, limit: "100" },
        ({ nudges: [first, second] }) => first?.measured != null && second?.change != null,
      );
      const { id, advice } = found(one, "nudge with a measured effect");
      const [first, second] = advice.nudges;
      await page.goto(address(place(id)));
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
      expect(text).toContain(
        `${count(measured?.customers ?? 0)} customers, against ${EXPERIMENT.control.offer}`,
      );
      expect(await effect(first?.id, "projected")).not.toContain("pp");
      expect(await effect(second?.id, "measured")).not.toContain("pp");
      expect(await effect(second?.id, "projected")).toContain(points(-(second?.risk_reduction ?? 0)));
    }));

  it("notes what was sent and how it was answered", () =>
    withPage(async (page) => {
      const [id = ""] = await differentCustomers();
      const { nudges } = await adviceFor(id);
      const nudge = nudges[0];
      await page.goto(address(place(id)));
      const noted: unknown[] = [];
      page.on("request", (request) => {
        if (request.url().endsWith(`/v1/summary/${encodeURIComponent(id)}/events`))
          noted.push(request.postDataJSON());
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
      await page.goto(address(place(id)));
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export report" }).click();
      const saved = await saving;
      expect(saved.suggestedFilename()).toBe(`summary_${id}.txt`);
      expect(await readFile(await saved.path(), "utf8")).toContain(id);
      await page.getByText("Exported: Report").waitFor();
    }));

  it("downloads the list that is shown", () =>
    withPage(async (page) => {
      const group = { [GROUP.filter.parameter]: String(GROUP.filter.values[0]?.value) };
      const { total } = await listed({ ...group, limit: "1" });
      await page.goto(address(`#/customers?${query(group)}`));
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download", exact: true }).click();
      const lines = (await readFile(await (await saving).path(), "utf8")).trim().split(/\r?\n/);
      expect(lines.length).toBe(total + 1);
    }));

  it("scores a CSV file and says which rows were refused", () =>
    withPage(async (page) => {
      const [riskiest = "", , safest = ""] = await differentCustomers();
      const [bad, good] = await Promise.all([customer(riskiest), customer(safest)]);
      const wrong = spoilt(good.profile);
      const csv = csvOf([
        { id: "1111-AAAAA", profile: good.profile },
        { id: "2222-BBBBB", profile: wrong.profile },
        { id: "3333-CCCCC", profile: bad.profile },
      ]);
      await page.goto(address("#/customers"));
      await page
        .getByLabel("Score a CSV file")
        .setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
      await page.getByRole("heading", { name: "mine.csv" }).waitFor();
      const rows = page.locator("[role=listbox][aria-label='Scored customers'] [role=option]");
      await expect.poll(() => rows.count()).toBe(2);
      expect(await rows.first().innerText()).toContain("3333-CCCCC");
      const refused = page.getByRole("region", { name: "1 row refused" });
      expect(await refused.innerText()).toMatch(new RegExp(`3\\s+${wrong.name} must be between 0 and `));
      await page.getByLabel("Sort the scored customers by").selectOption("line");
      expect(await rows.first().innerText()).toContain("1111-AAAAA");

      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download with probabilities" }).click();
      const saved = await readFile(await (await saving).path(), "utf8");
      expect(saved.split("\n")[0]).toBe(`${csv.split("\n")[0]},churn_probability,risk_level`);
    }));

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
        const edit = { [`edit.${LADDER.field.name}`]: String(LADDER.last.value) };
        await page.goto(address(place(id, edit)));
        await page.locator(".nudge").first().waitFor();
        await page.locator("g.step").first().waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
          PHONE.width,
        );
      },
      { viewport: PHONE },
    ));
});
