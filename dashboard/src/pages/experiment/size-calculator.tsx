import { planExperiment } from "../../api/requests.ts";
import type { ExperimentPlanRequest } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Tile } from "../../components/page.tsx";
import { TilesSkeleton } from "../../components/skeletons.tsx";
import { count, decimal, plural } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { schema } from "../../state/schema.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";
import { NumberField } from "./number-field.tsx";

const TYPING_DELAY_MS = 60;

const INPUTS = {
  /** Usually the rate at which customers leave. */
  baseline: { label: "Rate today, %", usual: Number.NaN },
  effect: { label: "Effect to detect, points", usual: -4 },
  power: { label: "Power, %", usual: 80 },
  alpha: { label: "False alarms, %", usual: 5 },
  treated: { label: "Share in B, %", usual: 50 },
  per_day: { label: "Users a day", usual: 200 },
} as const;
type Input = keyof typeof INPUTS;

/** How many users, and how many days, an experiment needs. */
export function SizeCalculator() {
  const value = (name: Input) => {
    const usual = name === "baseline" ? Math.round(1000 * schema().risk.base_rate) / 10 : INPUTS[name].usual;
    const given = Number(param(`plan.${name}`)[0] ?? usual);
    return Number.isFinite(given) ? given : usual;
  };
  const treated = value("treated") / 100;
  const request: ExperimentPlanRequest = {
    baseline_rate: value("baseline") / 100,
    detectable_effect: value("effect") / 100,
    alpha: value("alpha") / 100,
    power: value("power") / 100,
    split: [1 - treated, treated],
    users_per_day: value("per_day") > 0 ? value("per_day") : null,
  };
  const plan = useAnswer(planExperiment, request, TYPING_DELAY_MS);
  return (
    <Card
      title="Plan an experiment"
      note="Users needed to see an effect of a given size at one look, at the end. A decision at any look needs about half as many again."
    >
      <form class="calculator" onSubmit={(event) => event.preventDefault()}>
        {(Object.keys(INPUTS) as Input[]).map((name) => (
          <NumberField
            key={name}
            label={INPUTS[name].label}
            value={value(name)}
            min={-100}
            set={(number) =>
              adjust({
                ...view.value,
                params: withParams(view.value.params, { [`plan.${name}`]: [String(number)] }),
              })
            }
          />
        ))}
      </form>
      <Answer of={plan} skeleton={<TilesSkeleton tiles={3} />}>
        {({ users_per_arm, days, cohens_h }) => (
          <dl class="tiles" data-answer="plan">
            <Tile label="Users in A" value={count(Math.ceil(users_per_arm.control))} />
            <Tile label="Users in B" value={count(Math.ceil(users_per_arm.treatment))} />
            <Tile
              label="Duration"
              value={days == null ? "–" : plural(Math.ceil(days), "day")}
              note={`Cohen’s h ${decimal(Math.abs(cohens_h), 4)}`}
            />
          </dl>
        )}
      </Answer>
    </Card>
  );
}
