import type { ComponentChildren } from "preact";
import { type Asked, mapAnswer } from "../state/request.ts";
import { clear, isSelective } from "../state/selection.ts";
import { AnswerText } from "./answer.tsx";
import { Chips } from "./chips.tsx";

interface Props<Q, T> {
  readonly title: string;
  /** What is asked about the selection. */
  readonly asked: Asked<Q, T>;
  /** How many customers the answer is about. */
  readonly size: (data: T) => number;
  /** The same in words that say which customers they are. */
  readonly extent: (data: T) => string;
  /** Whom the place shows where no filter is set. */
  readonly usual: string;
  /** Filters that do not apply in this place. */
  readonly ignored?: readonly string[];
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The frame of a place that looks at the whole selection: title, how many are shown, the filters as chips. */
export function Page<Q, T>(props: Props<Q, T>) {
  const { title, asked, size, extent, usual, ignored = [], actions, children } = props;
  const isEmpty = asked.state === "answered" && size(asked.data) === 0;
  return (
    <div class="page">
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          <p class="muted" role="status">
            <AnswerText of={mapAnswer(asked, extent)}>{(text) => text}</AnswerText>
          </p>
        </div>
        <div class="actions">{actions}</div>
      </header>
      <div class="page-chips">
        <Chips except={ignored} />
        {!isSelective(ignored) && (
          <p class="small muted">{usual}; a click on a bar in Analytics narrows it down.</p>
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

/** One figure with what it is. */
export const Tile = (props: { label: string; value: string; note?: ComponentChildren }) => (
  <div class="tile">
    <dt>{props.label}</dt>
    <dd>{props.value}</dd>
    <dd class="small muted">{props.note || "\u00a0"}</dd>
  </div>
);
