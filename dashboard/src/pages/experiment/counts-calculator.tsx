import { readCounts } from "../../api/requests.ts";
import type { ExperimentRequest, Readout } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { decimal, eValue, percent, points, pValue, ratioInterval, withSign } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { schema } from "../../state/schema.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";
import { NumberField } from "./number-field.tsx";
import { Verdict } from "./verdict.tsx";

const TYPING_DELAY_MS = 60;

/** Users in each arm, where the person has not said otherwise. */
const USUAL_USERS = 1000;

const COUNTS = {
  a_users: { label: "Users in A", usual: () => USUAL_USERS },
  a_conversions: { label: "Conversions in A", usual: () => usualConversions() },
  b_users: { label: "Users in B", usual: () => USUAL_USERS },
  b_conversions: { label: "Conversions in B", usual: () => Math.round(0.85 * usualConversions()) },
} as const;
type Count = keyof typeof COUNTS;

/** As many as leave of the customers as they are. */
const usualConversions = (): number => Math.round(USUAL_USERS * schema().risk.base_rate);

const METRICS = { lower_is_better: "fewer conversions", higher_is_better: "more conversions" } as const;

/** The same readout for counts that the person brings. */
export function CountsCalculator() {
  const value = (name: Count) => {
    const given = Number(param(`calc.${name}`)[0] ?? COUNTS[name].usual());
    return Number.isFinite(given) ? given : COUNTS[name].usual();
  };
  const set = (name: string, text: string) =>
    adjust({ ...view.value, params: withParams(view.value.params, { [`calc.${name}`]: [text] }) });
  const metric = param("calc.metric")[0] === "higher_is_better" ? "higher_is_better" : "lower_is_better";
  const request: ExperimentRequest = {
    metric,
    control: { users: value("a_users"), conversions: value("a_conversions") },
    treatment: { users: value("b_users"), conversions: value("b_conversions") },
    alpha: 0.05,
    expected_split: [0.5, 0.5],
  };
  const readout = useAnswer(readCounts, request, TYPING_DELAY_MS);
  return (
    <Card title="Read out your own experiment" note="Two arms and how many converted in each.">
      <form class="calculator" onSubmit={(event) => event.preventDefault()}>
        {(Object.keys(COUNTS) as Count[]).map((name) => (
          <NumberField
            key={name}
            label={COUNTS[name].label}
            value={value(name)}
            set={(number) => set(name, String(number))}
          />
        ))}
        <label class="calculator-field">
          <span>Better is</span>
          <select
            class="select"
            value={metric}
            onChange={(event) => set("metric", event.currentTarget.value)}
          >
            {Object.entries(METRICS).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </form>
      <Answer of={readout} skeleton={<LinesSkeleton lines={7} />}>
        {(data) => <CountsReadout readout={data} />}
      </Answer>
    </Card>
  );
}

function CountsReadout({ readout }: { readout: Readout }) {
  const {
    relative_lift: lift,
    absolute_difference: difference,
    frequentist,
    bayesian,
    sequential,
    anytime,
  } = readout;
  const span = (interval: readonly number[] | null | undefined, write: (value: number) => string) =>
    interval ? `${write(interval[0] ?? 0)} to ${write(interval[1] ?? 0)}` : "–";
  const asLift = (value: number) => `${withSign(value * 100, 1)}\u00a0%`;
  const rows = [
    {
      name: "Difference of rates",
      value: difference.estimate == null ? "–" : points(difference.estimate),
      interval: span(difference.interval, points),
    },
    {
      name: "Relative lift",
      value: lift.estimate == null ? "–" : asLift(lift.estimate),
      interval: span(lift.interval, asLift),
    },
    {
      name: "Lift, sequential (gbstats)",
      value: "many conversions",
      interval: span(sequential?.interval, asLift),
    },
    {
      name: "Difference at any look",
      value: difference.estimate == null ? "–" : points(difference.estimate),
      interval: span(anytime.absolute_difference, points),
    },
    {
      name: "Rate ratio at any look",
      value: lift.estimate == null ? "–" : decimal(1 + lift.estimate, 2),
      interval: ratioInterval(anytime.rate_ratio),
    },
    {
      name: "Evidence, better : worse",
      value: `${eValue(anytime.better)} : ${eValue(anytime.worse)}`,
      interval: `${eValue(anytime.threshold)} decides`,
    },
    {
      name: "Chance to win",
      value: bayesian ? percent(bayesian.chance_to_win, 1) : "–",
      interval: span(bayesian?.interval, asLift),
    },
    { name: "p value (Welch)", value: frequentist ? pValue(frequentist.p_value) : "–", interval: "" },
    {
      name: "Sample ratio",
      value: readout.sample_ratio_mismatch.healthy ? "healthy" : "mismatch",
      interval: `p ${pValue(readout.sample_ratio_mismatch.p_value)}`,
    },
  ];
  return (
    <div class="calculator-answer" data-answer="counts">
      <Verdict readout={readout} />
      <DataTable
        caption="Readout of these counts"
        columns={[
          { head: "Figure", cell: (row) => row.name },
          { head: "Value", cell: (row) => row.value, numeric: true },
          { head: "Interval", cell: (row) => row.interval, numeric: true },
        ]}
        rows={rows}
      />
    </div>
  );
}
