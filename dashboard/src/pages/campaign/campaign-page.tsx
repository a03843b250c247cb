import { fetchCampaign, fetchCampaignCsv } from "../../api/requests.ts";
import type { CampaignRow, Expected, CampaignPage as Listed } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chips } from "../../components/chips.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { Tile } from "../../components/page.tsx";
import { PageSkeleton } from "../../components/skeletons.tsx";
import { count, decimal, money, percent, plural, points, roundMoney } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { hasRevenue, schema } from "../../state/schema.ts";
import { selection } from "../../state/selection.ts";
import { adjust, formatView, param, view, withParams } from "../../state/view.ts";
import { FurtherFilters, UsualFilters } from "../customers/further-filters.tsx";
import { Outcomes } from "./outcomes.tsx";

const TYPING_DELAY_MS = 200;

/** The numbers that decide a list, under the API's own names; what is left blank is the API's default. */
const NUMBERS = [
  { name: "contacts", label: "Customers to contact", hint: "all" },
  { name: "holdout", label: "Hold-out, share", hint: "0.1" },
  { name: "cost", label: "Cost of a contact", hint: "the nudge’s own" },
  { name: "months", label: "Months that a kept customer pays", hint: "12" },
  { name: "success", label: "Success of an offer, share", hint: "as measured" },
] as const;

/** Sets or removes a parameter of the campaign in the address. */
function set(name: string, value: string): void {
  adjust({ ...view.value, params: withParams(view.value.params, { [name]: value === "" ? [] : [value] }) });
}

/** The campaign that the address describes; null as long as it has no name. */
function campaign(): Record<string, string[]> | null {
  const [name = ""] = param("campaign");
  if (name.trim() === "") return null;
  const numbers = NUMBERS.flatMap(({ name: number }) => {
    const [value] = param(number);
    return value === undefined ? [] : [[number, [value]] as const];
  });
  return { ...selection(), campaign: [name], ...Object.fromEntries(numbers) };
}

/** Whom to contact and with what, and whether it worked. */
export const CampaignPage = () => (
  <div class="page">
    <header class="page-head">
      <h1>Campaign</h1>
    </header>
    {hasRevenue() ? (
      <Plan />
    ) : (
      <div class="empty">
        <h2>Nothing to rank customers by</h2>
        <p>The schema names no recurring amount, so the worth of a contact is unknown.</p>
      </div>
    )}
  </div>
);

function Plan() {
  const query = campaign();
  const listed = useAnswer(fetchCampaign, query, TYPING_DELAY_MS);
  return (
    <>
      <Card
        title="Whom to contact"
        note="The name decides who is held out: another campaign holds out others. Nothing is stored; the address and the downloaded file are the campaign."
      >
        <form class="calculator" onSubmit={(event) => event.preventDefault()}>
          <label class="calculator-field">
            <span>Name of the campaign</span>
            <input
              class="input"
              maxLength={200}
              value={param("campaign")[0] ?? ""}
              onInput={(event) => set("campaign", event.currentTarget.value)}
            />
          </label>
          {NUMBERS.map(({ name, label, hint }) => (
            <label key={name} class="calculator-field">
              <span>{label}</span>
              <input
                type="number"
                class="input"
                inputMode="decimal"
                step="any"
                min={0}
                placeholder={hint}
                value={param(name)[0] ?? ""}
                onInput={({ currentTarget: { value, validity } }) => validity.valid && set(name, value)}
              />
            </label>
          ))}
        </form>
        <div class="directory-filters">
          <UsualFilters />
          <FurtherFilters />
        </div>
        <Chips />
      </Card>
      {query === null ? (
        <p class="muted">Give the campaign a name to see its list.</p>
      ) : (
        <Answer of={listed} class="stack" skeleton={<PageSkeleton />}>
          {(data, asked) => <List listed={data} query={asked} />}
        </Answer>
      )}
      <Outcomes query={query} />
    </>
  );
}

const interval = ({ interval: ends }: Expected, format: (value: number) => string): string | undefined =>
  ends ? `95\u00a0% interval ${format(ends[0] ?? 0)} to ${format(ends[1] ?? 0)}` : undefined;

function List({ listed, query }: { listed: Listed; query: Record<string, string[]> }) {
  const { totals, items, total, success, left_out } = listed;
  const one = (value: number) => decimal(value, 1);
  const notes = [
    left_out.not_contactable > 0 && `${plural(left_out.not_contactable, "customer")} may not be contacted.`,
    totals.worthwhile < totals.treat &&
      `${count(totals.worthwhile)} of ${count(totals.treat)} contacts are worth more than they cost.`,
  ].filter(Boolean);
  return (
    <>
      <dl class="tiles">
        <Tile label="Contacted" value={count(totals.treat)} note={`and ${count(totals.hold_out)} held out`} />
        <Tile
          label="Customers kept"
          value={one(totals.customers_kept.estimate)}
          note={interval(totals.customers_kept, one)}
        />
        <Tile
          label="Expected value"
          value={roundMoney(totals.expected_value.estimate)}
          note={[`over ${plural(listed.months, "month")}`, interval(totals.expected_value, roundMoney)]
            .filter(Boolean)
            .join("; ")}
        />
        <Tile label="Cost" value={roundMoney(totals.cost)} note="all contacts together" />
        <Tile
          label="Success of an offer"
          value={percent(success.rate, 1)}
          note={success.experiment ? `from the experiment ${success.experiment}` : "as given"}
        />
      </dl>
      <Card
        title="The list"
        note={`${plural(total, "customer")}, those worth most first. ${notes.join(" ")}`}
        actions={
          <DownloadButton
            label="Download the list"
            name={`${listed.campaign.replace(/[^\p{L}\p{N} ._-]/gu, "_")}.csv`}
            type="text/csv"
            content={() => fetchCampaignCsv(query)}
            isReady={total > 0}
          />
        }
      >
        {total === 0 ? (
          <p>No customer fits all these filters.</p>
        ) : (
          <>
            <DataTable caption="Customers of the campaign" columns={COLUMNS()} rows={items} />
            {total > items.length && (
              <p class="small muted">The first {count(items.length)}; the file has all.</p>
            )}
          </>
        )}
      </Card>
    </>
  );
}

const COLUMNS = () => {
  const recurring = schema().roles.recurring ?? "";
  const amount = (value: unknown) => (typeof value === "number" ? money(value) : "unknown");
  return [
    {
      head: "Customer",
      cell: ({ customer_id }: CampaignRow) => (
        <a href={formatView({ place: "customers", customer: customer_id, params: {} })}>{customer_id}</a>
      ),
    },
    { head: "Arm", cell: ({ arm }: CampaignRow) => arm },
    { head: "Best nudge", cell: ({ title }: CampaignRow) => title },
    { head: "Probability", cell: ({ probability }: CampaignRow) => percent(probability, 1), numeric: true },
    { head: "Pays", cell: (row: CampaignRow) => amount(row[recurring]), numeric: true },
    { head: "Effect", cell: ({ effect }: CampaignRow) => points(-effect), numeric: true },
    { head: "Rests on", cell: ({ effect_kind }: CampaignRow) => effect_kind },
    {
      head: "Expected value",
      cell: ({ expected_value }: CampaignRow) => amount(expected_value),
      numeric: true,
    },
  ];
};
