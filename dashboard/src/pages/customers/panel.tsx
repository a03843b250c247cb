import { useRef } from "preact/hooks";
import { explainCustomer, fetchCustomer } from "../../api/requests.ts";
import type { Change, Customer, Explanation, Prediction, Profile, WhatIf } from "../../api/types.ts";
import { Answer, Room } from "../../components/answer.tsx";
import { ArrowLeft } from "../../components/icons.tsx";
import { ProblemNote } from "../../components/problem-note.tsx";
import { CardSkeleton } from "../../components/skeletons.tsx";
import { changing, differences, editsFrom } from "../../customer/edits.ts";
import { listedEntry } from "../../state/directory.ts";
import { isEdited, loadWhatIf, type PlanQuestion } from "../../state/plan.ts";
import { type Asked, useAnswer } from "../../state/request.ts";
import { brought } from "../../state/scored-file.ts";
import { type Params, view, visit } from "../../state/view.ts";
import { WhatToDo } from "./advice.tsx";
import { Arriving, Identity } from "./identity.tsx";
import { Overview } from "./overview.tsx";
import { UploadCards } from "./scored-file.tsx";
import { SessionCard } from "./session-card.tsx";
import { isOfField, WhatIf as WhatIfCard } from "./what-if.tsx";
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

function OpenCustomer({ id }: { id: string }) {
  const { params } = view.value;
  const known = useAnswer(loadKnown, id);
  const question = known.state === "answered" ? planQuestion(known.data.customer, params) : null;
  const changed = useAnswer(loadWhatIf, question && isEdited(question) ? question : null, TYPING_DELAY_MS);
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
const planQuestion = (customer: Customer, params: Params): PlanQuestion => ({
  customer: customer.customer_id,
  profile: customer.profile,
  edits: changing(customer.profile, editsFrom(params)),
});

/** What is to be shown: the customer with the edits; without, where there are none or they were refused an answer. */
function expected(
  { customer, explanation }: Known,
  changed: Asked<PlanQuestion, WhatIf>,
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
  readonly changed: Asked<PlanQuestion, WhatIf>;
  /** Those of the view. The cards do not read the view themselves, since they may outlast it. */
  readonly params: Params;
}

/** What follows from edits: the fields that differ without having been edited themselves. */
const consequencesOf = ({ edits }: PlanQuestion, { change }: WhatIf): Change =>
  Object.fromEntries(Object.entries(change).filter(([name]) => !(name in edits)));

/**
 * The profile with the edits. What follows from them is known once they are answered; while they are not, what followed
 * from the former edits stays.
 */
function usePlan({ profile, edits }: PlanQuestion, changed: Asked<PlanQuestion, WhatIf>): Profile {
  const former = useRef<Change>({});
  if (changed.state === "answered") former.current = consequencesOf(changed.question, changed.data);
  else if (changed.state !== "pending") former.current = {};
  return changed.state === "answered" ? changed.data.profile : { ...profile, ...former.current, ...edits };
}

function Cards({ known, changed, params }: CardsProps) {
  const question = planQuestion(known.customer, params);
  const { profile, edits } = question;
  const plan = usePlan(question, changed);
  const isUnanswered = changed.state === "refused";
  // A quick answer leaves no time to say that it is awaited.
  const isSettled = !isUnanswered && !(changed.state === "pending" && changed.wait !== "brief");

  return (
    <>
      <Answer
        of={expected(known, changed)}
        class="stack"
        skeleton={<WhySkeleton />}
        label={(_, isCurrent) =>
          isCurrent ? (
            changed.state === "refused" && (
              <ProblemNote problem={changed.problem} retry={changed.retry} isShown={isOfField} />
            )
          ) : (
            <p class="tag former-name">Before this change</p>
          )
        }
      >
        {({ explanation }, shown) => (
          <Why
            explanation={explanation}
            customer={shown.customer}
            isEdited={isEdited(shown)}
            isUnanswered={isUnanswered}
          />
        )}
      </Answer>
      <WhatToDo question={question} changed={changed} params={params} />
      <WhatIfCard
        actual={profile}
        plan={plan}
        edits={edits}
        changed={differences(profile, plan)}
        problem={changed.state === "refused" ? changed.problem : undefined}
        isSettled={isSettled}
      />
      <SessionCard customer={question.customer} />
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
