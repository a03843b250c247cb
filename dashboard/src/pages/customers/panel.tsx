import { explain, explainCustomer, fetchCustomer, predict } from "../../api/requests.ts";
import type { Customer, Explanation, Prediction } from "../../api/types.ts";
import { Answer, Room } from "../../components/answer.tsx";
import { ArrowLeft } from "../../components/icons.tsx";
import { ProblemNote } from "../../components/problem-note.tsx";
import { CardSkeleton } from "../../components/skeletons.tsx";
import { changing, differences, edited, editsFrom } from "../../customer/edits.ts";
import { listedEntry } from "../../state/directory.ts";
import { isEdited, loadPlan, type PlanQuestion } from "../../state/plan.ts";
import { loadQuality } from "../../state/quality.ts";
import { type Asked, useAnswer } from "../../state/request.ts";
import { brought } from "../../state/scored-file.ts";
import { type Params, view, visit } from "../../state/view.ts";
import { WhatToDo } from "./advice.tsx";
import { Arriving, Identity } from "./identity.tsx";
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
        ) : brought.value ? (
          <UploadCards brought={brought.value} />
        ) : (
          <Overview />
        )}
      </div>
    </section>
  );
}

/** A customer as they are. */
interface Known {
  readonly customer: Customer;
  readonly explanation: Explanation;
}

/** What the model expects of a customer: as they are, or as they would be after edits. */
interface Expected {
  readonly prediction: Prediction;
  readonly explanation: Explanation;
}

async function loadKnown(id: string, signal: AbortSignal): Promise<Known> {
  const [customer, explanation] = await Promise.all([fetchCustomer(id, signal), explainCustomer(id, signal)]);
  return { customer, explanation };
}

async function loadExpected(question: PlanQuestion, signal: AbortSignal): Promise<Expected> {
  const plan = await loadPlan(question);
  const [prediction, explanation] = await Promise.all([predict(plan, signal), explain(plan, signal)]);
  return { prediction, explanation };
}

function OpenCustomer({ id }: { id: string }) {
  const { params } = view.value;
  const known = useAnswer(loadKnown, id);
  const question = known.state === "answered" ? planQuestion(known.data.customer, params) : null;
  const changed = useAnswer(loadExpected, question && isEdited(question) ? question : null, TYPING_DELAY_MS);
  return (
    <>
      <button
        type="button"
        class="button quiet back"
        onClick={() => visit({ ...view.value, customer: null })}
      >
        <ArrowLeft /> All customers
      </button>
      <Room isCurrent={known.state !== "pending"}>
        {known.state === "answered" ? (
          <Identity
            key={id}
            customer={known.data.customer}
            shown={expected(known.data, changed)}
            isUnanswered={changed.state === "refused"}
          />
        ) : (
          <Arriving id={id} entry={listedEntry(id)} isPending={known.state === "pending"} />
        )}
      </Room>
      <Answer
        of={known}
        class="stack"
        skeleton={<CardsSkeleton />}
        label={(shown, isCurrent) => !isCurrent && <p class="tag former-name">Still {shown}</p>}
      >
        {(data, shown) => <Cards key={shown} known={data} changed={changed} params={params} />}
      </Answer>
    </>
  );
}

/** What is asked about a customer with the edits that stand in the address. */
const planQuestion = ({ customer_id, profile }: Customer, params: Params): PlanQuestion => ({
  customer: customer_id,
  profile,
  edits: changing(profile, editsFrom(params)),
});

/** What is to be shown: the customer with the edits; without, where there are none or they were refused an answer. */
function expected(
  { customer, explanation }: Known,
  changed: Asked<PlanQuestion, Expected>,
): Asked<PlanQuestion, Expected> {
  if (changed.state === "pending" || changed.state === "answered") return changed;
  return {
    state: "answered",
    question: { customer: customer.customer_id, profile: customer.profile, edits: {} },
    data: { prediction: customer, explanation },
  };
}

interface CardsProps {
  readonly known: Known;
  readonly changed: Asked<PlanQuestion, Expected>;
  /** Those of the view. The cards do not read the view themselves, since they may outlast it. */
  readonly params: Params;
}

function Cards({ known, changed, params }: CardsProps) {
  const { customer } = known;
  const question = planQuestion(customer, params);
  const { profile, edits } = question;
  const quality = useAnswer(loadQuality, isEdited(question) ? "model" : null);
  const prices = quality.state === "answered" ? quality.data.card?.price_list : undefined;
  const plan = edited(profile, edits, prices);
  const isUnanswered = changed.state === "refused";

  return (
    <>
      <Answer
        of={expected(known, changed)}
        class="stack"
        skeleton={<WhySkeleton />}
        label={(_, isCurrent) =>
          isCurrent ? (
            changed.state === "refused" && <ProblemNote problem={changed.problem} retry={changed.retry} />
          ) : (
            <p class="tag former-name">Before this change</p>
          )
        }
      >
        {({ explanation }, shown) => (
          <Why
            explanation={explanation}
            customerId={shown.customer}
            isEdited={isEdited(shown)}
            isUnanswered={isUnanswered}
          />
        )}
      </Answer>
      <WhatToDo question={question} params={params} />
      <WhatIf
        actual={profile}
        plan={plan}
        edits={edits}
        changed={differences(profile, plan)}
        isUnanswered={isUnanswered}
        isPriced={!isEdited(question) || quality.state === "answered"}
      />
      <SessionCard customerId={customer.customer_id} />
    </>
  );
}

const WhySkeleton = () => <CardSkeleton title="Why this prediction?" lines={15} />;

const CardsSkeleton = () => (
  <>
    <WhySkeleton />
    <CardSkeleton title="What to do" lines={10} />
    <CardSkeleton title="Profile and what-if" lines={16} />
  </>
);
