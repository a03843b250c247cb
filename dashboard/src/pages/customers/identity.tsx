import { fetchReport } from "../../api/requests.ts";
import type { Customer, DirectoryEntry, Prediction, Profile } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { RiskScale, RiskTag } from "../../components/risk.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { summaryLine, valueText, wordsFor } from "../../customer/fields.ts";
import { riskChangeOf, riskChangeText } from "../../customer/risk-change.ts";
import { percent, percentile, points } from "../../format.ts";
import { isEdited, type PlanQuestion } from "../../state/plan.ts";
import type { Asked } from "../../state/request.ts";
import { fieldNamed, hasLeft, listedFields, personaLabel, schema, stageLabel } from "../../state/schema.ts";
import { record } from "../../state/session.ts";

interface Props {
  readonly customer: Customer;
  /** The probability to show, and what it was asked for. */
  readonly shown: Asked<PlanQuestion, { readonly prediction: Prediction }>;
  /** Whether there are edits that have no answer. */
  readonly isUnanswered: boolean;
}

/** The arms of the experiments that a customer is in. */
const arms = (profile: Profile): string[] =>
  schema().experiments.flatMap(({ arm }) => {
    const field = fieldNamed(arm);
    const value = profile[arm] ?? null;
    return field === undefined || value === null ? [] : [`${field.label} ${valueText(field, value)}`];
  });

/** Who this is, and the probability. */
export function Identity({ customer, shown, isUnanswered }: Props) {
  const left = hasLeft(customer);
  return (
    <article class="card identity" aria-label={`Customer ${customer.customer_id}`}>
      <div>
        <h2>{customer.customer_id}</h2>
        <p class="muted">{summaryLine(customer.profile)}</p>
        <div class="tags">
          {customer.persona && (
            <span class="tag" title={customer.persona.description}>
              {customer.persona.name}
            </span>
          )}
          {customer.stage && <span class="tag">{stageLabel(customer.stage)} stage</span>}
          {arms(customer.profile).map((arm) => (
            <span key={arm} class="tag">
              {arm}
            </span>
          ))}
          {customer.at_risk && <span class="tag warning">At risk</span>}
          {left !== null && <span class="tag">{left ? "Left" : "Still a customer"}</span>}
        </div>
        {customer.persona && <p class="small muted persona">{customer.persona.description}</p>}
        <Report id={customer.customer_id} isReady />
      </div>
      <div class="verdict">
        <Answer
          of={shown}
          skeleton={<LinesSkeleton lines={3} />}
          label={(question, isCurrent) => (
            <p class="small muted">
              {!isCurrent
                ? "Churn probability before this change"
                : isEdited(question)
                  ? "Churn probability with these changes"
                  : "Churn probability"}
            </p>
          )}
        >
          {({ prediction }, question) => (
            <>
              <div class="headline">
                <output class="probability">{percent(prediction.probability, 1)}</output>
                <RiskTag level={prediction.risk_level} />
              </div>
              <RiskScale
                probability={prediction.probability}
                level={prediction.risk_level}
                baseRate={prediction.base_rate}
              />
              <p class="small muted">
                {percentile(prediction.percentile)} of risk; the average customer is at{" "}
                {percent(prediction.base_rate)}
              </p>
              {isEdited(question) ? (
                <p class="small difference">
                  {points(prediction.probability - customer.probability)} against the actual{" "}
                  {percent(customer.probability, 1)}
                </p>
              ) : (
                <Since customer={customer} />
              )}
            </>
          )}
        </Answer>
        {isUnanswered && (
          <p class="small">
            <span class="tag warning">Changes not answered</span>
          </p>
        )}
      </div>
    </article>
  );
}

/** What changed about the customer's risk since the previous data, where there are such. */
function Since({ customer }: { customer: Customer }) {
  const change = riskChangeOf(customer);
  if (change === undefined) return null;
  return (
    <>
      {/* A change that crosses no risk level is noise more often than news. */}
      <p class={change.moved === null ? "small muted" : "small difference"}>
        {riskChangeText(customer.probability, change)}
      </p>
      {change.model_changed && change.change !== null && (
        <p class="small muted">Another model gave the former probability.</p>
      )}
    </>
  );
}

interface ArrivingProps {
  readonly id: string;
  /** What the list knows of the customer. */
  readonly entry: DirectoryEntry | undefined;
  /** Whether more is on its way. */
  readonly isPending: boolean;
}

/** A customer of whom only the list's entry is known, if that. */
export const Arriving = ({ id, entry, isPending }: ArrivingProps) => (
  <article class="card identity" aria-label={`Customer ${id}`}>
    <div>
      <h2>{id}</h2>
      <p class="muted">
        {entry &&
          [
            ...(entry.persona ? [personaLabel(entry.persona)] : []),
            ...listedFields().map((field) => wordsFor(field, entry[field.name])),
          ].join(" · ")}
      </p>
      {isPending && (
        <div class="persona">
          <LinesSkeleton lines={2} />
        </div>
      )}
      <Report id={id} isReady={false} />
    </div>
    <div class="verdict">
      <p class="small muted">Churn probability</p>
      {entry && (
        <div class="headline">
          <output class="probability">{percent(entry.probability, 1)}</output>
          <RiskTag level={entry.risk_level} />
        </div>
      )}
      {isPending && <LinesSkeleton lines={entry ? 1 : 3} />}
    </div>
  </article>
);

const Report = ({ id, isReady }: { id: string; isReady: boolean }) => (
  <DownloadButton
    key={id}
    label="Export report"
    name={`summary_${id}.txt`}
    type="text/plain"
    content={() => fetchReport(id)}
    isReady={isReady}
    onDone={() => record({ customer: id, kind: "exported", subject: "Report", nudge: null })}
  />
);
