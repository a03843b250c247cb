import type { ComponentChildren } from "preact";
import { count, plural } from "../format.ts";
import { type Asked, mapAnswer } from "../state/request.ts";
import { clear, isSelective } from "../state/selection.ts";
import { AnswerText } from "./answer.tsx";
import { Chips } from "./chips.tsx";

/** How many customers the selection has, of how many. */
interface Extent {
  readonly customers: number;
  readonly of?: number;
}

interface Props<Q, T> {
  readonly title: string;
  /** What is asked about the selection. */
  readonly asked: Asked<Q, T>;
  readonly extent: (data: T) => Extent;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The frame of a place that looks at the whole selection: title, how many are shown, the filters as chips. */
export function Page<Q, T>({ title, asked, extent, actions, children }: Props<Q, T>) {
  const isEmpty = asked.state === "answered" && extent(asked.data).customers === 0;
  return (
    <div class="page">
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          <p class="muted" role="status">
            <AnswerText of={mapAnswer(asked, extent)}>{extentText}</AnswerText>
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
      {isEmpty ? (
        <div class="empty">
          <h2>No customer fits all these filters</h2>
          <button type="button" class="button" onClick={clear}>
            Clear all filters
          </button>
        </div>
      ) : (
        children
      )}
    </div>
  );
}

const extentText = ({ customers, of }: Extent) =>
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
