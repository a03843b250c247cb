import { useCallback } from "preact/hooks";
import { fetchReadout } from "../../api/requests.ts";
import type { DimensionEffect, Experiment, SegmentEffect, SelectionReadout } from "../../api/types.ts";
import { type Estimated, intervals, intervalsHeight } from "../../charts/intervals.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable } from "../../components/data-table.tsx";
import { Page, Tile } from "../../components/page.tsx";
import { PageSkeleton } from "../../components/skeletons.tsx";
import {
  count,
  decimal,
  eValue,
  inSentence,
  percent,
  points,
  pValue,
  ratioInterval,
  sentenceCase,
  withSign,
} from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { fieldNamed, schema } from "../../state/schema.ts";
import { filterText, selection, valuesFilter } from "../../state/selection.ts";
import { CountsCalculator } from "./counts-calculator.tsx";
import { SizeCalculator } from "./size-calculator.tsx";
import { Verdict } from "./verdict.tsx";

/** Did the treatment work? The readout of the business's first experiment, and calculators for one's own. */
export function ExperimentPage() {
  const [experiment] = schema().experiments;
  return experiment ? <ExperimentReadout experiment={experiment} /> : <OwnExperiments />;
}

/** The place of a business that has no experiment. */
const OwnExperiments = () => (
  <div class="page">
    <header class="page-head">
      <h1>Experiment</h1>
    </header>
    <Calculators />
  </div>
);

const Calculators = () => (
  <div class="grid wide">
    <CountsCalculator />
    <SizeCalculator />
  </div>
);

function ExperimentReadout({ experiment }: { experiment: Experiment }) {
  const query = selection();
  const readout = useAnswer(fetchReadout, query);
  const arms = armNames(experiment);
  return (
    <Page
      title="Experiment"
      asked={readout}
      size={usersIn}
      extent={(data) => `${count(usersIn(data))} customers in the experiment, active and left`}
      usual="Everybody is shown, active and left"
      ignored={["status"]}
    >
      <Answer of={readout} class="stack" skeleton={<PageSkeleton />}>
        {(data) => (
          <>
            <Card
              title={`Does the treatment (${arms.treatment}) keep more customers than control (${arms.control})?`}
              note={`${count(usersIn(data))} customers; a conversion is a customer who left, so lower is better.`}
            >
              <Verdict readout={data} />
              <p>{data.comparison}</p>
            </Card>
            <Figures readout={data} />
            <div class="grid wide">
              <RatesCard readout={data} arms={arms} />
              <LiftCard readout={data} />
            </div>
            {data.segments.length > 0 && (
              <SegmentsCard segments={data.segments} dimensions={data.dimensions} />
            )}
          </>
        )}
      </Answer>
      <Calculators />
    </Page>
  );
}

/** What an experiment's arms are called. */
interface ArmNames {
  /** What sets the arms apart. */
  readonly label: string;
  readonly control: string;
  readonly treatment: string;
}

function armNames({ arm, control, treatments }: Experiment): ArmNames {
  const field = fieldNamed(arm);
  const name = (arm = "") => field?.values.find(({ value }) => String(value) === arm)?.label ?? arm;
  return {
    label: field?.label ?? "Arm",
    control: name(control.arm),
    treatment: name(treatments[0]?.arm),
  };
}

const usersIn = ({ control, treatment }: SelectionReadout): number => control.users + treatment.users;

interface CardProps {
  readonly readout: SelectionReadout;
  readonly arms: ArmNames;
}

function Figures({ readout }: Pick<CardProps, "readout">) {
  const { control, treatment, bayesian, frequentist, anytime, sample_ratio_mismatch: ratio, power } = readout;
  const users = usersIn(readout);
  const [lowest = 0, highest = 0] = anytime.absolute_difference;
  return (
    <dl class="tiles">
      <Tile
        label="Split"
        value={`${decimal((100 * control.users) / (users || 1), 1)} : ${decimal((100 * treatment.users) / (users || 1), 1)}`}
        note={`${ratio.healthy ? "healthy" : "mismatch"}, p ${pValue(ratio.p_value)}`}
      />
      <Tile
        label="Chance to win"
        value={bayesian ? percent(bayesian.chance_to_win, 1) : "unknown"}
        note={bayesian ? `expected loss if shipped ${percent(bayesian.risk.treatment, 2)}` : undefined}
      />
      <Tile
        label="p value"
        value={frequentist ? pValue(frequentist.p_value) : "unknown"}
        note={frequentist ? `Welch t ${decimal(frequentist.statistic, 2)}` : undefined}
      />
      <Tile
        label="Evidence"
        value={`${eValue(anytime.better)} : ${eValue(anytime.worse)}`}
        note={`treatment better : worse; ${eValue(anytime.threshold)} decides at any look`}
      />
      <Tile
        label="Rate ratio at any look"
        value={ratioInterval(anytime.rate_ratio)}
        note={`difference ${points(lowest)} to ${points(highest)}`}
      />
      <Tile
        label="Power"
        value={power.achieved == null ? "unknown" : percent(power.achieved)}
        note={
          power.detectable_effect == null
            ? undefined
            : `detects ${points(power.detectable_effect)} with 80\u00a0% at one look`
        }
      />
    </dl>
  );
}

function RatesCard({ readout, arms }: CardProps) {
  const { control, treatment } = readout.arms;
  const rows = [
    { label: `${arms.control}, control`, offer: control.offer, arm: readout.control, isStrong: false },
    { label: `${arms.treatment}, treatment`, offer: treatment.offer, arm: readout.treatment, isStrong: true },
  ];
  const title = `Churn rate by ${inSentence(arms.label)}`;
  const draw = useCallback(
    (width: number) =>
      intervals(
        rows.flatMap(({ label, arm, isStrong }) => estimated(label, arm.rate, arm.interval, isStrong)),
        { width, format: (value) => percent(value, 1), axis: "Churn rate with 95\u00a0% Wilson interval" },
      ),
    [readout],
  );
  return (
    <Card
      title={title}
      note={`Control is offered ${control.offer}, treatment ${treatment.offer}.`}
      picture="experiment_rates"
    >
      <Chart label={title} draw={draw} height={intervalsHeight(2)} />
      <AsTable
        caption={title}
        columns={[
          { head: arms.label, cell: (row: (typeof rows)[number]) => row.label },
          { head: "Offer", cell: ({ offer }) => offer },
          { head: "Customers", cell: ({ arm }) => count(arm.users), numeric: true },
          { head: "Left", cell: ({ arm }) => count(arm.conversions), numeric: true },
          {
            head: "Churn rate",
            cell: ({ arm }) => (arm.rate == null ? "–" : percent(arm.rate, 2)),
            numeric: true,
          },
        ]}
        rows={rows}
      />
    </Card>
  );
}

function estimated(
  label: string,
  estimate: number | null | undefined,
  interval: readonly number[] | null | undefined,
  strong = false,
): Estimated[] {
  const [low, high] = interval ?? [];
  if (estimate == null || low === undefined || high === undefined) return [];
  return [{ label, estimate, low, high, strong }];
}

function LiftCard({ readout }: Pick<CardProps, "readout">) {
  const { relative_lift, frequentist, bayesian, sequential, cuped } = readout;
  const rows: Estimated[] = [
    ...estimated(
      "Frequentist (Welch)",
      relative_lift.estimate,
      frequentist?.interval ?? relative_lift.interval,
      true,
    ),
    ...estimated("Bayesian", bayesian?.mean, bayesian?.interval),
    ...estimated("Sequential (gbstats)", relative_lift.estimate, sequential?.interval),
    ...estimated(
      "With CUPED",
      cuped?.relative_lift.estimate,
      cuped?.frequentist?.interval ?? cuped?.relative_lift.interval,
    ),
  ];
  const draw = useCallback(
    (width: number) =>
      intervals(rows, {
        width,
        format: (value) => `${withSign(value * 100, 1)}\u00a0%`,
        axis: "Relative lift of the churn rate",
        reference: 0,
      }),
    [readout],
  );
  return (
    <Card
      title="The lift, by each way of reckoning"
      note={
        cuped?.variance_reduction == null
          ? undefined
          : `Left of zero, the treatment loses fewer than control, which is offered ${readout.arms.control.offer}. CUPED with the churn score as covariate takes away ${percent(cuped.variance_reduction)} of the variance.`
      }
      picture="experiment_lift"
    >
      <Chart label="Relative lift with intervals" draw={draw} height={intervalsHeight(rows.length)} />
      <AsTable
        caption="Relative lift of the churn rate"
        columns={[
          { head: "Analysis", cell: (row: Estimated) => row.label },
          { head: "Lift", cell: (row) => `${withSign(row.estimate * 100, 1)}\u00a0%`, numeric: true },
          {
            head: "95\u00a0% interval",
            cell: (row) => `${withSign(row.low * 100, 1)} to ${withSign(row.high * 100, 1)}\u00a0%`,
            numeric: true,
          },
        ]}
        rows={rows}
      />
    </Card>
  );
}

interface SegmentsCardProps {
  segments: readonly SegmentEffect[];
  dimensions: readonly DimensionEffect[];
}

function SegmentsCard({ segments, dimensions }: SegmentsCardProps) {
  const rows = segments.flatMap((segment) =>
    estimated(
      segmentName(segment),
      segment.absolute_difference.estimate,
      segment.absolute_difference.interval,
      segment.significant,
    ),
  );
  const draw = useCallback(
    (width: number) =>
      intervals(rows, {
        width,
        format: (value) => withSign(value * 100, 1),
        axis: "Difference of churn rates, percentage points",
        reference: 0,
      }),
    [segments],
  );
  return (
    <Card
      title="The effect by segment"
      note={`Left of zero, the treatment loses fewer. Coloured where it stands after Benjamini–Hochberg over all segments. ${difference(dimensions)}`}
      picture="experiment_segments"
    >
      <Chart label="Effect by segment with intervals" draw={draw} height={intervalsHeight(rows.length)} />
      <AsTable
        caption="Effect by segment"
        columns={[
          { head: "Segment", cell: segmentName },
          {
            head: "Customers",
            cell: (row: SegmentEffect) => count(row.control.users + row.treatment.users),
            numeric: true,
          },
          {
            head: "Difference",
            cell: (row) =>
              row.absolute_difference.estimate == null ? "–" : points(row.absolute_difference.estimate),
            numeric: true,
          },
          {
            head: "Shrunken to the mean",
            cell: (row) =>
              row.shrunken_difference?.estimate == null ? "–" : points(row.shrunken_difference.estimate),
            numeric: true,
          },
          { head: "p", cell: (row) => (row.p_value == null ? "–" : pValue(row.p_value)), numeric: true },
          {
            head: "Adjusted p",
            cell: (row) => (row.adjusted_p_value == null ? "–" : pValue(row.adjusted_p_value)),
            numeric: true,
          },
        ]}
        rows={segments}
      />
      <AsTable
        caption="Does the effect differ between segments?"
        columns={[
          { head: "Divided by", cell: (row: DimensionEffect) => dimensionName(row.dimension) },
          { head: "Segments compared", cell: (row) => count(row.segments), numeric: true },
          { head: "Adjusted p, points", cell: (row) => homogeneity(row.points), numeric: true },
          { head: "Adjusted p, log-odds", cell: (row) => homogeneity(row.log_odds), numeric: true },
          { head: "Differs", cell: (row) => (row.differs ? "yes" : "not shown") },
        ]}
        rows={dimensions}
      />
    </Card>
  );
}

/** What the tests of all dimensions say, in one sentence. */
function difference(dimensions: readonly DimensionEffect[]): string {
  const differing = dimensions.filter((dimension) => dimension.differs);
  return differing.length === 0
    ? "No way of dividing the customers shows a difference between segments that chance does not explain: the effect over all is the best estimate for each."
    : `The effect differs by ${differing.map((dimension) => dimensionName(dimension.dimension).toLowerCase()).join(", ")}.`;
}

function homogeneity(test: DimensionEffect["points"]): string {
  return test == null ? "–" : pValue(test.adjusted_p_value);
}

function dimensionName(dimension: string): string {
  return valuesFilter(dimension)?.label ?? fieldNamed(dimension)?.label ?? sentenceCase(dimension);
}

function segmentName({ dimension, value }: SegmentEffect): string {
  return `${dimensionName(dimension)}: ${filterText(dimension, value)}`;
}
