import { cohortWhatIf } from "../../api/requests.ts";
import type { Change, CohortWhatIf, Field, Value } from "../../api/types.ts";
import { Answer, AnswerText } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { valueText } from "../../customer/fields.ts";
import { count, customers, decimal, roundMoney, withSign } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { period, revenueOf, schema } from "../../state/schema.ts";
import { asFilters, selection } from "../../state/selection.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";

/** A change that can be tried on a cohort: one field and its new value. */
interface Choice {
  /** Its name in the address. */
  readonly name: string;
  readonly field: Field;
  readonly value: Value;
}

/** Every change that can be tried on a cohort. A number goes to where one of its bins begins. */
const choices = (): Choice[] =>
  schema()
    .fields.filter(({ change }) => change !== "never")
    .flatMap((field) => {
      const values = field.values.length > 0 ? field.values.map(({ value }) => value) : field.bins;
      return values.map((value) => ({ name: `${field.name}:${value}`, field, value }));
    });

/** The change that is shown before one is chosen: a step further down a list, if there is such a field. */
const usualChoice = (all: readonly Choice[]): Choice | undefined =>
  all.find(({ field, value }) => field.change === "up" && value === field.values[1]?.value) ??
  all.find(({ field, value }) => value === field.values[1]?.value) ??
  all[0];

/** What is expected of a cohort. */
interface Figure {
  readonly name: () => string;
  /** Undefined in a business that has no such figure. */
  readonly read: (cohort: CohortWhatIf["before"]) => number | undefined;
  readonly write: (value: number) => string;
  readonly difference: (value: number) => string;
}

const signedRoundMoney = (value: number): string =>
  Math.abs(value) < 0.5 ? roundMoney(0) : `${value > 0 ? "+" : ""}${roundMoney(value)}`;

const FIGURES: readonly Figure[] = [
  {
    name: () => "Churners",
    read: ({ expected_churners }) => expected_churners,
    write: (value) => decimal(value, 1),
    difference: (value) => withSign(value, 1),
  },
  {
    name: () => `Revenue ${period()}`.trim(),
    read: (cohort) => revenueOf(cohort)?.total,
    write: roundMoney,
    difference: signedRoundMoney,
  },
  {
    name: () => `Revenue at risk ${period()}`.trim(),
    read: (cohort) => revenueOf(cohort)?.atRisk,
    write: roundMoney,
    difference: signedRoundMoney,
  },
];

interface Question {
  readonly filters: Readonly<Record<string, unknown>>;
  readonly change: Change;
}

const ask = ({ filters, change }: Question, signal: AbortSignal): Promise<CohortWhatIf> =>
  cohortWhatIf(filters, change, signal);

/** What one change would mean for the whole selection. */
export function CohortCard() {
  const all = choices();
  const usual = usualChoice(all);
  const [asked] = param("cohort");
  const chosen = all.find(({ name }) => name === asked) ?? usual;
  const question = chosen && {
    filters: asFilters(selection()),
    change: { [chosen.field.name]: chosen.value },
  };
  const answer = useAnswer(ask, question ?? null);
  if (!chosen) return null;
  const choose = (name: string) =>
    adjust({
      ...view.value,
      params: withParams(view.value.params, { cohort: name === usual?.name ? [] : [name] }),
    });
  return (
    <Card
      title="What if the whole selection changed its plan?"
      note={<AnswerText of={answer}>{({ caveat }) => caveat}</AnswerText>}
      actions={
        <select
          class="select"
          aria-label="Plan change"
          value={chosen.name}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          {[...Map.groupBy(all, ({ field }) => field)].map(([field, own]) => (
            <optgroup key={field.name} label={field.label}>
              {own.map(({ name, value }) => (
                <option key={name} value={name}>
                  {`${field.label}: ${valueText(field, value)}`}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      }
    >
      <Answer of={answer} skeleton={<LinesSkeleton lines={5} />}>
        {({ changed, customers: selected, statuses, ...expected }) => (
          <>
            <p class="small muted">
              The change fits {count(changed)} of {customers(selected, statuses)}; the others stay as they
              are.
            </p>
            <DataTable
              caption="The selection before and after the change"
              columns={[
                { head: "Expected", cell: (row) => row.name() },
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
              rows={FIGURES.flatMap((figure) => {
                const [before, after, changedBefore, changedAfter] = [
                  expected.before,
                  expected.after,
                  expected.changed_before,
                  expected.changed_after,
                ].map(figure.read);
                return before === undefined ||
                  after === undefined ||
                  changedBefore === undefined ||
                  changedAfter === undefined
                  ? []
                  : [{ ...figure, before, after, changedBefore, changedAfter }];
              })}
            />
          </>
        )}
      </Answer>
    </Card>
  );
}
