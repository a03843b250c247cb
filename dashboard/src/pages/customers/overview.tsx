import { fetchAnalytics } from "../../api/requests.ts";
import type { Analytics } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Tile } from "../../components/page.tsx";
import { TilesSkeleton } from "../../components/skeletons.tsx";
import { count, customers, percent, roundMoney } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { selection } from "../../state/selection.ts";
import { formatView } from "../../state/view.ts";
import { BringFile } from "./scored-file.tsx";

/** The probability from which on the API calls a risk high. */
const HIGH_RISK = 0.75;

/** What stands beside the directory while nobody is open: what is at stake, and how to go on. */
export function Overview() {
  const query = selection();
  const analytics = useAnswer(fetchAnalytics, query);
  return (
    <>
      <Answer of={analytics} skeleton={<TilesSkeleton tiles={3} />}>
        {(data) => <Stakes data={data} />}
      </Answer>
      <div class="empty">
        <h2>Choose a customer</h2>
        <p>
          The arrow keys step through the list, <kbd>/</kbd> searches it. See all of them in{" "}
          <a href={formatView({ place: "analytics", customer: null, params: query })}>Analytics</a>.
        </p>
        <p>Or drop a CSV file with Telco’s header anywhere on this page to score your own customers.</p>
        <BringFile />
      </div>
    </>
  );
}

function Stakes({ data }: { data: Analytics }) {
  const high = data.distributions
    .find((distribution) => distribution.field === "risk_level")
    ?.bins.find((bin) => bin.filter.risk_level === "high");
  return (
    <dl class="tiles overview-tiles">
      <Tile
        label="At high risk"
        value={high ? count(high.count) : "unknown"}
        note={`${percent(HIGH_RISK)} or more; of ${customers(data.count, data.statuses)}`}
      />
      <Tile
        label="Expected churners"
        value={count(data.expected_churners)}
        note={data.count > 0 ? `${percent(data.expected_churners / data.count)} of those listed` : undefined}
      />
      <Tile
        label="Revenue at risk"
        value={roundMoney(data.revenue_at_risk)}
        note={`of ${roundMoney(data.monthly_revenue)} a month`}
      />
    </dl>
  );
}
