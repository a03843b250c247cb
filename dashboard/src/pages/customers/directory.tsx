import { useEffect, useLayoutEffect } from "preact/hooks";
import { fetchDirectoryCsv, type Query } from "../../api/requests.ts";
import type { DirectoryEntry, Field } from "../../api/types.ts";
import { Answer, AnswerText } from "../../components/answer.tsx";
import { Chips } from "../../components/chips.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { RiskBar } from "../../components/risk.tsx";
import { ChangeMark } from "../../components/risk-change.tsx";
import { VirtualList } from "../../components/virtual-list.tsx";
import { paramsWith } from "../../customer/edits.ts";
import { listText } from "../../customer/fields.ts";
import { customers, percent } from "../../format.ts";
import {
  CHANGE_SORT,
  DEFAULT_SORT,
  directoryQuery,
  forget,
  type Listing,
  listing,
  load,
  loadMore,
  nextPage,
  sorts,
} from "../../state/directory.ts";
import { keyOf } from "../../state/request.ts";
import {
  hasOutcome,
  levelLabel,
  listedFields,
  personaLabel,
  previousDate,
  schema,
} from "../../state/schema.ts";
import { change, chosenStatuses, clear, search, usualFilters } from "../../state/selection.ts";
import { adjust, param, view, visit, withParams } from "../../state/view.ts";
import { FurtherFilters, UsualFilters } from "./further-filters.tsx";

const ROW_HEIGHT = 56;

/** The left pane: search, filters, sorting, and the list of customers. */
export function Directory() {
  const query = directoryQuery();
  useLayoutEffect(() => load(query), [keyOf(query)]);
  useLayoutEffect(() => forget, []);
  const listed = listing(query);
  const usual = usualFilters();

  return (
    <section class={schema().previous ? "directory with-changes" : "directory"} aria-label="Directory">
      <search class="directory-controls">
        <SearchField />
        <div class="directory-filters">
          <UsualFilters />
          <FurtherFilters />
        </div>
        <Chips except={usual.map(({ parameter }) => parameter)} />
      </search>
      <CountAndSort listed={listed} />
      {schema().previous && <Heads />}
      <Answer of={listed} class="listing" skeleton={<Waiting />}>
        {(list, { query }) => <List list={list} query={query} />}
      </Answer>
    </section>
  );
}

function SearchField() {
  useEffect(() => {
    const focusSearch = (event: KeyboardEvent) => {
      const typing = event.target instanceof Element && event.target.closest("input, select, textarea");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      document.getElementById("search")?.focus();
    };
    addEventListener("keydown", focusSearch);
    return () => removeEventListener("keydown", focusSearch);
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    document.querySelector<HTMLElement>("[role=listbox]")?.focus();
  };

  return (
    <div class="search">
      <input
        id="search"
        class="input"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder="Search by customer id"
        aria-label="Search by customer id"
        value={param("q")[0] ?? ""}
        onInput={(event) => search(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <kbd>/</kbd>
    </div>
  );
}

const sortedBy = (): string => param("sort")[0] ?? DEFAULT_SORT;

const sortBy = (key: string): void =>
  adjust({
    ...view.value,
    params: withParams(view.value.params, { sort: key === DEFAULT_SORT ? [] : [key] }),
  });

function CountAndSort({ listed }: { listed: ReturnType<typeof listing> }) {
  const query = directoryQuery();
  return (
    <div class="directory-count">
      <span role="status">
        <AnswerText of={listed}>{({ total }) => customers(total, chosenStatuses())}</AnswerText>
      </span>
      <DownloadButton
        key={JSON.stringify(query)}
        label="Download"
        name="customers.csv"
        type="text/csv"
        content={() => fetchDirectoryCsv(query)}
        isReady={listed.state === "answered"}
      />
      <label class="sort">
        <span class="visually-hidden">Sort by</span>
        <select class="select" value={sortedBy()} onChange={(event) => sortBy(event.currentTarget.value)}>
          {sorts().map(({ key, label }) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** The heads of the columns where there are previous data: two numbers in a row must be told apart. */
function Heads() {
  const rose = `-${CHANGE_SORT}`;
  const sort = sortedBy();
  const next = sort === rose ? CHANGE_SORT : rose;
  return (
    <div class="heads">
      <span>Customer</span>
      <span>Risk level</span>
      <span class="number">Now</span>
      <button
        type="button"
        class="link"
        aria-pressed={sort === rose || sort === CHANGE_SORT}
        title={`Change of the probability since the data of ${previousDate()}. Sort by it: ${next === rose ? "risen" : "fallen"} most first`}
        onClick={() => sortBy(next)}
      >
        Change since {previousDate()}
      </button>
    </div>
  );
}

function List({ list, query }: { list: Listing; query: Query }) {
  const { rows, total } = list;
  if (total === 0) {
    return (
      <div class="empty">
        <h2>No customer matches</h2>
        <p>The search takes the beginning of a customer’s id.</p>
        {hasOutcome() && !chosenStatuses().includes("left") && (
          <button type="button" class="button" onClick={() => change({ status: ["active", "left"] })}>
            Look among customers who left, too
          </button>
        )}
        <button type="button" class="button" onClick={clear}>
          Clear search and filters
        </button>
      </div>
    );
  }
  const more = nextPage(query, list);
  const selected = rows.findIndex((item) => item.customer_id === view.value.customer);
  const open = (index: number) => {
    const item = rows[index];
    if (!item) return;
    // Edits belong to the customer whom they were made for. Stepping through the list makes one entry in the history.
    const next = { ...view.value, customer: item.customer_id, params: withoutEdits(view.value.params) };
    if (view.value.customer === null) visit(next);
    else adjust(next);
  };
  return (
    <>
      <VirtualList
        label="Customers"
        length={rows.length}
        total={total}
        rowHeight={ROW_HEIGHT}
        selected={selected}
        generation={JSON.stringify(query)}
        id={(index) => rows[index]?.customer_id ?? ""}
        row={(index) => {
          const item = rows[index];
          return item && <Row item={item} />;
        }}
        onSelect={open}
        onNearEnd={() => loadMore(query)}
      />
      {more.state === "refused" && (
        <div class="more-refused small" role="alert" aria-live="polite">
          <span>The next customers could not be loaded. {more.problem.title}.</span>
          <button type="button" class="button" onClick={more.retry}>
            Try again
          </button>
        </div>
      )}
    </>
  );
}

/** What stays when another customer is opened: all but the edits and the wording that were made for this one. */
function withoutEdits(params: (typeof view.value)["params"]) {
  return withParams(paramsWith(params, {}), { rotate: [] });
}

/** What the list says of a customer beside the risk: status, persona, and the fields that the schema lists. */
function entryLine(item: DirectoryEntry): string {
  const isNumber = ({ values }: Field) => values.length === 0;
  const fields = listedFields()
    // Numbers are short and differ the most.
    .sort((one, other) => Number(isNumber(other)) - Number(isNumber(one)))
    .map((field) => listText(field, item[field.name]));
  return [
    ...(item.status === "left" ? ["Left"] : []),
    ...(item.persona ? [personaLabel(item.persona)] : []),
    ...fields,
  ].join(" · ");
}

const Row = ({ item }: { item: DirectoryEntry }) => (
  <>
    <span>
      <span class="id" title={item.customer_id}>
        {item.customer_id}
      </span>
      <span class="sub" title={entryLine(item)}>
        {entryLine(item)}
      </span>
    </span>
    <span class="level">
      <span>{levelLabel(item.risk_level)}</span>
      <RiskBar probability={item.probability} level={item.risk_level} />
    </span>
    <span class="number">{percent(item.probability)}</span>
    {item.change !== undefined && <ChangeMark change={item.change} moved={item.moved ?? null} />}
  </>
);

const Waiting = () => (
  <div aria-hidden="true">
    {Array.from({ length: 12 }, (_, index) => (
      <div key={index} class="row-skeleton">
        <div class="skeleton" />
      </div>
    ))}
  </div>
);
