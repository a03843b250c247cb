import { advise } from "../../api/requests.ts";
import type { Advice, Change, Field, Measured, Nudge, Profile, Recourse, WhatIf } from "../../api/types.ts";
import { Answer, AnswerText } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { changing } from "../../customer/edits.ts";
import { textIn } from "../../customer/fields.ts";
import { count, percent, plural, points, sentenceCase, signedMoney, withSign } from "../../format.ts";
import { isEdited, type PlanQuestion } from "../../state/plan.ts";
import { type Asked, mapAnswer, useAnswer } from "../../state/request.ts";
import { fieldNamed, priceChange, schema } from "../../state/schema.ts";
import { deeds, record } from "../../state/session.ts";
import { adjust, type Params, view, withParams } from "../../state/view.ts";
import { applyEdits } from "./what-if.tsx";

const TYPING_DELAY_MS = 40;
/** Risks to come under, as the person may choose them: the one from which on customers are expected to leave, and lower ones. */
const targets = (): number[] => [usualTarget(), ...LOWER_TARGETS.filter((target) => target < usualTarget())];
const usualTarget = (): number => schema().risk.will_churn;
const LOWER_TARGETS = [0.4, 0.3, 0.2, 0.1];

interface AdviceQuestion {
  readonly customer: string;
  /** The profile that the advice starts from. */
  readonly profile: Profile;
  readonly rotate: number;
  /** The risk to come under. */
  readonly target: number;
}

/** Advice with the profile that it starts from. */
interface Advised {
  readonly plan: Profile;
  readonly advice: Advice;
}

async function loadAdvice(
  { profile, rotate, target }: AdviceQuestion,
  signal: AbortSignal,
): Promise<Advised> {
  return { plan: profile, advice: await advise(profile, { rotate, target }, signal) };
}

/** The advice that comes with the answer to an edit: in the first wording, for the usual target. */
const adviceOf = ({ profile, prediction, nudges, recourse, note }: WhatIf): Advised => ({
  plan: profile,
  advice: { probability: prediction.probability, nudges, recourse, note },
});

/** Advice for the customer with the edits. It is asked for by itself only where the answer to the edits has another. */
function useAdvice(
  { customer, profile, edits }: PlanQuestion,
  changed: Asked<PlanQuestion, WhatIf>,
  { rotate, target }: Pick<AdviceQuestion, "rotate" | "target">,
): Asked<unknown, Advised> {
  const hasEdits = isEdited({ edits });
  const isUsual = rotate === 0 && target === usualTarget();
  const actual = useAnswer(
    loadAdvice,
    hasEdits ? null : { customer, profile, rotate, target },
    TYPING_DELAY_MS,
  );
  const edited = useAnswer(
    loadAdvice,
    hasEdits && !isUsual && changed.state === "answered"
      ? { customer, profile: changed.data.profile, rotate, target }
      : null,
    TYPING_DELAY_MS,
  );
  if (!hasEdits) return actual;
  return isUsual || changed.state !== "answered" ? mapAnswer(changed, adviceOf) : edited;
}

interface Props {
  /** The customer with the edits; what is advised starts from there. */
  readonly question: PlanQuestion;
  /** What became of the edits. */
  readonly changed: Asked<PlanQuestion, WhatIf>;
  readonly params: Params;
}

/** What to do: the nudges, and the smallest change that brings the risk under a target. */
export function WhatToDo({ question, changed, params }: Props) {
  const { customer, profile: actual } = question;
  const rotate = Math.max(0, Math.trunc(Number(params.rotate?.[0] ?? 0))) || 0;
  const chosen = Number(params.target?.[0] ?? usualTarget());
  const target = targets().includes(chosen) ? chosen : usualTarget();
  const asked = useAdvice(question, changed, { rotate, target });
  const isOff = asked.state !== "answered";
  const set = (changes: Record<string, string[]>) =>
    adjust({ ...view.value, params: withParams(view.value.params, changes) });

  const turn = () => {
    if (isOff) return;
    set({ rotate: [String(rotate + 1)] });
    record({ customer, kind: "rotated", subject: "New wording of the nudges", nudge: null });
  };
  const apply = (change: Change, subject: string, nudge: string | null) => {
    applyEdits(changing(actual, { ...question.edits, ...altered(change) }));
    record({ customer, kind: "applied", subject, nudge });
  };

  return (
    <Card
      title="What to do"
      note={<AnswerText of={asked}>{({ advice }) => advice.note}</AnswerText>}
      actions={
        <button type="button" class="button" onClick={turn} aria-disabled={isOff}>
          Generate new nudge
        </button>
      }
    >
      {hasChanges() && (
        <SmallestChange
          asked={asked}
          target={target}
          choose={(value) => set({ target: value === usualTarget() ? [] : [String(value)] })}
          apply={(change) => apply(change, "The smallest change", null)}
        />
      )}
      {changed.state === "refused" && (
        <p class="small muted">What to do after these changes is not known, since they have no answer.</p>
      )}
      <Answer of={asked} isQuiet={changed.state === "refused"} skeleton={<LinesSkeleton lines={9} />}>
        {({ advice }) => (
          <ol class="nudges">
            {advice.nudges.map((nudge) => (
              <NudgeCard
                key={nudge.id}
                nudge={nudge}
                before={advice.probability}
                customer={customer}
                apply={apply}
              />
            ))}
          </ol>
        )}
      </Answer>
    </Card>
  );
}

/** A change without the fields that it leaves alone. */
const altered = (change: Change): Change =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null && value !== undefined));

interface NudgeProps {
  readonly nudge: Nudge;
  /** The probability without the nudge. */
  readonly before: number;
  readonly customer: string;
  readonly apply: (change: Change, subject: string, nudge: string) => void;
}

function NudgeCard({ nudge, before, customer, apply }: NudgeProps) {
  const { change } = nudge;
  const answered = deeds.value.find(
    (deed) => deed.customer === customer && deed.nudge === nudge.id && ANSWERS.includes(deed.kind),
  );
  const say = (kind: "sent" | "accepted" | "declined") =>
    record({ customer, kind, subject: nudge.title, nudge: nudge.id });
  return (
    <li class="nudge" data-nudge={nudge.id}>
      <div class="nudge-text">
        <h3>
          {nudge.title} <span class="tag">{sentenceCase(nudge.category)}</span>
        </h3>
        <p>{nudge.message}</p>
        <ul class="reasons small muted">
          {nudge.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </div>
      <MeasuredEffect measured={nudge.measured} />
      <Effect
        before={before}
        after={nudge.projected_probability}
        price={priceChange(nudge)}
        changes={change !== null}
      />
      <div class="nudge-actions">
        {change && (
          <button
            type="button"
            class="button primary"
            aria-label={`Apply: ${nudge.title}`}
            onClick={() => apply(change, nudge.title, nudge.id)}
          >
            Apply
          </button>
        )}
        {answered === undefined && (
          <button
            type="button"
            class="button"
            aria-label={`Mark as sent: ${nudge.title}`}
            onClick={() => say("sent")}
          >
            Mark as sent
          </button>
        )}
        {answered?.kind === "sent" && (
          <>
            <button
              type="button"
              class="button"
              aria-label={`Accepted: ${nudge.title}`}
              onClick={() => say("accepted")}
            >
              Accepted
            </button>
            <button
              type="button"
              class="button"
              aria-label={`Declined: ${nudge.title}`}
              onClick={() => say("declined")}
            >
              Declined
            </button>
          </>
        )}
        {answered && answered.kind !== "sent" && <span class="tag">{sentenceCase(answered.kind)}</span>}
      </div>
    </li>
  );
}

/** What an experiment measured; never mixed with what the model projects. */
const MeasuredEffect = ({ measured }: { measured: Measured | null }) => (
  <div class="effect small" data-effect="measured">
    <span class="muted">Measured</span>
    {measured ? (
      <>
        <strong>{points(measured.effect)}</strong>
        <span class="muted">{intervalText(measured)}</span>
        <span class="muted">
          {count(measured.customers)} customers, against {measured.control}
        </span>
      </>
    ) : (
      <span class="muted">–</span>
    )}
  </div>
);

function intervalText({ interval }: Measured): string {
  const [low = Number.NaN, high = Number.NaN] = interval;
  return `95\u00a0%: ${withSign(low * 100, 1)} to ${withSign(high * 100, 1)}`;
}

const ANSWERS: readonly string[] = ["sent", "accepted", "declined"];

interface EffectProps {
  readonly before: number;
  readonly after: number;
  /** What it adds to the recurring price; null where there is none. */
  readonly price: number | null;
  /** Whether the model sees any change at all. */
  readonly changes: boolean;
}

/** A change of the recurring price as the business words that price. */
function priceText(change: number): string {
  if (change === 0) return "same price";
  const words = fieldNamed(schema().roles.recurring)?.words ?? "{value}";
  return words.replace("{value}", signedMoney(change));
}

const Effect = ({ before, after, price, changes }: EffectProps) => (
  <div class="effect small" data-effect="projected">
    <span class="muted">Projected</span>
    {changes ? (
      <>
        <span>
          {percent(before)} → <strong>{percent(after)}</strong>
        </span>
        <span class="muted">{points(after - before)}</span>
        {price !== null && <span class="muted">{priceText(price)}</span>}
      </>
    ) : (
      <span class="muted">No change that the model sees</span>
    )}
  </div>
);

/** Whether anything can be changed for a single customer. */
const hasChanges = (): boolean => schema().fields.some(({ change }) => change === "any" || change === "up");

interface SmallestChangeProps {
  readonly asked: Asked<unknown, Advised>;
  /** The risk to come under, as it is chosen now. */
  readonly target: number;
  readonly choose: (target: number) => void;
  readonly apply: (change: Change) => void;
}

/** The fewest changes of plan that bring the risk under the target. */
const SmallestChange = ({ asked, target, choose, apply }: SmallestChangeProps) => (
  <div class="recourse">
    <div class="nudge-text">
      <h3>
        <label for="target">Smallest change that brings the risk under</label>{" "}
        <select
          id="target"
          class="select"
          value={String(target)}
          onChange={(event) => choose(Number(event.currentTarget.value))}
        >
          {targets().map((value) => (
            <option key={value} value={String(value)}>
              {percent(value)}
            </option>
          ))}
        </select>
      </h3>
      <p>
        <AnswerText of={asked}>{({ plan, advice }) => recourseText(advice.recourse, plan)}</AnswerText>
      </p>
    </div>
    <Answer of={asked} isQuiet class="recourse-effect">
      {({ advice: { probability, recourse } }) =>
        alteredFields(recourse).length > 0 && (
          <>
            <Effect
              before={probability}
              after={recourse.projected_probability}
              price={priceChange(recourse)}
              changes
            />
            <div class="nudge-actions">
              <button
                type="button"
                class="button primary"
                aria-label="Apply: the smallest change"
                onClick={() => apply(recourse.changes)}
              >
                Apply
              </button>
            </div>
          </>
        )
      }
    </Answer>
  </div>
);

/** The fields that a person would have to change; the price follows. */
function alteredFields({ changes }: Recourse): Field[] {
  const { recurring, lifetime } = schema().roles;
  const names = Object.keys(altered(changes)).filter((name) => name !== recurring && name !== lifetime);
  return names.flatMap((name) => fieldNamed(name) ?? []);
}

function recourseText(recourse: Recourse, plan: Profile): string {
  const after = { ...plan, ...altered(recourse.changes) };
  const words = alteredFields(recourse).map((field) => `${field.label}: ${textIn(field, after)}`);
  if (words.length === 0)
    return recourse.reachable ? "No change is needed." : "No change of plan gets there.";
  return recourse.reachable
    ? `${plural(recourse.steps, "change")} will do: ${words.join("; ")}.`
    : `No change of plan gets there. The best there is: ${words.join("; ")}.`;
}
