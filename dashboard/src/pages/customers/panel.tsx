import { explain, explainCustomer, fetchCustomer, predict } from "../../api/requests.ts";
import type { Customer, Explanation, Prediction } from "../../api/types.ts";
import { ArrowLeft } from "../../components/icons.tsx";
import { ProblemNote } from "../../components/problem-note.tsx";
import { changing, differences, edited, editsFrom } from "../../customer/edits.ts";
import { needQuality, quality } from "../../state/quality.ts";
import { useAnswer } from "../../state/request.ts";
import { upload } from "../../state/scored-file.ts";
import { view, visit } from "../../state/view.ts";
import { WhatToDo } from "./advice.tsx";
import { Identity } from "./identity.tsx";
import { Overview } from "./overview.tsx";
import { UploadCards } from "./scored-file.tsx";
import { SessionCard } from "./session-card.tsx";
import { WhatIf } from "./what-if.tsx";
import { Why } from "./why.tsx";

/** Waits for the next keystroke or the next step of a slider before it asks again. */
const TYPING_DELAY_MS = 40;

/** The right pane: everything about the customer that is open. */
export function Panel() {
  const { customer } = view.value;
  return (
    <section class="panel" aria-label="Customer">
      <div class="panel-content">
        {customer !== null ? (
          <OpenCustomer id={customer} />
        ) : upload.value ? (
          <UploadCards upload={upload.value} />
        ) : (
          <Overview />
        )}
      </div>
    </section>
  );
}

function OpenCustomer({ id }: { id: string }) {
  const actual = useAnswer(
    id,
    async (signal) => {
      // Together, so that identity and explanation never show two different customers.
      const [customer, explanation] = await Promise.all([
        fetchCustomer(id, signal),
        explainCustomer(id, signal),
      ]);
      return { customer, explanation };
    },
    { keepPrevious: true },
  );
  return (
    <>
      <button
        type="button"
        class="button quiet back"
        onClick={() => visit({ ...view.value, customer: null })}
      >
        <ArrowLeft /> All customers
      </button>
      {actual.problem && <ProblemNote problem={actual.problem} retry={actual.retry} />}
      {actual.data && <Cards key={actual.data.customer.customer_id} {...actual.data} />}
      {!actual.data && actual.pending && <Waiting />}
    </>
  );
}

/** One customer as the cards show them: as they are, and as they would be after the edits. */
export interface Shown {
  readonly customer: Customer;
  readonly prediction: Prediction;
  readonly explanation: Explanation;
}

function Cards({ customer, explanation }: { customer: Customer; explanation: Explanation }) {
  const edits = changing(customer.profile, editsFrom(view.value.params));
  const isEdited = Object.keys(edits).length > 0;
  if (isEdited) needQuality();
  const plan = edited(customer.profile, edits, quality.value?.card?.price_list);

  const changed = useAnswer(
    isEdited ? JSON.stringify(plan) : null,
    async (signal) => {
      const [prediction, explanation] = await Promise.all([predict(plan, signal), explain(plan, signal)]);
      return { prediction, explanation };
    },
    { delayMs: TYPING_DELAY_MS, keepPrevious: true },
  );
  const shown: Shown = { customer, prediction: customer, explanation, ...changed.data };

  return (
    <>
      <Identity customer={customer} prediction={shown.prediction} isEdited={isEdited} />
      {changed.problem && <ProblemNote problem={changed.problem} />}
      <Why explanation={shown.explanation} customerId={customer.customer_id} isEdited={isEdited} />
      <WhatToDo customerId={customer.customer_id} actual={customer.profile} plan={plan} />
      <WhatIf
        actual={customer.profile}
        plan={plan}
        edits={edits}
        changed={differences(customer.profile, plan)}
      />
      <SessionCard customerId={customer.customer_id} />
    </>
  );
}

const Waiting = () => (
  <div aria-hidden="true" class="card identity">
    <div class="skeleton tall" />
  </div>
);
