import type { ComponentChildren } from "preact";
import { count, plural } from "../format.ts";
import { clear, isSelective } from "../state/selection.ts";
import { Chips } from "./chips.tsx";

interface Props {
  readonly title: string;
  /** How many customers the selection has, of how many. */
  readonly shown: { readonly customers: number; readonly of?: number } | undefined;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The frame of a place that looks at the whole selection: title, how many are shown, the filters as chips. */
export const Page = ({ title, shown, actions, children }: Props) => (
  <div class="page">
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        <p class="muted" role="status">
          {shown && shownText(shown)}
        </p>
      </div>
      <div class="actions">{actions}</div>
    </header>
    <div class="page-chips">
      <Chips />
      {!isSelective() && (
        <p class="small muted">Everybody is shown; a click on a bar in Analytics narrows it down.</p>
      )}
    </div>
    {shown?.customers === 0 && (
      <div class="empty">
        <h2>No customer fits all these filters</h2>
        <button type="button" class="button" onClick={clear}>
          Clear all filters
        </button>
      </div>
    )}
    {shown?.customers !== 0 && children}
  </div>
);

const shownText = ({ customers, of }: { customers: number; of?: number }) =>
  of === undefined
    ? `${plural(customers, "customer")} shown`
    : `${count(customers)} of ${plural(of, "customer")} shown`;

/** One figure with what it is. */
export const Tile = ({ label, value, note }: { label: string; value: string; note?: string | undefined }) => (
  <div class="tile">
    <dt>{label}</dt>
    <dd>{value}</dd>
    <dd class="small muted">{note ?? "\u00a0"}</dd>
  </div>
);
