import { useCallback } from "preact/hooks";
import { fetchPolicy } from "../../api/requests.ts";
import type { Policy } from "../../api/types.ts";
import { TARGETING_HEIGHT, type TargetingPoint, targeting } from "../../charts/targeting.ts";
import { Answer, AnswerText } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable } from "../../components/data-table.tsx";
import { Tile } from "../../components/page.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { count, currencySign, decimal, percent, pValue, roundMoney } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { schema } from "../../state/schema.ts";
import { selection } from "../../state/selection.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";

/** Waits for a number to be typed to its end. */
const TYPING_MS = 150;

/** What the decision is called, and the class that colours it. */
const DECISIONS: Readonly<Record<Policy["decision"], readonly [string, string]>> = {
  treat_everybody: ["Treat everybody", "ship"],
  treat_first: ["Treat some", "ship"],
  treat_any: ["Treat as many as you can", "ship"],
  treat_nobody: ["Treat nobody", "roll_back"],
  cannot_tell: ["Open", "keep_running"],
  invalid: ["Invalid", "invalid"],
};

interface Term {
  /** Its name in the API. */
  readonly name: "cost" | "months" | "value" | "budget";
  readonly label: string;
  /** What the field holds where nothing was typed. */
  readonly usual: string;
}

/** What may be said of costs and worth, by what the business knows of money. */
function termsOf(): Term[] {
  const sign = currencySign();
  const worth: Term = schema().roles.recurring
    ? { name: "months", label: "Months that a kept customer is worth", usual: "12" }
    : { name: "value", label: `What a kept customer is worth, ${sign}`, usual: "" };
  const cost: Term = { name: "cost", label: `Cost of treating one customer, ${sign}`, usual: "" };
  const budget: Term = { name: "budget", label: `Budget, ${sign}`, usual: "" };
  return [cost, worth, budget];
}

/** Its name in the address, which is none of a filter's. */
const inAddress = ({ name }: Term): string => `policy.${name}`;

/** The terms that were typed, for the API. */
const typedTerms = (terms: readonly Term[]): Record<string, string[]> =>
  Object.fromEntries(
    terms
      .map((term) => [term.name, [...param(inAddress(term))]])
      .filter(([, typed]) => (typed?.length ?? 0) > 0),
  );

/** Whom to treat: what treating is worth by the share treated, and what to do. */
export function PolicyCard() {
  const terms = termsOf();
  const policy = useAnswer(fetchPolicy, { ...selection(), ...typedTerms(terms) }, TYPING_MS);
  const set = (term: Term, typed: string) =>
    adjust({
      ...view.value,
      params: withParams(view.value.params, { [inAddress(term)]: typed === "" ? [] : [typed] }),
    });
  return (
    <Card
      title="Whom to treat"
      note={<AnswerText of={policy}>{({ caveat, comparison }) => `${comparison} ${caveat}`}</AnswerText>}
      picture="policy"
    >
      <div class="calculator">
        {terms.map((term) => (
          <label key={term.name} class="calculator-field">
            <span>{term.label}</span>
            <input
              type="number"
              class="input"
              inputMode="decimal"
              min={0}
              step="any"
              value={param(inAddress(term))[0] ?? term.usual}
              onInput={(event) => set(term, event.currentTarget.value)}
            />
          </label>
        ))}
      </div>
      <Answer of={policy} skeleton={<LinesSkeleton lines={8} />}>
        {(data) => <Advice policy={data} />}
      </Answer>
    </Card>
  );
}

function Advice({ policy }: { policy: Policy }) {
  const { decision, reason, evaluation } = policy;
  const [name, kind] = DECISIONS[decision];
  return (
    <>
      <p class={`decision ${kind}`}>
        <strong>{name}.</strong> {reason}
      </p>
      {evaluation && <Evaluated policy={policy} evaluation={evaluation} />}
    </>
  );
}

interface EvaluatedProps {
  readonly policy: Policy;
  readonly evaluation: NonNullable<Policy["evaluation"]>;
}

function Evaluated({ policy, evaluation }: EvaluatedProps) {
  const { treated, terms } = policy;
  const { curves, everybody, targeting: found, effect } = evaluation;
  const isLearned = found.targetable && curves.estimated_effect !== null;
  const curve = (isLearned ? curves.estimated_effect : null) ?? curves.churn_score;
  const ranking = isLearned ? "estimated effect" : "churn score";
  const write = (value: number) =>
    terms.currency === null ? `${decimal(value)} customers` : roundMoney(value);
  const between = ([low, high]: readonly number[], of: (value: number) => string) =>
    `${of(low ?? 0)} to ${of(high ?? 0)}`;
  const shown = treated ?? everybody;
  const mark =
    treated && treated.ranking !== "random"
      ? curve.points.find(({ customers }) => customers === treated.customers)
      : undefined;
  const draw = useCallback(
    (width: number) =>
      targeting(curve.points, {
        width,
        y: terms.currency === null ? "Customers kept" : "Value after the cost",
        format: write,
        random: curves.random.points,
        mark,
      }),
    [policy],
  );
  const title = `What treating is worth, the highest ${ranking} first`;
  const perKept = shown.cost_per_kept;
  const qini = isLearned ? found.estimated_effect : found.churn_score;
  return (
    <>
      <dl class="tiles">
        <Tile
          label={treated ? "Customers treated" : "If everybody were treated"}
          value={count(shown.customers)}
          note={`${percent(shown.share, 1)} of ${count(policy.customers)}`}
        />
        <Tile
          label="Customers kept"
          value={count(shown.customers_kept.estimate)}
          note={`95\u00a0% interval ${between(shown.customers_kept.interval, count)}`}
        />
        <Tile
          label="Value after the cost"
          value={write(shown.value.estimate)}
          note={`95\u00a0% interval ${between(treated?.simultaneous ?? shown.value.interval, write)}`}
        />
        <Tile
          label="Cost per customer kept"
          value={perKept === null ? "unknown" : roundMoney(perKept)}
          note={perKept === null ? "nobody is expected to be kept" : costNote(shown.cost_per_kept_interval)}
        />
        <Tile
          label="Fewer leave, over everybody"
          value={percent(effect.estimate, 1)}
          note={`95\u00a0% interval ${between(effect.interval, (value) => percent(value, 1))}`}
        />
        <Tile
          label="Is there anything to target?"
          value={found.targetable ? "yes" : "not shown"}
          note={
            qini &&
            `Qini ${decimal(qini.estimate * 1e4)} basis points, p ${qini.p_value === null ? "–" : pValue(qini.p_value)}`
          }
        />
      </dl>
      <Chart label={title} draw={draw} height={TARGETING_HEIGHT} />
      <p class="small muted">
        The dark band holds for a share that was chosen beforehand, the light one for all shares at once;
        dashed, a random order.
      </p>
      <AsTable
        caption={title}
        columns={[
          { head: "Share treated", cell: ({ share }: TargetingPoint) => percent(share), numeric: true },
          { head: "Value", cell: ({ value }) => write(value), numeric: true },
          { head: "95\u00a0% interval", cell: ({ interval }) => between(interval, write), numeric: true },
          {
            head: "At all shares at once",
            cell: ({ simultaneous }) => between(simultaneous, write),
            numeric: true,
          },
        ]}
        rows={curve.points.filter((_, index) => (index + 1) % 5 === 0)}
      />
    </>
  );
}

/** The interval of what it costs to keep a customer, whose upper end may be open. */
function costNote(interval: readonly (number | null)[] | null): string | undefined {
  const [low, high] = interval ?? [];
  if (low == null) return undefined;
  return `95\u00a0% interval ${roundMoney(low)} to ${high == null ? "any amount" : roundMoney(high)}`;
}
