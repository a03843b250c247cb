import { fetchReport } from "../../api/requests.ts";
import type { Customer, Prediction } from "../../api/types.ts";
import { DownloadButton } from "../../components/download-button.tsx";
import { RiskScale, RiskTag } from "../../components/risk.tsx";
import { planLine } from "../../customer/fields.ts";
import { percent, percentile, points, sentenceCase } from "../../format.ts";
import { record } from "../../state/session.ts";

interface Props {
  readonly customer: Customer;
  /** Of the customer as edited, where there are edits. */
  readonly prediction: Prediction;
  readonly isEdited: boolean;
}

/** Who this is, and the probability. */
export const Identity = ({ customer, prediction, isEdited }: Props) => (
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
      <DownloadButton
        label="Export report"
        name={`summary_${customer.customer_id}.txt`}
        type="text/plain"
        content={() => fetchReport(customer.customer_id)}
        onDone={() =>
          record({ customer: customer.customer_id, kind: "exported", subject: "Report", nudge: null })
        }
      />
    </div>
    <div class="verdict">
      <p class="small muted">{isEdited ? "Churn probability with these changes" : "Churn probability"}</p>
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
      {isEdited && (
        <p class="small difference">
          {points(prediction.probability - customer.probability)} against the actual{" "}
          {percent(customer.probability, 1)}
        </p>
      )}
    </div>
  </article>
);
