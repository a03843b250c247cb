import { useCallback, useMemo, useState } from "preact/hooks";
import { explainAll } from "../../api/requests.ts";
import type { Contribution, Explanation } from "../../api/types.ts";
import { DISTRIBUTION_HEIGHT, distribution } from "../../charts/distribution.ts";
import { type Step, waterfall } from "../../charts/waterfall.ts";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable } from "../../components/data-table.tsx";
import { decimal, percent, signed } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";

/** How many customers stand for the population in a feature's distribution. */
const CLOUD = 300;

interface Props {
  readonly explanation: Explanation;
  readonly customerId: string;
  readonly isEdited: boolean;
}

/** Why this prediction: the sentence, the waterfall, and the feature that is pointed at. */
export function Why({ explanation, customerId, isEdited }: Props) {
  const { contributions, base_value } = explanation;
  const [feature, setFeature] = useState<string | null>(null);
  const point = useCallback((step: Step) => step.feature && setFeature(step.feature), []);
  const draw = useCallback(
    (width: number) => waterfall(base_value, contributions, { width, onPoint: point }),
    [base_value, contributions, point],
  );
  const pointed = contributions.find((one) => one.feature === feature) ?? contributions[0];

  return (
    <Card title="Why this prediction?" picture={`why_${customerId}${isEdited ? "_what-if" : ""}`}>
      <p class="sentence">{explanation.sentence}</p>
      <div class="why">
        <div>
          <Chart label="Waterfall of the contributions" draw={draw} height={392} />
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
          { head: "Value", cell: (row) => row.value },
          { head: "Contribution", cell: (row) => signed(row.contribution, 3), numeric: true },
          { head: "Odds", cell: (row) => `× ${decimal(Math.exp(row.contribution), 2)}`, numeric: true },
        ]}
        rows={contributions}
      />
    </Card>
  );
}

/** The feature that the person points at: what it does to the odds, and how common the value is. */
function Pointed({ contribution }: { contribution: Contribution }) {
  const all = useAnswer("population", (signal) => explainAll({}, CLOUD, signal));
  const points = all.data?.features.find((one) => one.feature === contribution.feature)?.points;
  const values = useMemo(() => points?.map((point) => point.value) ?? [], [points]);
  const number = values.some((value) => typeof value === "number");
  const mark = number ? Number(contribution.value) : contribution.value;
  const draw = useCallback(
    (width: number) => distribution(values, { width, mark: Number.isNaN(mark) ? null : mark }),
    [values, mark],
  );
  const share = values.filter((value) => value === mark).length / (values.length || 1);

  return (
    <aside class="pointed" aria-live="polite">
      <h3>
        {contribution.label}: {contribution.value}
      </h3>
      <p class="small">
        Multiplies the odds of leaving by <strong>{decimal(Math.exp(contribution.contribution), 2)}</strong>
        {" ("}
        {signed(contribution.contribution)} in log-odds).
      </p>
      <p class="small muted">
        {values.length === 0
          ? "All customers"
          : number
            ? "Where this customer stands among all"
            : `Shared by ${percent(share)} of all customers`}
      </p>
      {values.length > 0 ? (
        <Chart label={`${contribution.label} among all customers`} draw={draw} height={DISTRIBUTION_HEIGHT} />
      ) : (
        <div style={{ height: `${DISTRIBUTION_HEIGHT}px` }} />
      )}
    </aside>
  );
}
