import { fetchReadout } from "../../api/requests.ts";
import type { Evaluation, SelectionReadout } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Tile } from "../../components/page.tsx";
import { count, currencySign, percent, roundMoney } from "../../format.ts";
import { type Asked, useAnswer } from "../../state/request.ts";
import { schema } from "../../state/schema.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";
import { successRate } from "./success.ts";

type Confusion = Evaluation["by_cutoff"][number];

/** The percentile of the score from which on customers are called, where none was chosen. */
const USUAL_PERCENTILE = 75;
/** Amounts of money, where the person has not said otherwise. */
const USUAL_COST = { called: 20, lost: 500 } as const;

/** The confusion counts at the cutoff that the person chose. */
export function chosenCutoff(evaluation: Evaluation): Confusion {
  const asked = Number(param("cutoff")[0] ?? USUAL_PERCENTILE);
  const known = evaluation.by_cutoff;
  const found =
    known.find((one) => one.percentile === asked) ?? known.find((one) => one.percentile === USUAL_PERCENTILE);
  if (!found) throw new Error("The evaluation has no counts by cutoff.");
  return found;
}

const loadExperiment = (_: "everybody", signal: AbortSignal): Promise<SelectionReadout> =>
  fetchReadout({}, signal);

/** A success rate with the ends of its interval, 0 to 1 where calling helps. */
interface Success {
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** The success rate at a cut-off by the experiment; undefined where it has no effect to go by. */
function measuredSuccess(
  experiment: Asked<"everybody", SelectionReadout>,
  evaluation: Evaluation,
  percentile: number,
): Success | undefined {
  if (experiment.state !== "answered" || !experiment.data.sample_ratio_mismatch.healthy) return undefined;
  const { estimate, interval } = experiment.data.cuped?.absolute_difference ?? {};
  if (estimate == null || interval == null) return undefined;
  const [least = Number.NaN, most = Number.NaN] = interval;
  const [rate, low, high] = [estimate, most, least].map((effect) =>
    successRate(evaluation, percentile, effect),
  );
  if (rate === undefined || low === undefined || high === undefined) return undefined;
  return { rate, low, high };
}

/** The success rate that the person typed, 0 to 1; undefined where it is left to the experiment. */
function typedSuccess(): number | undefined {
  const text = param("success")[0];
  const typed = Number(text);
  return text !== undefined && text !== "" && typed >= 0 && typed <= 100 ? typed / 100 : undefined;
}

/** One slider that drives confusion matrix, precision, recall and gain. */
export function CutoffCard({ evaluation }: { evaluation: Evaluation }) {
  const at = chosenCutoff(evaluation);
  const cost = (name: keyof typeof USUAL_COST) => {
    const given = Number(param(`cost.${name}`)[0] ?? USUAL_COST[name]);
    return Number.isFinite(given) && given >= 0 ? given : USUAL_COST[name];
  };
  const set = (name: string, value: string) =>
    adjust({ ...view.value, params: withParams(view.value.params, { [name]: [value] }) });
  const called = at.true_positives + at.false_positives;
  const experiment = useAnswer(loadExperiment, schema().experiments.length > 0 ? "everybody" : null);
  const measured = measuredSuccess(experiment, evaluation, at.percentile);
  const typed = typedSuccess();
  const success = typed ?? (measured && Math.max(0, measured.rate));
  // Every call costs; only some of the churners who are called stay.
  const gainAt = (rate: number) => at.true_positives * rate * cost("lost") - called * cost("called");
  const nobody = evaluation.churners * cost("lost");
  return (
    <Card
      title="Whom would you call?"
      note="Customers from a probability upwards are called. Every figure follows the slider; out of fold, on customers that the model had not seen."
    >
      <div class="cutoff">
        <label class="cutoff-slider">
          <span>
            Call from <strong>{percent(at.cutoff, 1)}</strong> upwards, the riskiest{" "}
            {percent(called / evaluation.customers)}
          </span>
          <input
            type="range"
            min={0}
            max={100}
            step={1}
            value={at.percentile}
            aria-valuetext={`from ${percent(at.cutoff, 1)} upwards`}
            onInput={(event) => set("cutoff", event.currentTarget.value)}
          />
        </label>
        <table class="confusion">
          <caption class="visually-hidden">Confusion matrix at this cutoff</caption>
          <thead>
            <tr>
              <td />
              <th scope="col" class="number">
                Left
              </th>
              <th scope="col" class="number">
                Stayed
              </th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">Called</th>
              <td class="number right" data-count="true_positives">
                {count(at.true_positives)}
              </td>
              <td class="number" data-count="false_positives">
                {count(at.false_positives)}
              </td>
            </tr>
            <tr>
              <th scope="row">Not called</th>
              <td class="number" data-count="false_negatives">
                {count(at.false_negatives)}
              </td>
              <td class="number right" data-count="true_negatives">
                {count(at.true_negatives)}
              </td>
            </tr>
          </tbody>
        </table>
      </div>
      <dl class="tiles">
        <Tile
          label="Precision"
          value={called === 0 ? "–" : percent(at.true_positives / called, 1)}
          note="of those called would leave"
        />
        <Tile
          label="Recall"
          value={percent(at.true_positives / evaluation.churners, 1)}
          note="of those who leave are called"
        />
        <Tile
          label="Gain over calling nobody"
          value={success === undefined ? "unknown" : roundMoney(gainAt(success))}
          note={
            typed !== undefined
              ? `at your success rate of ${percent(typed, 1)}`
              : measured &&
                `95\u00a0% interval ${roundMoney(gainAt(measured.low))} to ${roundMoney(gainAt(measured.high))}`
          }
        />
        <Tile
          label="Cost"
          value={success === undefined ? "unknown" : roundMoney(nobody - gainAt(success))}
          note={`${roundMoney(nobody)} when nobody is called`}
        />
      </dl>
      <div class="calculator">
        {(
          [
            ["called", `Cost of calling one customer, ${currencySign()}`],
            ["lost", `Cost of a churner who leaves, ${currencySign()}`],
          ] as const
        ).map(([name, label]) => (
          <label key={name} class="calculator-field">
            <span>{label}</span>
            <input
              type="number"
              class="input"
              inputMode="decimal"
              min={0}
              step="any"
              value={cost(name)}
              onInput={(event) =>
                event.currentTarget.value !== "" && set(`cost.${name}`, event.currentTarget.value)
              }
            />
          </label>
        ))}
        <label class="calculator-field">
          <span>Success rate: of the churners who are called, the share who stay, %</span>
          <input
            type="number"
            class="input"
            inputMode="decimal"
            min={0}
            max={100}
            step="any"
            value={typed === undefined ? rounded(success) : param("success")[0]}
            onInput={(event) => set("success", event.currentTarget.value)}
          />
        </label>
      </div>
      <Answer of={experiment} skeleton={<p class="small muted">{"\u00a0"}</p>}>
        {({ comparison, control, treatment }) => (
          <p class="small muted">
            {measured
              ? `If a call did as much as the experiment’s treatment, it would keep ${percent(measured.rate, 1)} of the churners who are called (95\u00a0% interval ${percent(measured.low, 1)} to ${percent(measured.high, 1)}): its effect on ${count(control.users + treatment.users)} customers, adjusted by the churn score, as one shift of the log-odds. ${comparison}`
              : "The experiment measures no effect that a success rate could follow from; say what you expect."}
          </p>
        )}
      </Answer>
    </Card>
  );
}

/** A share as a percentage to edit, with one decimal. */
const rounded = (share: number | undefined): number | string =>
  share === undefined ? "" : Math.round(share * 1000) / 10;
