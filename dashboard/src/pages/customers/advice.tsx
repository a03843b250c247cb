import { advise } from "../../api/requests.ts";
import type { Advice, Measured, Nudge, PlanChange, Profile, Recourse } from "../../api/types.ts";
import { Answer, AnswerText } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { changing, type Edits } from "../../customer/edits.ts";
import { FIELDS, type Field, valueText } from "../../customer/fields.ts";
import { count, percent, plural, points, sentenceCase, signed, signedMoney } from "../../format.ts";
import { loadPlan, type PlanQuestion } from "../../state/plan.ts";
import { type Asked, useAnswer } from "../../state/request.ts";
import { deeds, record } from "../../state/session.ts";
import { adjust, type Params, view, withParams } from "../../state/view.ts";
import { applyEdits } from "./what-if.tsx";

const TYPING_DELAY_MS = 40;
/** Risks to come under, as the person may choose them. */
const TARGETS = [0.5, 0.4, 0.3, 0.2, 0.1];
const USUAL_TARGET = 0.5;

interface AdviceQuestion extends PlanQuestion {
  readonly rotate: number;
  /** The risk to come under. */
  readonly target: number;
}

/** Advice with the plan that it starts from. */
interface Advised {
  readonly plan: Profile;
  readonly advice: Advice;
}

async function loadAdvice(question: AdviceQuestion, signal: AbortSignal): Promise<Advised> {
  const { rotate, target } = question;
  const plan = await loadPlan(question);
  return { plan, advice: await advise(plan, { rotate, target }, signal) };
}

interface Props {
  /** The customer with the edits; what is advised starts from there. */
  readonly question: PlanQuestion;
  readonly params: Params;
}

/** What to do: the nudges, and the smallest change that brings the risk under a target. */
export function WhatToDo({ question, params }: Props) {
  const { customer: customerId, profile: actual } = question;
  const rotate = Math.max(0, Math.trunc(Number(params.rotate?.[0] ?? 0))) || 0;
  const chosen = Number(params.target?.[0] ?? USUAL_TARGET);
  const target = TARGETS.includes(chosen) ? chosen : USUAL_TARGET;
  const asked = useAnswer(loadAdvice, { ...question, rotate, target }, TYPING_DELAY_MS);
  const isOff = asked.state !== "answered";
  const set = (changes: Record<string, string[]>) =>
    adjust({ ...view.value, params: withParams(view.value.params, changes) });

  const turn = () => {
    if (isOff) return;
    set({ rotate: [String(rotate + 1)] });
    record({ customer: customerId, kind: "rotated", subject: "New wording of the nudges", nudge: null });
  };
  const apply = (plan: Profile, change: PlanChange, subject: string, nudge: string | null) => {
    applyEdits(changing(actual, { ...plan, ...changeAsEdits(change) }));
    record({ customer: customerId, kind: "applied", subject, nudge });
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
      <SmallestChange
        asked={asked}
        target={target}
        choose={(value) => set({ target: value === USUAL_TARGET ? [] : [String(value)] })}
        apply={(plan, change) => apply(plan, change, "The smallest change", null)}
      />
      <Answer of={asked} skeleton={<LinesSkeleton lines={9} />}>
        {({ plan, advice }) => (
          <ol class="nudges">
            {advice.nudges.map((nudge) => (
              <NudgeCard
                key={nudge.id}
                nudge={nudge}
                before={advice.probability}
                customerId={customerId}
                apply={(change, subject, id) => apply(plan, change, subject, id)}
              />
            ))}
          </ol>
        )}
      </Answer>
    </Card>
  );
}

/** A change without the fields that it leaves alone. */
function changeAsEdits(change: PlanChange): Edits {
  const altered = Object.entries(change).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(altered);
}

interface NudgeProps {
  readonly nudge: Nudge;
  /** The probability without the nudge. */
  readonly before: number;
  readonly customerId: string;
  readonly apply: (change: PlanChange, subject: string, nudge: string) => void;
}

function NudgeCard({ nudge, before, customerId, apply }: NudgeProps) {
  const { change } = nudge;
  const answered = deeds.value.find(
    (deed) => deed.customer === customerId && deed.nudge === nudge.id && ANSWERS.includes(deed.kind),
  );
  const say = (kind: "sent" | "accepted" | "declined") =>
    record({ customer: customerId, kind, subject: nudge.title, nudge: nudge.id });
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
        price={nudge.monthly_charges_change}
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
  return `95\u00a0%: ${signed(low * 100, 1)} to ${signed(high * 100, 1)}`;
}

const ANSWERS: readonly string[] = ["sent", "accepted", "declined"];

interface EffectProps {
  readonly before: number;
  readonly after: number;
  /** Dollars a month. */
  readonly price: number;
  /** Whether the model sees any change at all. */
  readonly changes: boolean;
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
        <span class="muted">{price === 0 ? "same price" : `${signedMoney(price)} a month`}</span>
      </>
    ) : (
      <span class="muted">Changes nothing that the model sees</span>
    )}
  </div>
);

interface SmallestChangeProps {
  readonly asked: Asked<AdviceQuestion, Advised>;
  /** The risk to come under, as it is chosen now. */
  readonly target: number;
  readonly choose: (target: number) => void;
  readonly apply: (plan: Profile, change: PlanChange) => void;
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
          {TARGETS.map((value) => (
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
      {({ plan, advice: { probability, recourse } }) =>
        alteredFields(recourse).length > 0 && (
          <>
            <Effect
              before={probability}
              after={recourse.projected_probability}
              price={recourse.monthly_charges_change}
              changes
            />
            <div class="nudge-actions">
              <button
                type="button"
                class="button primary"
                aria-label="Apply: the smallest change"
                onClick={() => apply(plan, recourse.changes)}
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

/** The fields that a person would have to change; charges follow. */
const alteredFields = ({ changes }: Recourse): Field[] =>
  FIELDS.filter((field) => field.name in changeAsEdits(changes) && field.kind !== "number");

function recourseText(recourse: Recourse, plan: Profile): string {
  const after = { ...plan, ...changeAsEdits(recourse.changes) };
  const words = alteredFields(recourse).map((field) => `${field.label}: ${valueText(field, after)}`);
  if (words.length === 0) return "Nothing needs to change.";
  return recourse.reachable
    ? `${plural(recourse.steps, "change")} will do: ${words.join("; ")}.`
    : `No change of plan gets there. The best there is: ${words.join("; ")}.`;
}
