import { fetchCustomer } from "../../api/requests.ts";
import type { Customer } from "../../api/types.ts";
import { ArrowLeft } from "../../components/icons.tsx";
import { ProblemNote } from "../../components/problem-note.tsx";
import { RiskScale, RiskTag } from "../../components/risk.tsx";
import { GROUPS, planLine, valueText } from "../../customer/fields.ts";
import { percent, percentile, sentenceCase } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { view, visit } from "../../state/view.ts";

/** The right pane: everything about the customer that is open. */
export function Panel() {
  const { customer } = view.value;
  return (
    <section class="panel" aria-label="Customer">
      <div class="panel-content">{customer === null ? <NobodyOpen /> : <OpenCustomer id={customer} />}</div>
    </section>
  );
}

const NobodyOpen = () => (
  <div class="empty">
    <h2>Choose a customer</h2>
    <p>
      The arrow keys step through the list, <kbd>/</kbd> searches it.
    </p>
  </div>
);

function OpenCustomer({ id }: { id: string }) {
  const customer = useAnswer(id, (signal) => fetchCustomer(id, signal), { keepPrevious: true });
  const close = () => visit({ ...view.value, customer: null });
  return (
    <>
      <button type="button" class="button quiet back" onClick={close}>
        <ArrowLeft /> All customers
      </button>
      {customer.problem && <ProblemNote problem={customer.problem} retry={customer.retry} />}
      {customer.data && <CustomerCards customer={customer.data} />}
      {!customer.data && customer.pending && <Waiting />}
    </>
  );
}

const CustomerCards = ({ customer }: { customer: Customer }) => (
  <>
    <Identity customer={customer} />
    <Details customer={customer} />
  </>
);

const Identity = ({ customer }: { customer: Customer }) => (
  <article class="card identity">
    <div>
      <h2>{customer.customer_id}</h2>
      <p class="muted">{planLine(customer.profile)}</p>
      <div class="tags">
        <span class="tag">{customer.persona.name}</span>
        <span class="tag">{sentenceCase(customer.stage)} stage</span>
        {customer.profile.variant && <span class="tag">Variant {customer.profile.variant}</span>}
        {customer.at_risk && <span class="tag warning">At risk</span>}
        <span class="tag">
          {customer.churned ? "Left (simulated history)" : "Still a customer (simulated history)"}
        </span>
      </div>
      <p class="small muted persona">{customer.persona.description}</p>
    </div>
    <div class="verdict">
      <p class="small muted">Churn probability</p>
      <div class="headline">
        <span class="probability">{percent(customer.probability, 1)}</span>
        <RiskTag level={customer.risk_level} />
      </div>
      <RiskScale
        probability={customer.probability}
        level={customer.risk_level}
        baseRate={customer.base_rate}
      />
      <p class="small muted">
        {percentile(customer.percentile)} of risk; the average customer is at {percent(customer.base_rate)}
      </p>
    </div>
  </article>
);

const Details = ({ customer }: { customer: Customer }) => (
  <article class="card">
    <header>
      <h2>Plan, services and behaviour</h2>
    </header>
    {GROUPS.map((group) => (
      <section key={group.title} class="group">
        <h3>{group.title}</h3>
        <dl class="facts">
          {group.fields.map((field) => (
            <div key={field.name}>
              <dt>{field.label}</dt>
              <dd>{valueText(field, customer.profile)}</dd>
            </div>
          ))}
        </dl>
      </section>
    ))}
  </article>
);

const Waiting = () => (
  <div aria-hidden="true" class="panel-content">
    <div class="card identity">
      <div class="skeleton tall" />
    </div>
  </div>
);
