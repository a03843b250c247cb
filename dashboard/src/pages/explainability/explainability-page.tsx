import { useCallback } from "preact/hooks";
import { explainAll, type Query } from "../../api/requests.ts";
import type { FeatureImportance, GlobalExplanation, Status } from "../../api/types.ts";
import { bars, barsHeight } from "../../charts/bars.ts";
import { beeswarm, beeswarmHeight } from "../../charts/beeswarm.ts";
import { DEPENDENCE_HEIGHT, dependence } from "../../charts/dependence.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable } from "../../components/data-table.tsx";
import { Page } from "../../components/page.tsx";
import { PageSkeleton } from "../../components/skeletons.tsx";
import { featureOrder, featureText } from "../../customer/fields.ts";
import { activeAndLeft, count, customers, decimal, inSentence } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { chosenStatuses, selection } from "../../state/selection.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";
import { ModelQuality } from "./model-quality.tsx";

/** Customers drawn as dots. */
const CLOUD = 400;
/** Features shown, as shap does. */
const MOST_FEATURES = 10;

const explainSelection = (query: Query, signal: AbortSignal): Promise<GlobalExplanation> =>
  explainAll(query, CLOUD, signal);

/** The statuses of the customers who are explained: every one, unless some are named. */
const explainedStatuses = (named: readonly string[] = []): readonly Status[] =>
  named.length > 0 ? chosenStatuses(named) : [];

/** What drives the model, for everybody or for a selection, and how good it is. */
export function ExplainabilityPage() {
  const query = selection();
  const all = useAnswer(explainSelection, query);
  return (
    <Page
      title="Explainability"
      asked={all}
      size={(data) => data.population}
      extent={(data) => customers(data.population, explainedStatuses(query.status))}
      usual={`Everybody is shown${activeAndLeft()}`}
    >
      <Answer of={all} class="stack" skeleton={<PageSkeleton />}>
        {(data, { status }) => <Drivers data={data} statuses={explainedStatuses(status)} />}
      </Answer>
      <ModelQuality />
    </Page>
  );
}

function Drivers({ data, statuses }: { data: GlobalExplanation; statuses: readonly string[] }) {
  const top = data.features.slice(0, MOST_FEATURES);
  const drawSwarm = useCallback(
    (width: number) => beeswarm(top, { width, order: featureOrder, write: featureText }),
    [data],
  );
  const drawBars = useCallback(
    (width: number) =>
      bars(
        top.map(({ label, mean_abs_contribution }) => ({ label, value: mean_abs_contribution })),
        {
          width,
          format: (value) => decimal(value, 2),
          axis: "Mean |SHAP value| (log-odds)",
          directed: false,
        },
      ),
    [data],
  );
  return (
    <>
      <div class="grid wide">
        <Card
          title="What drives the risk, customer by customer"
          note={
            <>
              {customers(data.population, statuses)} in the selection; {count(top[0]?.points.length ?? 0)}{" "}
              drawn. Value of the feature: <span class="key lowers">low</span> to{" "}
              <span class="key raises">high</span>.
            </>
          }
          picture="beeswarm"
        >
          <Chart label="Beeswarm of SHAP values" draw={drawSwarm} height={beeswarmHeight(top.length)} />
        </Card>
        <Card
          title="How much each feature matters"
          note="Over every customer of the selection, not only those drawn."
          picture="importance"
        >
          <Chart label="Mean magnitude of the SHAP values" draw={drawBars} height={barsHeight(top.length)} />
          <AsTable
            caption="Mean magnitude of the SHAP values"
            columns={[
              { head: "Feature", cell: (row: FeatureImportance) => row.label },
              {
                head: "Mean |SHAP value|",
                cell: (row) => decimal(row.mean_abs_contribution, 4),
                numeric: true,
              },
            ]}
            rows={data.features}
          />
        </Card>
      </div>
      <DependenceCard data={data} />
    </>
  );
}

function DependenceCard({ data }: { data: GlobalExplanation }) {
  const { features, interactions } = data;
  const chosen = features.find((one) => one.feature === param("feature")[0]) ?? features[0];
  const companion = interactions
    .find((pair) => chosen && pair.features.includes(chosen.feature))
    ?.features.find((name) => name !== chosen?.feature);
  const by = features.find((one) => one.feature === companion);
  const draw = useCallback(
    (width: number) =>
      chosen
        ? dependence(chosen, { width, by, order: featureOrder, write: featureText })
        : document.createElement("div"),
    [chosen, by],
  );
  if (!chosen) return null;
  return (
    <Card
      title={`How the risk depends on ${inSentence(chosen.label)}`}
      note={by && `Coloured by ${inSentence(by.label)}, with which it interacts most.`}
      picture={`dependence_${chosen.feature}`}
      actions={
        <select
          class="select"
          aria-label="Feature"
          value={chosen.feature}
          onChange={(event) =>
            adjust({
              ...view.value,
              params: withParams(view.value.params, { feature: [event.currentTarget.value] }),
            })
          }
        >
          {features.map((one) => (
            <option key={one.feature} value={one.feature}>
              {one.label}
            </option>
          ))}
        </select>
      }
    >
      <Chart label={`SHAP values of ${chosen.label}`} draw={draw} height={DEPENDENCE_HEIGHT} />
    </Card>
  );
}
