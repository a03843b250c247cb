import { cohortWhatIf } from "../../api/requests.ts";
import type { CohortChange, CohortWhatIf } from "../../api/types.ts";
import { Answer, AnswerText } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { count, customers, decimal, roundMoney, signed } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { selection } from "../../state/selection.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";

/** The plan changes that can be tried on a cohort. */
const CHANGES: Readonly<Record<string, { readonly label: string; readonly change: CohortChange }>> = {
  "one-year": { label: "Put everybody on a one-year contract", change: { contract: "One year" } },
  "two-year": { label: "Put everybody on a two-year contract", change: { contract: "Two year" } },
  "online-security": { label: "Give everybody online security", change: { online_security: true } },
  "tech-support": { label: "Give everybody tech support", change: { tech_support: true } },
  "online-backup": { label: "Give everybody online backup", change: { online_backup: true } },
  "device-protection": { label: "Give everybody device protection", change: { device_protection: true } },
  "bank-transfer": {
    label: "Have everybody pay by bank transfer",
    change: { payment_method: "Bank transfer (automatic)" },
  },
  "credit-card": {
    label: "Have everybody pay by credit card",
    change: { payment_method: "Credit card (automatic)" },
  },
};
const USUAL = "one-year";

interface Question {
  readonly filters: Readonly<Record<string, unknown>>;
  readonly change: CohortChange;
}

const ask = ({ filters, change }: Question, signal: AbortSignal): Promise<CohortWhatIf> =>
  cohortWhatIf(filters, change, signal);

/** What one plan change would mean for the whole selection. */
export function CohortCard() {
  const asked = param("cohort")[0] ?? USUAL;
  const chosen = asked in CHANGES ? asked : USUAL;
  const change = CHANGES[chosen]?.change ?? {};
  const answer = useAnswer(ask, { filters: asFilters(selection()), change });
  const choose = (name: string) =>
    adjust({
      ...view.value,
      params: withParams(view.value.params, { cohort: name === USUAL ? [] : [name] }),
    });
  return (
    <Card
      title="What if the whole selection changed its plan?"
      note={<AnswerText of={answer}>{({ caveat }) => caveat}</AnswerText>}
      actions={
        <select
          class="select"
          aria-label="Plan change"
          value={chosen}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          {Object.entries(CHANGES).map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      }
    >
      <Answer of={answer} skeleton={<LinesSkeleton lines={5} />}>
        {({ changed, customers: selected, statuses, before, after, changed_before, changed_after }) => (
          <>
            <p class="small muted">
              The change fits {count(changed)} of {customers(selected, statuses)}; the others stay as they
              are.
            </p>
            <DataTable
              caption="The selection before and after the change"
              columns={[
                { head: "Expected", cell: (row) => row.name },
                { head: "Before", cell: (row) => row.write(row.before), numeric: true },
                { head: "After", cell: (row) => row.write(row.after), numeric: true },
                { head: "Difference", cell: (row) => row.difference(row.after - row.before), numeric: true },
                {
                  head: "Of those it fits, before",
                  cell: (row) => row.write(row.changedBefore),
                  numeric: true,
                },
                { head: "and after", cell: (row) => row.write(row.changedAfter), numeric: true },
              ]}
              rows={[
                {
                  name: "Churners",
                  before: before.expected_churners,
                  after: after.expected_churners,
                  changedBefore: changed_before.expected_churners,
                  changedAfter: changed_after.expected_churners,
                  write: (value: number) => decimal(value, 1),
                  difference: (value: number) => signed(value, 1),
                },
                {
                  name: "Monthly revenue",
                  before: before.monthly_revenue,
                  after: after.monthly_revenue,
                  changedBefore: changed_before.monthly_revenue,
                  changedAfter: changed_after.monthly_revenue,
                  write: roundMoney,
                  difference: signedRoundMoney,
                },
                {
                  name: "Revenue at risk a month",
                  before: before.revenue_at_risk,
                  after: after.revenue_at_risk,
                  changedBefore: changed_before.revenue_at_risk,
                  changedAfter: changed_after.revenue_at_risk,
                  write: roundMoney,
                  difference: signedRoundMoney,
                },
              ]}
            />
          </>
        )}
      </Answer>
    </Card>
  );
}

const signedRoundMoney = (value: number): string =>
  Math.abs(value) < 0.5 ? roundMoney(0) : `${value > 0 ? "+" : ""}${roundMoney(value)}`;

/** The selection as the body of a request has it: numbers as numbers, truth values as such. */
function asFilters(query: Readonly<Record<string, readonly string[]>>): Record<string, unknown> {
  const entries = Object.entries(query).map(([name, values]) => {
    if (/_(min|max|below)$/.test(name)) return [name, Number(values[0])];
    if (name === "senior_citizen") return [name, values.map((value) => value === "true")];
    return [name, values];
  });
  return Object.fromEntries(entries);
}
