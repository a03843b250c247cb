import type { Evaluation } from "../../api/types.ts";
import { Card } from "../../components/card.tsx";
import { Tile } from "../../components/page.tsx";
import { count, percent, roundMoney } from "../../format.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";

type Confusion = Evaluation["by_cutoff"][number];

/** The percentile of the score from which on customers are called, where none was chosen. */
const USUAL_PERCENTILE = 75;
/** Dollars, where the person has not said otherwise. */
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

/** One slider that drives confusion matrix, precision, recall and cost. */
export function CutoffCard({ evaluation }: { evaluation: Evaluation }) {
  const at = chosenCutoff(evaluation);
  const cost = (name: keyof typeof USUAL_COST) => {
    const given = Number(param(`cost.${name}`)[0] ?? USUAL_COST[name]);
    return Number.isFinite(given) && given >= 0 ? given : USUAL_COST[name];
  };
  const set = (name: string, value: string) =>
    adjust({ ...view.value, params: withParams(view.value.params, { [name]: [value] }) });
  const called = at.true_positives + at.false_positives;
  const total = called * cost("called") + at.false_negatives * cost("lost");
  const nobody = evaluation.churners * cost("lost");
  return (
    <Card
      title="Whom would you call?"
      note="Customers from a probability upwards are called. Every figure follows the slider; out of fold, on the real customers."
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
        <Tile label="Cost" value={roundMoney(total)} note={`${roundMoney(nobody)} when nobody is called`} />
      </dl>
      <div class="calculator">
        {(
          [
            ["called", "Cost of calling one customer, $"],
            ["lost", "Cost of a churner who was not called, $"],
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
      </div>
    </Card>
  );
}
