import { fetchAnalytics, fetchChanges, type Query } from "../../api/requests.ts";
import type { Analytics, Changes } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Tile } from "../../components/page.tsx";
import { ANOTHER_MODEL, RisenTable } from "../../components/risen-table.tsx";
import { CardSkeleton, TilesSkeleton } from "../../components/skeletons.tsx";
import { count, customers, percent, roundMoney } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { hasRevenue, period, previousDate, revenueOf, schema } from "../../state/schema.ts";
import { selection } from "../../state/selection.ts";
import { formatView } from "../../state/view.ts";
import { BringFile } from "./scored-file.tsx";

/** Customers whose risk rose most that are shown here; Analytics has more. */
const RISEN = 5;

/** What stands beside the directory while nobody is open: what is at stake, whose risk rose, and how to go on. */
export function Overview() {
  const query = selection();
  const analytics = useAnswer(fetchAnalytics, query);
  return (
    <>
      <Answer of={analytics} skeleton={<TilesSkeleton tiles={hasRevenue() ? 3 : 2} />}>
        {(data) => <Stakes data={data} />}
      </Answer>
      {schema().previous && <Risen query={query} />}
      <div class="empty">
        <h2>Choose a customer</h2>
        <p>
          The arrow keys step through the list, <kbd>/</kbd> searches it. See all of them in{" "}
          <a href={formatView({ place: "analytics", customer: null, params: query })}>Analytics</a>.
        </p>
        <p>
          Or drop a CSV file with a column for each field anywhere on this page to score your own customers.
        </p>
        <BringFile />
      </div>
    </>
  );
}

const risenTitle = (): string => `Whose risk rose most since ${previousDate()}`;

/** The customers whose risk rose most since the previous data. */
function Risen({ query }: { query: Query }) {
  const changes = useAnswer(fetchChanges, query);
  return (
    <Answer of={changes} skeleton={<CardSkeleton title={risenTitle()} lines={7} />}>
      {(data, asked) => <RisenCard changes={data} query={asked} />}
    </Answer>
  );
}

const RisenCard = ({ changes, query }: { changes: Changes; query: Query }) => (
  <Card
    title={risenTitle()}
    note={changes.model_changed && ANOTHER_MODEL}
    actions={
      <a class="button" href={formatView({ place: "analytics", customer: null, params: query })}>
        All changes
      </a>
    }
  >
    <RisenTable movers={changes.risen.slice(0, RISEN)} query={query} />
  </Card>
);

function Stakes({ data }: { data: Analytics }) {
  const revenue = revenueOf(data);
  const highest = schema().risk.levels.at(-1);
  const bin = data.distributions
    .find(({ field }) => field === "risk_level")
    ?.bins.find(({ filter }) => filter.risk_level === highest?.name);
  return (
    <dl class="tiles overview-tiles">
      {highest && (
        <Tile
          label={`Risk level ${highest.label}`}
          value={bin ? count(bin.count) : "unknown"}
          note={`${percent(highest.from)} or more; of ${customers(data.count, data.statuses)}`}
        />
      )}
      <Tile
        label="Expected churners"
        value={count(data.expected_churners)}
        note={data.count > 0 ? `${percent(data.expected_churners / data.count)} of those listed` : undefined}
      />
      {revenue && (
        <Tile
          label="Revenue at risk"
          value={roundMoney(revenue.atRisk)}
          note={`of ${roundMoney(revenue.total)} ${period()}`.trim()}
        />
      )}
    </dl>
  );
}
