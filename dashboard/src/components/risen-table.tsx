import type { Query } from "../api/requests.ts";
import type { Mover } from "../api/types.ts";
import { levelsText } from "../customer/risk-change.ts";
import { percent } from "../format.ts";
import { CHANGE_SORT } from "../state/directory.ts";
import { levelPlace } from "../state/schema.ts";
import { formatView } from "../state/view.ts";
import { DataTable } from "./data-table.tsx";
import { ChangeMark } from "./risk-change.tsx";

/** The worklist of a selection, those first whose probability rose most. */
export const byRise = (query: Query, customer: string | null = null): string =>
  formatView({ place: "customers", customer, params: { ...query, sort: [`-${CHANGE_SORT}`] } });

/** Where the risk level moved, as answers say it of a customer. */
function movementOf({ former_risk_level, risk_level }: Mover): "up" | "down" | null {
  const steps = levelPlace(risk_level) - levelPlace(former_risk_level);
  return steps === 0 ? null : steps > 0 ? "up" : "down";
}

/** Customers of a selection whose probability rose, each a link to the customer. */
export const RisenTable = ({ movers, query }: { movers: readonly Mover[]; query: Query }) =>
  movers.length === 0 ? (
    <p class="small muted">No customer’s probability rose.</p>
  ) : (
    <DataTable
      caption="Customers whose probability rose most"
      columns={[
        {
          head: "Customer",
          cell: (mover: Mover) => (
            <a class="id" href={byRise(query, mover.customer_id)}>
              {mover.customer_id}
            </a>
          ),
        },
        {
          head: "Change",
          cell: (mover) => <ChangeMark change={mover.change} moved={movementOf(mover)} />,
          numeric: true,
        },
        { head: "Before", cell: ({ former_probability }) => percent(former_probability, 1), numeric: true },
        { head: "Now", cell: ({ probability }) => percent(probability, 1), numeric: true },
        {
          head: "Risk level",
          cell: ({ former_risk_level, risk_level }) => (
            <span class="unbroken">{levelsText(former_risk_level, risk_level)}</span>
          ),
        },
      ]}
      rows={movers}
    />
  );

/** What is to be known of changes where another model gave the former probabilities. */
export const ANOTHER_MODEL =
  "Another model gave the former probabilities, so a change is not the customer’s alone.";
