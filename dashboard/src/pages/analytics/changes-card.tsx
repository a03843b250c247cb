import { useState } from "preact/hooks";
import { fetchDirectoryCsv, fetchGone, type Query } from "../../api/requests.ts";
import type { Changes, GoneCustomer } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { Tile } from "../../components/page.tsx";
import { ANOTHER_MODEL, byRise, RisenTable } from "../../components/risen-table.tsx";
import { LinesSkeleton } from "../../components/skeletons.tsx";
import { count, date, percent, points } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";
import { hasOutcome, levelLabel } from "../../state/schema.ts";
import { filterText } from "../../state/selection.ts";
import { formatView } from "../../state/view.ts";

/** Customers who are gone, shown without a download. */
const SHOWN = "10";

interface Props {
  readonly changes: Changes;
  /** The selection that they are about. */
  readonly query: Query;
}

/** What changed for the selection since the previous data. */
export function ChangesCard({ changes, query }: Props) {
  const { previous, model_changed, risk_levels, matrix, risen, gone } = changes;
  return (
    <Card
      title={`What changed since ${date(previous.as_of)}`}
      note={model_changed && ANOTHER_MODEL}
      actions={
        <a class="button" href={byRise(query)}>
          Show all by change
        </a>
      }
    >
      <Counts changes={changes} query={query} />
      <div class="grid wide section">
        <div>
          <h3>Whose risk rose most</h3>
          <RisenTable movers={risen} query={query} />
        </div>
        <div>
          <h3>Risk levels before and now</h3>
          <DataTable
            caption="Customers by their risk level before and now"
            columns={[
              { head: "Before", cell: ({ level }) => levelLabel(level) },
              ...risk_levels.map((now, index) => ({
                head: `Now ${levelLabel(now)}`,
                cell: ({ counts }: { counts: readonly number[] }) => count(counts[index] ?? 0),
                numeric: true,
              })),
            ]}
            rows={risk_levels.map((level, index) => ({ level, counts: matrix[index] ?? [] }))}
          />
          {gone !== null && gone > 0 && <Gone query={query} />}
        </div>
      </div>
    </Card>
  );
}

/** What those who are gone were before, by the statuses that are selected. */
const FORMERLY: Readonly<Record<string, string>> = {
  active: "who were active",
  left: "who had left",
  "active,left": "active and left",
};

function Counts({ changes: { up, down, same, new: added, gone, mean_change, statuses }, query }: Props) {
  const show = (moved: string, value: number, whose: string) =>
    value > 0 && (
      <a href={formatView({ place: "customers", customer: null, params: { ...query, moved: [moved] } })}>
        Show<span class="visually-hidden"> {whose}</span>
      </a>
    );
  return (
    <dl class="tiles">
      <Tile label="Risk level rose" value={count(up)} note={show("up", up, "whose risk level rose")} />
      <Tile label="Risk level fell" value={count(down)} note={show("down", down, "whose risk level fell")} />
      <Tile label="Same risk level" value={count(same)} />
      <Tile label="New" value={count(added)} note={show("new", added, "who are new")} />
      <Tile
        label="Gone"
        value={gone === null ? "unknown" : count(gone)}
        note={gone === null ? "without a profile to filter by" : hasOutcome() && FORMERLY[statuses.join()]}
      />
      <Tile
        label="Mean change"
        value={mean_change === null ? "none" : points(mean_change)}
        note={`of ${count(up + down + same)} who are not new`}
      />
    </dl>
  );
}

/** Who is gone, of the statuses that are selected; asked for when it is opened. */
function Gone({ query: { status } }: { query: Query }) {
  const [isOpen, open] = useState(false);
  const query: Query = { ...(status ? { status } : {}), moved: ["gone"] };
  const asked = useAnswer(fetchGone, isOpen ? { ...query, limit: [SHOWN] } : null);
  return (
    <details class="as-table" onToggle={({ currentTarget }) => open(currentTarget.open)}>
      <summary>Show who is gone</summary>
      <Answer of={asked} skeleton={<LinesSkeleton lines={8} />}>
        {({ items, total }) => (
          <>
            <DataTable
              caption="Customers who are gone, the highest former probability first"
              columns={[
                { head: "Customer", cell: (one: GoneCustomer) => <span class="id">{one.customer_id}</span> },
                {
                  head: "Probability before",
                  cell: ({ former_probability }) => percent(former_probability, 1),
                  numeric: true,
                },
                { head: "Risk level before", cell: ({ former_risk_level }) => levelLabel(former_risk_level) },
                ...(hasOutcome()
                  ? [
                      {
                        head: "Status before",
                        cell: ({ former_status }: GoneCustomer) => filterText("status", former_status),
                      },
                    ]
                  : []),
              ]}
              rows={items}
            />
            {total > items.length && (
              <p class="small muted">
                The {items.length} likeliest to leave of {count(total)}.
              </p>
            )}
          </>
        )}
      </Answer>
      <p class="section">
        <DownloadButton
          key={JSON.stringify(query)}
          label="Download who is gone"
          name="gone.csv"
          type="text/csv"
          content={() => fetchDirectoryCsv(query)}
          isReady={asked.state === "answered"}
        />
      </p>
    </details>
  );
}
