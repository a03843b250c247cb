import { useCallback, useMemo, useState } from "preact/hooks";
import { explainAll } from "../../api/requests.ts";
import type { Contribution, Explanation, GlobalExplanation } from "../../api/types.ts";
import { DISTRIBUTION_HEIGHT, distribution } from "../../charts/distribution.ts";
import { type Step, waterfall, waterfallHeight } from "../../charts/waterfall.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable } from "../../components/data-table.tsx";
import { featureOrder, featureText } from "../../customer/fields.ts";
import { activeAndLeft, count, decimal, percent, withSign } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { workspaceVersion } from "../../state/schema.ts";

/** The distributions are of everybody; no customer is drawn. */
const NO_POINTS = 0;

const loadPopulation = (_: "everybody", signal: AbortSignal): Promise<GlobalExplanation> =>
  explainAll({}, NO_POINTS, signal);

/** The value behind a contribution as people read it; of a number, as the API writes it. */
const shownValue = ({ feature, value }: Contribution): string => featureText(feature, value);

interface Props {
  readonly explanation: Explanation;
  readonly customer: string;
  readonly isEdited: boolean;
  /** Whether there are edits that have no answer, so that the explanation is of the customer without them. */
  readonly isUnanswered: boolean;
}

/** Why this prediction: the sentence, the waterfall, and the feature that is pointed at. */
export function Why({ explanation, customer, isEdited, isUnanswered }: Props) {
  const { contributions, base_value } = explanation;
  const shown = useMemo(
    () => contributions.map((one) => ({ ...one, value: shownValue(one) })),
    [contributions, workspaceVersion()],
  );
  const [feature, setFeature] = useState<string | null>(null);
  const point = useCallback((step: Step) => step.feature && setFeature(step.feature), []);
  const draw = useCallback(
    (width: number) => waterfall(base_value, shown, { width, onPoint: point }),
    [base_value, shown, point],
  );
  const pointed = contributions.find((one) => one.feature === feature) ?? contributions[0];

  return (
    <Card
      title="Why this prediction?"
      note={isUnanswered && "Without the changes, which have no answer."}
      picture={`why_${customer}${isEdited ? "_what-if" : ""}`}
    >
      <p class="sentence">{explanation.sentence}</p>
      <div class="why">
        <div>
          <Chart
            label="Waterfall of the contributions"
            draw={draw}
            height={waterfallHeight(contributions.length)}
          />
          <p class="small muted">
            Log-odds, from what is expected of anybody, E[f(X)], up to this customer, f(x).{" "}
            <span class="key raises">Raises</span> or <span class="key lowers">lowers</span> the risk.
          </p>
        </div>
        {pointed && <Pointed contribution={pointed} />}
      </div>
      <AsTable
        caption="Contributions in log-odds"
        columns={[
          { head: "Feature", cell: (row: Contribution) => row.label },
          { head: "Value", cell: shownValue },
          { head: "Contribution", cell: (row) => withSign(row.contribution, 3), numeric: true },
          { head: "Odds", cell: (row) => `× ${decimal(Math.exp(row.contribution), 2)}`, numeric: true },
        ]}
        rows={contributions}
      />
    </Card>
  );
}

/** The feature that the person points at: what it does to the odds, and how common the value is. */
function Pointed({ contribution }: { contribution: Contribution }) {
  const everybody = useAnswer(loadPopulation, "everybody");
  return (
    <aside class="pointed" aria-live="polite">
      <h3>
        {contribution.label}: {shownValue(contribution)}
      </h3>
      <p class="small">
        Multiplies the odds of leaving by <strong>{decimal(Math.exp(contribution.contribution), 2)}</strong>
        {" ("}
        {withSign(contribution.contribution)} in log-odds).
      </p>
      <Answer
        of={everybody}
        isQuiet
        skeleton={<div class="skeleton" style={{ height: `${DISTRIBUTION_HEIGHT}px` }} />}
      >
        {(data) => <Place contribution={contribution} population={data} />}
      </Answer>
      {everybody.state === "refused" && (
        <p class="small muted">
          How common this value is could not be loaded.{" "}
          <button type="button" class="link" onClick={everybody.retry}>
            Try again
          </button>
        </p>
      )}
    </aside>
  );
}

/** Where the customer's value is among everybody's. */
function Place({
  contribution: { feature, label, value },
  population,
}: {
  contribution: Contribution;
  population: GlobalExplanation;
}) {
  const counts = population.features.find((one) => one.feature === feature)?.distribution;
  const isNumber = counts?.some((one) => typeof one.value === "number");
  const number = isNumber ? Number(value) : Number.NaN;
  const isKnown = !isNumber || !Number.isNaN(number);
  const draw = useCallback(
    (width: number) =>
      distribution(counts ?? [], {
        width,
        mark: isNumber ? (isKnown ? number : null) : featureText(feature, value),
        order: featureOrder(feature),
        write: (value) => featureText(feature, value),
      }),
    [counts, feature, value],
  );
  if (!counts) return null;
  const own = featureText(feature, value);
  const alike = counts.find((one) => featureText(feature, one.value) === own)?.customers ?? 0;
  const share = alike / population.population;
  const all = count(population.population);
  return (
    <>
      <p class="small muted">
        {!isKnown
          ? `Not known of this customer; all ${all}${activeAndLeft()}`
          : isNumber
            ? `Where this customer stands among all ${all}${activeAndLeft()}`
            : `Shared by ${percent(share)} of all ${all} customers${activeAndLeft()}`}
      </p>
      <Chart label={`${label} among all customers`} draw={draw} height={DISTRIBUTION_HEIGHT} />
    </>
  );
}
