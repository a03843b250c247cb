import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Customer, Explanation, Prediction } from "../../src/api/types.ts";
import { count, customers, percent } from "../../src/format.ts";
import { address, expectAccessible, useBrowser, withPage } from "./browser.ts";
import {
  csvOf,
  EXTRA,
  fromApi,
  LADDER,
  listed,
  on,
  PRICE,
  place,
  query,
  someCustomers,
  whatIf,
  withoutExtra,
} from "./business.ts";
import { API, delay, hold, NETWORK_ERRORS, refuse, watch } from "./network.ts";

useBrowser();

const WHAT_IF = "**/v1/explain/what-if";
/** All but the schema, which comes before the first page. */
const AFTER_SCHEMA = /\/v1\/(?!schema)/;
const DELAY_MS = 3000;
/** For what comes only after a wait. */
const PATIENCE = { timeout: 10_000 };
const ROWS = "[aria-label=Customers] [role=option]";

const probability = (page: Page) => page.locator(".verdict .probability");
/** The verdict on a customer as they are. */
const withoutEdits = (customer: Customer) =>
  new RegExp(`^Churn probability\\s+${percent(customer.probability, 1).replace(".", "\\.")}`);
const verdict = (page: Page) => page.locator(".verdict").innerText();
const announced = (page: Page) => page.locator("[aria-live=polite].visually-hidden").innerText();
const row = (page: Page, id: string) => page.locator(`${ROWS}[data-id="${id}"]`);
/** The control of the edit that these tests make, and the last of its values. */
const ladder = (page: Page) => page.getByLabel(LADDER.field.label, { exact: true });
const [SECOND, LAST] = [LADDER.second, LADDER.last].map(({ value }) => String(value));
/** The edit in the address. */
const EDIT = { [`edit.${LADDER.field.name}`]: String(LADDER.last.value) };

async function edited({ profile }: Customer): Promise<Prediction> {
  return (await whatIf(profile, { [LADDER.field.name]: LADDER.last.value })).prediction;
}

/** Waits until all of a customer is known, not only what the list knows. */
const known = (page: Page, { customer_id }: Customer) =>
  page
    .getByRole("article", { name: `Customer ${customer_id}` })
    .locator(".tags")
    .waitFor();

/** Opens a customer and waits until all about them is there. */
async function open(page: Page, { customer_id }: Customer, edits = {}): Promise<void> {
  await page.goto(address(place(customer_id, { ...on(LADDER.first), ...edits })));
  await page.locator(".nudge h3").first().waitFor();
  await row(page, customer_id).waitFor();
}

/** One moment of the panel: whom it names, and what it says of them that can be reached. */
interface Moment {
  readonly id: string;
  readonly label: string;
  readonly probability: string;
  readonly sentence: string;
}

/** Notes every moment of the panel from now on. */
async function watchPanel(page: Page): Promise<() => Promise<Moment[]>> {
  await page.evaluate(() => {
    const moments: unknown[] = [];
    const text = (selector: string) => {
      const element = document.querySelector(selector);
      return element && !element.closest("[inert]") ? (element.textContent ?? "") : "";
    };
    const note = () =>
      moments.push({
        id: text(".identity h2"),
        label: text(".verdict p"),
        probability: text(".verdict .probability"),
        sentence: text(".sentence"),
      });
    new MutationObserver(note).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
    Object.assign(globalThis, { moments });
  });
  return () => page.evaluate(() => (globalThis as unknown as { moments: Moment[] }).moments);
}

const sentenceOf = async ({ customer_id }: Customer): Promise<string> =>
  (await fromApi<Explanation>(`/v1/explain/${encodeURIComponent(customer_id)}`)).sentence;

describe("a slow answer about a customer", () => {
  it("never puts one customer's numbers under another's name", () =>
    withPage(async (page) => {
      const [one, two] = await someCustomers();
      await open(page, one);
      const moments = await watchPanel(page);
      const isDimmed = await watch(
        page,
        ".panel .answer.former[inert][aria-busy=true] > .former-name + .answer",
      );
      await delay(page, API, DELAY_MS);
      await row(page, two.customer_id).click();

      // At once: the new id with what the list knows.
      expect(await page.locator(".identity h2").innerText()).toBe(two.customer_id);
      expect(await verdict(page)).toContain(percent(two.probability, 1));
      expect(await row(page, two.customer_id).getAttribute("aria-selected")).toBe("true");
      expect(await page.getByRole("button", { name: "Export report" }).isDisabled()).toBe(true);

      // Soon: the former cards dimmed, then none.
      await page.locator(".panel .answer.long .skeleton").first().waitFor();
      expect(await isDimmed()).toBe(true);
      expect(await page.locator(".panel").innerText()).not.toContain(one.customer_id);
      expect(await page.locator(".nudge").count()).toBe(0);
      expect(await page.locator("g.step").count()).toBe(0);
      expect(await page.getByRole("button", { name: /^Apply/ }).count()).toBe(0);

      await page.locator(".nudge h3").first().waitFor();
      expect(await page.getByRole("button", { name: "Export report" }).isDisabled()).toBe(false);
      const said = new Map([
        [one.customer_id, [percent(one.probability, 1), await sentenceOf(one)]],
        [two.customer_id, [percent(two.probability, 1), await sentenceOf(two)]],
      ]);
      const all = await moments();
      expect(all.length).toBeGreaterThan(0);
      for (const moment of all) {
        const [probability, sentence] = said.get(moment.id) ?? [];
        expect(["", probability]).toContain(moment.probability);
        expect(["", sentence]).toContain(moment.sentence);
      }
    }));

  it("is the one about the last of many customers selected, in whatever order the answers arrive", () =>
    withPage(async (page) => {
      const [one, two, three] = await someCustomers();
      await open(page, one);
      const held = await hold(page, API);
      for (const { customer_id } of [two, three]) {
        await row(page, customer_id).click();
        expect(await page.locator(".identity h2").innerText()).toBe(customer_id);
        await expect
          .poll(() =>
            held.routes.some((route) => route.request().url().endsWith(encodeURIComponent(customer_id))),
          )
          .toBe(true);
      }
      held.routes.reverse();
      await held.release();
      await known(page, three);
      await page.locator(".nudge h3").first().waitFor();
      const text = await page.locator(".panel").innerText();
      expect(text).toContain(percent(three.probability, 1));
      expect(text).not.toContain(two.customer_id);
    }));

  it("keeps the keyboard in the list", () =>
    withPage(async (page) => {
      const [one] = await someCustomers();
      await open(page, one);
      const held = await hold(page, API);
      await page.locator("[role=listbox]").focus();
      await page.keyboard.press("ArrowDown");
      await page.locator(".panel .answer.long").first().waitFor();
      await page.keyboard.press("ArrowDown");
      expect(await page.locator("[role=listbox]").evaluate((list) => list === document.activeElement)).toBe(
        true,
      );
      await held.release();
      await page.locator(".nudge h3").first().waitFor();
    }));
});

describe("a slow answer to an edit", () => {
  it("leaves the label to the number that has one", () =>
    withPage(async (page) => {
      const [one] = await someCustomers();
      await open(page, one);
      const expected = await edited(one);
      const moments = await watchPanel(page);
      const isDimmed = await watch(page, ".verdict .answer.former[inert][aria-busy=true] .probability");
      const isOff = await watch(page, ".answer.former[inert] > .nudges");
      await delay(page, API, DELAY_MS);
      await ladder(page).selectOption(LAST ?? "");

      expect(await page.getByRole("button", { name: "Generate new nudge" }).isDisabled()).toBe(true);
      await page.locator(".verdict .answer.long .skeleton").first().waitFor();
      expect([await isDimmed(), await isOff()]).toEqual([true, true]);
      expect(await probability(page).count()).toBe(0);
      expect(await page.getByRole("button", { name: /^Apply/ }).count()).toBe(0);

      await expect.poll(() => verdict(page), PATIENCE).toContain(percent(expected.probability, 1));
      for (const { label, probability } of await moments()) {
        if (label.includes("with these changes"))
          expect(["", percent(expected.probability, 1)]).toContain(probability);
      }
    }));

  it("is the one to the last of two edits", () =>
    withPage(async (page) => {
      const [one] = await someCustomers();
      await open(page, one);
      const held = await hold(page, WHAT_IF);
      await ladder(page).selectOption(SECOND ?? "");
      await expect.poll(() => held.routes.length, PATIENCE).toBe(1);
      await ladder(page).selectOption(LAST ?? "");
      await expect.poll(() => held.routes.length, PATIENCE).toBe(2);
      expect(await verdict(page)).not.toContain("with these changes\n");
      await held.release();
      const expected = await edited(one);
      await expect.poll(() => probability(page).innerText(), PATIENCE).toBe(percent(expected.probability, 1));
    }));

  it("leaves it open what follows from the edit", () =>
    withPage(async (page) => {
      const plain = await withoutExtra();
      await page.goto(address(place(plain.customer_id)));
      await page.locator(".nudge h3").first().waitFor();
      const price = page.locator(`#field-${PRICE.name}`);
      const before = Number(await price.inputValue());
      const held = await hold(page, WHAT_IF);
      await page.getByRole("checkbox", { name: EXTRA.field.label, exact: true }).check();
      await page.getByText("What follows from these changes is not known yet.").waitFor();
      expect(Number(await price.inputValue())).toBe(before);
      await held.release();
      await page.getByText("against the actual").waitFor();
      expect(Number(await price.inputValue())).toBeGreaterThan(before);
      await page.getByText("The price follows the price list.").waitFor();

      // A second edit keeps the price that followed from the first one, dimmed, until it has its own.
      const isDimmed = await watch(page, `.field.former #field-${PRICE.name}`);
      const again = await hold(page, WHAT_IF);
      await ladder(page).selectOption(LAST ?? "");
      await page.locator(".verdict .answer.long").waitFor();
      expect(await isDimmed()).toBe(true);
      await again.release();
      await page.getByText("against the actual").waitFor();
      expect(await page.locator(".field.former").count()).toBe(0);
    }));

  it("moves the focus to the result of what was applied", () =>
    withPage(async (page) => {
      const [one] = await someCustomers();
      await open(page, one);
      const held = await hold(page, API);
      await page.getByRole("button", { name: "Apply: the smallest change" }).focus();
      await page.keyboard.press("Enter");
      await page.locator(".verdict .answer.long").waitFor();
      await held.release();
      await page.getByText("against the actual").waitFor();
      await expect
        .poll(() => page.evaluate(() => document.activeElement?.closest(".recourse") !== null))
        .toBe(true);
    }));
});

describe("offline", () => {
  it("marks an edit as unanswered, and has it answered when the connection is back", () =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        await open(page, one);
        await page.context().setOffline(true);
        await ladder(page).selectOption(LAST ?? "");
        await page.getByText("Changes not answered").waitFor();
        expect(await verdict(page)).toMatch(withoutEdits(one));
        expect(await verdict(page)).not.toContain("with these changes");
        expect(await page.getByText("Without the changes, which have no answer.").count()).toBe(1);
        expect(await page.getByText("1 field changed, not answered").count()).toBe(1);
        expect(await page.getByRole("button", { name: /^Apply/ }).count()).toBe(0);
        expect(await page.getByRole("button", { name: "Generate new nudge" }).isDisabled()).toBe(true);
        const note = page.getByRole("alert").first();
        expect(await note.innerText()).toContain("The server cannot be reached");
        expect(await note.getAttribute("aria-live")).toBe("polite");

        await page.context().setOffline(false);
        const expected = await edited(one);
        await expect
          .poll(() => probability(page).innerText(), PATIENCE)
          .toBe(percent(expected.probability, 1));
        expect(await verdict(page)).toContain("with these changes");
        await expect.poll(() => page.getByRole("alert").count(), PATIENCE).toBe(0);
        expect(await announced(page)).toBe("The server answers again.");
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("shows another customer's id with what the list knows, and nothing of the former one", () =>
    withPage(
      async (page) => {
        const [one, two] = await someCustomers();
        await open(page, one, EDIT);
        await page.context().setOffline(true);
        await row(page, two.customer_id).click();
        await page.locator(".panel [role=alert]").waitFor();
        expect(await page.locator(".identity h2").innerText()).toBe(two.customer_id);
        expect(await probability(page).innerText()).toBe(percent(two.probability, 1));
        for (const former of [".nudge", ".field", "g.step", ".sentence"])
          expect(await page.locator(former).count(), former).toBe(0);
        expect(await page.getByRole("button", { name: "Export report" }).isDisabled()).toBe(true);

        await page.context().setOffline(false);
        await known(page, two);
        await page.locator(".nudge h3").first().waitFor();
        expect(await page.getByRole("button", { name: "Export report" }).isDisabled()).toBe(false);
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("restores a view with edits from its address once the API can be reached", () =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        let isCut = true;
        await page.route(AFTER_SCHEMA, (route) => (isCut ? route.abort() : route.fallback()));
        await page.goto(address(place(one.customer_id, EDIT)));
        await page.locator(".panel [role=alert]").waitFor();
        expect(await page.locator(".identity h2").innerText()).toBe(one.customer_id);
        expect(await page.locator(".panel").innerText()).not.toContain("%");
        isCut = false;
        await page.evaluate(() => dispatchEvent(new Event("online")));
        const expected = await edited(one);
        await expect.poll(() => verdict(page), PATIENCE).toContain(percent(expected.probability, 1));
        await page.locator(ROWS).first().waitFor();
        expect(page.url()).toContain(query(EDIT));
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("says that the schema could not be loaded, and opens the view of the address once it can be", () =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        let isCut = true;
        await page.route("**/v1/schema", (route) => (isCut ? route.abort() : route.fallback()));
        await page.goto(address(place(one.customer_id)));
        await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
        expect(await page.locator("nav").count()).toBe(0);
        isCut = false;
        await page.evaluate(() => dispatchEvent(new Event("online")));
        await known(page, one);
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("opens the view of the address once the server can be reached", () =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        let isCut = true;
        await page.route("**/sign-in.json", (route) => (isCut ? route.abort() : route.fallback()));
        await page.goto(address(place(one.customer_id)));
        await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
        isCut = false;
        await page.evaluate(() => dispatchEvent(new Event("online")));
        await known(page, one);
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("notes what was done once the connection is back", () =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        await open(page, one);
        await page.context().setOffline(true);
        await page
          .getByRole("button", { name: /^Mark as sent/ })
          .first()
          .click();
        await page.getByText("not noted").waitFor();
        const noted = page.waitForResponse((response) => response.url().endsWith("/events"));
        await page.context().setOffline(false);
        expect((await noted).ok()).toBe(true);
        await expect.poll(() => page.getByText("not noted").count()).toBe(0);
      },
      { allowed: NETWORK_ERRORS },
    ));
});

describe("a busy server", () => {
  it.each([
    [503, "1"],
    [429, new Date(0).toUTCString()],
  ])("that answers an edit with %i is asked again after %s", (status, retryAfter) =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        await open(page, one);
        const counter = await refuse(page, WHAT_IF, { status, times: 1, retryAfter });
        await ladder(page).selectOption(LAST ?? "");
        const expected = await edited(one);
        await expect.poll(() => counter.asked, PATIENCE).toBe(2);
        await expect.poll(() => verdict(page), PATIENCE).toContain(percent(expected.probability, 1));
        await page.locator(".nudge h3").first().waitFor();
        expect(await page.getByRole("alert").count()).toBe(0);
      },
      { allowed: NETWORK_ERRORS },
    ),
  );

  it("that stays busy is asked four times; then the edit is unanswered, until the person tries again", () =>
    withPage(
      async (page) => {
        const [one] = await someCustomers();
        await open(page, one);
        const counter = await refuse(page, WHAT_IF, { status: 503, times: 4, retryAfter: "0" });
        await ladder(page).selectOption(LAST ?? "");
        await page.getByText("Changes not answered").waitFor();
        expect(counter.asked).toBe(4);
        const alert = page.locator(".panel [role=alert]");
        expect(await alert.innerText()).toMatch(/Too busy\s+Come back later\./);
        expect(await verdict(page)).toMatch(withoutEdits(one));

        await alert.getByRole("button", { name: "Try again" }).focus();
        await page.keyboard.press("Enter");
        const expected = await edited(one);
        await expect.poll(() => verdict(page), PATIENCE).toContain(percent(expected.probability, 1));
        // The focus is on what came of it.
        const focused = page.locator(".answer:focus");
        await expect.poll(() => focused.getByText("Why this prediction?").count()).toBe(1);
        expect(await announced(page)).toBe("The server answers again.");
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("says so while it is waited for", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/analytics"));
        await page.locator(".page .chart svg").first().waitFor();
        await refuse(page, "**/v1/analytics?*", { status: 429, retryAfter: "60" });
        await page.goto(address(`#/analytics?${query(on(LADDER.second))}`));
        await page.locator("main").getByText("The server is busy. Trying again shortly.").first().waitFor();
        expect(await announced(page)).toBe("The server is busy. Trying again shortly.");
      },
      { allowed: NETWORK_ERRORS },
    ));
});

describe("the directory", () => {
  const first = "**/v1/summary?*";

  it("keeps what is there when a further page fails, and goes on when asked", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/customers"));
        await page.locator(ROWS).first().waitFor();
        await refuse(page, "**/v1/summary?*cursor=*", { status: 503, times: 1 });
        await page.locator("[role=listbox]").focus();
        await page.keyboard.press("End");
        const alert = page.locator(".directory [role=alert]");
        await alert.waitFor();
        expect(await alert.innerText()).toContain("The next customers could not be loaded. Too busy.");
        const positions = () =>
          page.locator(ROWS).evaluateAll((rows) => rows.map((one) => Number(one.ariaPosInSet)));
        expect(Math.max(...(await positions()))).toBe(100);
        await alert.getByRole("button", { name: "Try again" }).click();
        await page.locator("[role=listbox]").focus();
        await expect
          .poll(async () => {
            await page.keyboard.press("PageDown");
            return Math.max(...(await positions()));
          })
          .toBeGreaterThan(100);
        expect(await alert.count()).toBe(0);
      },
      { allowed: NETWORK_ERRORS },
    ));

  it("shows neither rows nor a count that another query gave", () =>
    withPage(
      async (page) => {
        const { items } = await listed({ limit: "1" });
        const [short, long] = [2, 3].map((length) => items[0]?.customer_id.slice(0, length) ?? "");
        const { total } = await listed({ q: short ?? "", limit: "1" });
        await page.goto(address("#/customers"));
        await page.locator(ROWS).first().waitFor();
        const status = page.locator(".directory [role=status]");
        const download = page.getByRole("button", { name: "Download", exact: true });
        const isDimmed = await watch(page, ".listing.former[inert][aria-busy=true] [role=option]");
        const held = await hold(page, first);
        await page.locator("#search").fill(short ?? "");
        expect(await download.isDisabled()).toBe(true);
        await page.locator(".listing.long .skeleton").first().waitFor();
        expect(await isDimmed()).toBe(true);
        expect(await page.locator(ROWS).count()).toBe(0);
        expect(await status.innerText()).toBe("");
        await held.release();
        await expect.poll(() => status.innerText(), PATIENCE).toBe(customers(total, ["active"]));

        await page.context().setOffline(true);
        await page.locator("#search").fill(long ?? "");
        await page.locator(".listing [role=alert]").waitFor();
        expect(await page.locator(ROWS).count()).toBe(0);
        expect(await status.innerText()).toBe("");
        expect(await download.isDisabled()).toBe(true);
        await page.context().setOffline(false);
        await page.locator(ROWS).first().waitFor();
        expect(await download.isDisabled()).toBe(false);
      },
      { allowed: NETWORK_ERRORS },
    ));
});

describe.each(["analytics", "experiment", "explainability"])("%s", (where) => {
  const answer = ".page > .answer";

  it("shows nothing of another selection, slow or offline", () =>
    withPage(
      async (page) => {
        await page.goto(address(`#/${where}`));
        await page.locator(answer).first().locator(".chart svg").first().waitFor();
        const status = page.locator(".page-head [role=status]");
        const everybody = await status.innerText();
        const isDimmed = await watch(page, `${answer}.former[inert][aria-busy=true] .chart svg`);
        const held = await hold(page, API);
        await page.goto(address(`#/${where}?${query(on(LADDER.second))}`));
        const waiting = page.locator(`${answer}.long`).first();
        await waiting.locator(".skeleton").first().waitFor();
        expect(await isDimmed()).toBe(true);
        expect(await waiting.locator(".chart").count()).toBe(0);
        expect(await waiting.innerText()).not.toMatch(/\d/);
        expect(await status.innerText()).toBe("");
        await held.release();
        await expect.poll(() => status.innerText(), PATIENCE).toContain("customers");
        const selected = await status.innerText();
        expect(selected).not.toBe(everybody);

        await page.context().setOffline(true);
        await page.goto(address(`#/${where}?${query(on(LADDER.last))}`));
        await page.locator(`${answer} > [role=alert]`).first().waitFor();
        expect(await page.locator(`${answer} .chart`).first().isVisible()).toBe(where === "explainability");
        expect(await status.innerText()).toBe("");
        await page.context().setOffline(false);
        await expect.poll(() => status.innerText(), PATIENCE).toContain("customers");
        expect(await status.innerText()).not.toBe(selected);
        await expect.poll(() => page.getByRole("alert").count(), PATIENCE).toBe(0);
      },
      { allowed: NETWORK_ERRORS },
    ));
});

describe("analytics", () => {
  it("gives no list for a selection that is not shown", () =>
    withPage(async (page) => {
      await page.goto(address("#/analytics"));
      await page.locator(".page .chart svg").first().waitFor();
      const held = await hold(page, API);
      await page.goto(address(`#/analytics?${query(on(LADDER.second))}`));
      await page.locator(".answer.long").first().waitFor();
      const download = page.getByRole("button", { name: "Download this list" });
      expect(await download.isDisabled()).toBe(true);
      await held.release();
      await expect.poll(() => download.isDisabled()).toBe(false);
    }));

  it("never puts the effect of one change under another", () =>
    withPage(async (page) => {
      await page.goto(address("#/analytics"));
      const card = page.getByRole("region", { name: "What if the whole selection changed its plan?" });
      await card.getByRole("table").waitFor();
      const before = await card.getByRole("table").innerText();
      const held = await hold(page, "**/v1/analytics/what-if");
      await page.getByLabel("Plan change").selectOption(`${EXTRA.field.name}:true`);
      await card.locator(".answer.long").waitFor();
      expect(await card.getByRole("table").count()).toBe(0);
      await held.release();
      await card.getByRole("table").waitFor();
      expect(await card.getByRole("table").innerText()).not.toBe(before);
    }));
});

describe("the calculators", () => {
  it.each([
    ["counts", "Conversions in B", "**/v1/analytics/experiment"],
    ["plan", "Users a day", "**/v1/analytics/experiment/plan"],
  ])("show no answer to other %s", (name, field, pattern) =>
    withPage(
      async (page) => {
        await page.goto(address("#/experiment"));
        const answer = page.locator(`[data-answer=${name}]`);
        await answer.waitFor();
        const before = await answer.innerText();
        const held = await hold(page, pattern);
        await page.getByLabel(field).fill("77");
        await answer.waitFor({ state: "detached" });
        await held.release();
        await answer.waitFor();
        expect(await answer.innerText()).not.toBe(before);

        const counter = await refuse(page, pattern, { status: 429 });
        await page.getByLabel(field).fill("78");
        await page.getByRole("alert").waitFor();
        expect(counter.asked).toBe(1);
        expect(await answer.count()).toBe(0);
      },
      { allowed: NETWORK_ERRORS },
    ),
  );
});

describe("a file to score", async () => {
  const [{ profile }] = await someCustomers();
  const file = (...ids: string[]) => ({
    name: "mine.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(csvOf(ids.map((id) => ({ id, profile })))),
  });
  const scored = "[aria-label='Scored customers'] [role=option]";

  it("shows the rows of the file that was brought last, also under the same name", () =>
    withPage(async (page) => {
      await page.goto(address("#/customers"));
      const hadTwoRows = await watch(page, `${scored}[aria-setsize="2"]`);
      const held = await hold(page, "**/v1/predict?*");
      await page.getByLabel("Score a CSV file").setInputFiles(file("1111-AAAAA", "1111-BBBBB"));
      await page.getByText("Scoring…").waitFor();
      await expect.poll(() => held.routes.length, PATIENCE).toBe(1);
      const [earlier] = held.routes.splice(0);
      // A second file can be dropped while the first is under way.
      const dropped = await page.evaluateHandle(
        ({ name, text }) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], name, { type: "text/csv" }));
          return transfer;
        },
        { name: "mine.csv", text: file("2222-BBBBB").buffer.toString() },
      );
      await page.dispatchEvent(".customers", "drop", { dataTransfer: dropped });
      await expect.poll(() => held.routes.length, PATIENCE).toBe(1);
      // Its answer arrives first, unless the page has given it up.
      await earlier?.fallback().catch(() => undefined);
      const answer = await earlier?.request().response();
      await answer?.finished();
      await held.release();
      await page.locator(scored).first().waitFor();
      expect(await hadTwoRows()).toBe(false);
      expect(await page.locator(scored).allInnerTexts()).toEqual([expect.stringContaining("2222-BBBBB")]);
    }));

  it("is scored when the connection is back", () =>
    withPage(
      async (page) => {
        await page.goto(address("#/customers"));
        await page.locator(ROWS).first().waitFor();
        await page.context().setOffline(true);
        await page.getByLabel("Score a CSV file").setInputFiles(file("1111-AAAAA"));
        await page.locator(".panel [role=alert]").waitFor();
        await page.context().setOffline(false);
        await page.locator(scored).first().waitFor();
        expect(await page.getByText(`${count(1)}\u00a0customer scored.`).count()).toBe(1);
      },
      { allowed: NETWORK_ERRORS },
    ));
});

describe.each(["light", "dark"] as const)("accessibility, %s", (colorScheme) => {
  it("of a page that waits, and of one that was refused", () =>
    withPage(
      async (page) => {
        const [one, two] = await someCustomers();
        await open(page, one);
        const held = await hold(page, API);
        await row(page, two.customer_id).click();
        await page.locator(".panel .answer.long").first().waitFor();
        await expectAccessible(page);
        await held.release();
        await page.locator(".nudge h3").first().waitFor();
        await page.context().setOffline(true);
        await ladder(page).selectOption(LAST ?? "");
        await page.getByText("Changes not answered").waitFor();
        await page.getByText("What to do after these changes is not known").waitFor();
        await expectAccessible(page);
      },
      { colorScheme, allowed: NETWORK_ERRORS },
    ));
});
