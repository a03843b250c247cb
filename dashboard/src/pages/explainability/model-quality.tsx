import { useCallback } from "preact/hooks";
import type { Evaluation, Quality } from "../../api/types.ts";
import { CURVE_HEIGHT, type CurveOptions, type CurvePoint, curve } from "../../charts/curve.ts";
import { reliability } from "../../charts/reliability.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable, DataTable } from "../../components/data-table.tsx";
import { Tile } from "../../components/page.tsx";
import { PageSkeleton } from "../../components/skeletons.tsx";
import { valueText } from "../../customer/fields.ts";
import { count, decimal, inSentence, percent, sentenceCase } from "../../format.ts";
import { loadQuality } from "../../state/quality.ts";
import { useAnswer } from "../../state/request.ts";
import { fieldNamed } from "../../state/schema.ts";
import { CutoffCard, chosenCutoff } from "./cutoff-card.tsx";

/** How good the model is, out of fold, and what a cutoff means. */
export function ModelQuality() {
  const quality = useAnswer(loadQuality, "model");
  return (
    <>
      <h2 class="section">How good is the model?</h2>
      <Answer of={quality} class="stack" skeleton={<PageSkeleton />}>
        {({ card, evaluation }) => (
          <>
            {card && <Metrics card={card} />}
            {evaluation ? (
              <Curves evaluation={evaluation} />
            ) : (
              <p class="muted">No evaluation describes the model in use.</p>
            )}
          </>
        )}
      </Answer>
    </>
  );
}

function Metrics({ card }: { card: NonNullable<Quality["card"]> }) {
  const { roc_auc, average_precision, log_loss, brier, ece, folds, repeats } = card.metrics;
  const figure = ({ mean, sd }: { mean: number; sd: number }) => ({
    value: decimal(mean, 4),
    note: `± ${decimal(sd, 4)}`,
  });
  return (
    <>
      <dl class="tiles">
        <Tile label="ROC-AUC" {...figure(roc_auc)} />
        <Tile label="Average precision" {...figure(average_precision)} />
        <Tile label="Log loss" {...figure(log_loss)} />
        <Tile label="Brier score" {...figure(brier)} />
        <Tile label="Calibration error" value={percent(ece, 2)} note="ten bins of equal mass" />
      </dl>
      <p class="small muted">
        Model {card.version}, fitted to {card.trained_on.file}, {count(card.trained_on.customers)} customers
        of whom {count(card.trained_on.churners)} left. Everything here is out of fold: {repeats} times{" "}
        {folds} folds.
      </p>
    </>
  );
}

function Curves({ evaluation }: { evaluation: Evaluation }) {
  const cutoff = chosenCutoff(evaluation);
  const positives = evaluation.churners;
  const base = positives / evaluation.customers;
  const drawReliability = useCallback(
    (width: number) =>
      reliability(
        evaluation.calibration.map(({ predicted, observed, observed_low, observed_high, predictions }) => ({
          predicted,
          observed,
          low: observed_low,
          high: observed_high,
          customers: predictions,
        })),
        { width },
      ),
    [evaluation],
  );
  const caught = cutoff.true_positives / positives;
  const alarmed = cutoff.false_positives / (evaluation.customers - positives);
  const called = cutoff.true_positives + cutoff.false_positives;
  return (
    <>
      <CutoffCard evaluation={evaluation} />
      <div class="grid wide">
        <CurveCard
          title="ROC: churners caught against false alarms"
          picture="roc"
          points={evaluation.roc.map((point) => ({
            x: point.false_positive_rate,
            y: point.true_positive_rate,
          }))}
          options={{
            x: "False alarms among the loyal",
            y: "Churners caught",
            reference: [
              { x: 0, y: 0 },
              { x: 1, y: 1 },
            ],
            mark: { x: alarmed, y: caught },
          }}
        />
        <CurveCard
          title="Precision and recall"
          picture="precision_recall"
          points={evaluation.precision_recall.map((point) => ({ x: point.recall, y: point.precision }))}
          options={{
            x: "Recall: churners caught",
            y: "Precision",
            reference: [
              { x: 0, y: base },
              { x: 1, y: base },
            ],
            mark: called > 0 ? { x: caught, y: cutoff.true_positives / called } : undefined,
          }}
        />
        <Card title="Calibration: of those given 30 %, do 30 % leave?" picture="calibration">
          <Chart label="Predicted and observed churn" draw={drawReliability} height={320} />
          <AsTable
            caption="Predicted and observed churn, ten bins of equal mass"
            columns={[
              { head: "Predicted", cell: (bin) => percent(bin.predicted, 1) },
              { head: "Observed", cell: (bin) => percent(bin.observed, 1), numeric: true },
              {
                head: "95\u00a0% interval",
                cell: (bin) => `${percent(bin.observed_low, 1)} to ${percent(bin.observed_high, 1)}`,
                numeric: true,
              },
            ]}
            rows={evaluation.calibration}
          />
        </Card>
        <CurveCard
          title="Gains: churners reached by calling the riskiest first"
          picture="gains"
          points={[
            { x: 0, y: 0 },
            ...evaluation.gains.map(({ percent, gain }) => ({ x: percent / 100, y: gain })),
          ]}
          options={{
            x: "Customers called",
            y: "Churners reached",
            reference: [
              { x: 0, y: 0 },
              { x: 1, y: 1 },
            ],
            mark: { x: called / evaluation.customers, y: caught },
          }}
        />
        <CurveCard
          title="Lift: how much better than calling at random"
          picture="lift"
          points={evaluation.gains.map(({ percent, lift }) => ({ x: percent / 100, y: lift }))}
          options={{
            x: "Customers called",
            y: "Lift",
            unit: "factor",
            reference: [
              { x: 0, y: 1 },
              { x: 1, y: 1 },
            ],
          }}
        />
        {Object.keys(evaluation.by_group).length > 0 && <GroupsCard evaluation={evaluation} />}
      </div>
    </>
  );
}

interface CurveCardProps {
  readonly title: string;
  readonly picture: string;
  readonly points: readonly CurvePoint[];
  readonly options: Omit<CurveOptions, "width">;
}

/** How many rows of a curve its table shows. */
const TABLE_ROWS = 20;

function CurveCard({ title, picture, points, options }: CurveCardProps) {
  const draw = useCallback(
    (width: number) => curve(points, { ...options, width }),
    [points, options.mark?.x, options.mark?.y],
  );
  const write = (value: number) => (options.unit === "factor" ? decimal(value, 2) : percent(value, 1));
  const step = Math.max(1, Math.floor(points.length / TABLE_ROWS));
  return (
    <Card title={title} picture={picture}>
      <Chart label={title} draw={draw} height={CURVE_HEIGHT} />
      <AsTable
        caption={title}
        columns={[
          { head: options.x, cell: (point: CurvePoint) => percent(point.x, 1) },
          { head: options.y, cell: (point) => write(point.y), numeric: true },
        ]}
        rows={points.filter((_, index) => index % step === 0 || index === points.length - 1)}
      />
    </Card>
  );
}

function GroupsCard({ evaluation }: { evaluation: Evaluation }) {
  const dimensions = Object.entries(evaluation.by_group).map(([dimension, groups]) => {
    const field = fieldNamed(dimension);
    return {
      label: field?.label ?? sentenceCase(dimension),
      groups: groups.map((group) => ({
        ...group,
        group: field ? valueText(field, group.group) : group.group,
      })),
    };
  });
  const labels = dimensions.map(({ label }) => inSentence(label));
  return (
    <Card title="Is it as good for everybody?" note={`The same metrics by ${labels.join(" and by ")}.`}>
      <DataTable
        caption="Quality by group"
        columns={[
          { head: "Group", cell: (row) => row.name },
          { head: "Customers", cell: ({ group }) => count(group.customers), numeric: true },
          { head: "Left", cell: ({ group }) => percent(group.churn_rate, 1), numeric: true },
          { head: "Predicted", cell: ({ group }) => percent(group.mean_predicted, 1), numeric: true },
          { head: "ROC-AUC", cell: ({ group }) => decimal(group.roc_auc.mean, 3), numeric: true },
          { head: "Calibration error", cell: ({ group }) => percent(group.ece, 1), numeric: true },
        ]}
        rows={dimensions.flatMap(({ label, groups }) =>
          groups.map((group) => ({ name: `${label}: ${group.group}`, group })),
        )}
      />
    </Card>
  );
}
