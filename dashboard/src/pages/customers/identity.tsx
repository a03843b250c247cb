import { fetchReport } from "../../api/requests.ts";
import type { Customer, DirectoryEntry, Prediction } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { RiskScale, RiskTag } from "../../components/risk.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { planLine } from "../../customer/fields.ts";
import { percent, percentile, plural, points, sentenceCase } from "../../format.ts";
import { isEdited, type PlanQuestion } from "../../state/plan.ts";
import type { Asked } from "../../state/request.ts";
import { record } from "../../state/session.ts";

interface Props {
  readonly customer: Customer;
  /** The probability to show, and what it was asked for. */
  readonly shown: Asked<PlanQuestion, { readonly prediction: Prediction }>;
  /** Whether there are edits that have no answer. */
  readonly isUnanswered: boolean;
}

/** Who this is, and the probability. */
export const Identity = ({ customer, shown, isUnanswered }: Props) => (
  <article class="card identity" aria-label={`Customer ${customer.customer_id}`}>
    <div>
      <h2>{customer.customer_id}</h2>
      <p class="muted">{planLine(customer.profile)}</p>
      <div class="tags">
        <span class="tag" title={customer.persona.description}>
          {customer.persona.name}
        </span>
        <span class="tag">{sentenceCase(customer.stage)} stage</span>
        {customer.profile.variant && <span class="tag">Variant {customer.profile.variant}</span>}
        {customer.at_risk && <span class="tag warning">At risk</span>}
        <span class="tag">
          {customer.churned ? "Left (simulated history)" : "Still a customer (simulated history)"}
        </span>
      </div>
      <p class="small muted persona">{customer.persona.description}</p>
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
            {isEdited(question) && (
              <p class="small difference">
                {points(prediction.probability - customer.probability)} against the actual{" "}
                {percent(customer.probability, 1)}
              </p>
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
          `${sentenceCase(entry.persona)} · ${entry.contract} · ${plural(entry.tenure_months, "month")} with us`}
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
