import { advise } from "../../api/requests.ts";
import type { Advice, Nudge, PlanChange, Profile, Recourse } from "../../api/types.ts";
import { Card } from "../../components/card.tsx";
import { ProblemNote } from "../../components/problem-note.tsx";
import { changing, type Edits } from "../../customer/edits.ts";
import { FIELDS, valueText } from "../../customer/fields.ts";
import { percent, plural, points, sentenceCase, signedMoney } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { deeds, record } from "../../state/session.ts";
import { adjust, param, view, withParams } from "../../state/view.ts";
import { applyEdits } from "./what-if.tsx";

const TYPING_DELAY_MS = 40;
/** Risks to come under, as the person may choose them. */
const TARGETS = [0.5, 0.4, 0.3, 0.2, 0.1];
const USUAL_TARGET = 0.5;

interface Props {
  readonly customerId: string;
  readonly actual: Profile;
  /** The profile as edited; what is advised starts from there. */
  readonly plan: Profile;
}

/** What to do: the nudges, and the smallest change that brings the risk under a target. */
export function WhatToDo({ customerId, actual, plan }: Props) {
  const rotate = Math.max(0, Math.trunc(Number(param("rotate")[0] ?? 0))) || 0;
  const chosen = Number(param("target")[0] ?? USUAL_TARGET);
  const target = TARGETS.includes(chosen) ? chosen : USUAL_TARGET;
  const query = { rotate, target };
  const advice = useAnswer(JSON.stringify([plan, query]), (signal) => advise(plan, query, signal), {
    delayMs: TYPING_DELAY_MS,
    keepPrevious: true,
  });
  const set = (changes: Record<string, string[]>) =>
    adjust({ ...view.value, params: withParams(view.value.params, changes) });

  const turn = () => {
    set({ rotate: [String(rotate + 1)] });
    record({ customer: customerId, kind: "rotated", subject: "New wording of the nudges", nudge: null });
  };
  const apply = (change: PlanChange, subject: string, nudge: string | null) => {
    applyEdits(changing(actual, { ...editsBetween(actual, plan), ...changeAsEdits(change) }));
    record({ customer: customerId, kind: "applied", subject, nudge });
  };

  return (
    <Card
      title="What to do"
      note={advice.data?.note}
      actions={
        <button type="button" class="button" onClick={turn} disabled={!advice.data}>
          Generate new nudge
        </button>
      }
    >
      {advice.problem && <ProblemNote problem={advice.problem} retry={advice.retry} />}
      {advice.data && (
        <>
          <SmallestChange
            recourse={advice.data.recourse}
            advice={advice.data}
            plan={plan}
            target={target}
            choose={(value) => set({ target: value === USUAL_TARGET ? [] : [String(value)] })}
            apply={(change) => apply(change, "The smallest change", null)}
          />
          <ol class="nudges">
            {advice.data.nudges.map((nudge) => (
              <NudgeCard
                key={nudge.id}
                nudge={nudge}
                before={advice.data?.probability ?? nudge.projected_probability}
                customerId={customerId}
                apply={apply}
              />
            ))}
          </ol>
        </>
      )}
      {!advice.data && advice.pending && <div class="skeleton tall" aria-hidden="true" />}
    </Card>
  );
}

/** What the edits so far have made different. */
function editsBetween(actual: Profile, plan: Profile): Edits {
  return changing(actual, plan);
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
  <div class="effect small">
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
  readonly recourse: Recourse;
  readonly advice: Advice;
  readonly plan: Profile;
  readonly target: number;
  readonly choose: (target: number) => void;
  readonly apply: (change: PlanChange) => void;
}

/** The fewest changes of plan that bring the risk under the target. */
function SmallestChange({ recourse, advice, plan, target, choose, apply }: SmallestChangeProps) {
  const words = FIELDS.filter((field) => field.name in changeAsEdits(recourse.changes))
    .filter((field) => field.kind !== "number")
    .map((field) => `${field.label}: ${valueText(field, { ...plan, ...changeAsEdits(recourse.changes) })}`);
  return (
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
          {words.length === 0
            ? "Nothing needs to change."
            : recourse.reachable
              ? `${plural(recourse.steps, "change")} will do: ${words.join("; ")}.`
              : `No change of plan gets there. The best there is: ${words.join("; ")}.`}
        </p>
      </div>
      {words.length > 0 && (
        <>
          <Effect
            before={advice.probability}
            after={recourse.projected_probability}
            price={recourse.monthly_charges_change}
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
      )}
    </div>
  );
}
