/** The directory's list: pages of customers, fetched as the person scrolls towards them. */
import { signal } from "@preact/signals";
import { fetchDirectory, type Query } from "../api/requests.ts";
import type { DirectoryEntry, DirectoryPage } from "../api/types.ts";
import { sentenceCase } from "../format.ts";
import { type Answered, type Asked, Asking, mapAnswer } from "./request.ts";
import { fieldNamed, schema } from "./schema.ts";
import { selection } from "./selection.ts";
import { param } from "./view.ts";

const PAGE_SIZE = 100;

export const DEFAULT_SORT = "-probability";

/** A way to sort the directory: the API's key and its words. */
export interface Sort {
  readonly key: string;
  readonly label: string;
}

/** How the directory may be sorted. */
export const sorts = (): Sort[] =>
  schema().sorts.flatMap((name) => {
    const [ascending, descending] = sortLabels(name);
    return [...(descending ? [{ key: `-${name}`, label: descending }] : []), { key: name, label: ascending }];
  });

/** The words for sorting by a key, and for the reverse order where that is of use. */
function sortLabels(name: string): readonly [string, string?] {
  const { tenure, outcome } = schema().roles;
  switch (name) {
    case "probability":
      return ["Lowest risk", "Highest risk"];
    case "customer_id":
      return ["Customer id"];
    case tenure:
      return ["Newest", "Longest with us"];
    case outcome:
      return ["Active first", "Left first"];
  }
  const field = fieldNamed(name);
  const label = field?.label ?? sentenceCase(name);
  if (field?.values.length) return [label, `${label}, reversed`];
  return [`Lowest ${label.toLowerCase()}`, `Highest ${label.toLowerCase()}`];
}

/** A page of a query's list; the first has no cursor. */
interface PageQuestion {
  readonly query: Query;
  readonly cursor: string | null;
}

/** The customers of a query, as far as they are loaded. */
export interface Listing {
  readonly rows: readonly DirectoryEntry[];
  /** How many customers the query has. */
  readonly total: number;
  /** Where the next page begins; null after the last. */
  readonly cursor: string | null;
}

const loadPage = ({ query, cursor }: PageQuestion, signal: AbortSignal): Promise<DirectoryPage> =>
  fetchDirectory(
    { ...query, limit: [String(PAGE_SIZE)], ...(cursor === null ? {} : { cursor: [cursor] }) },
    signal,
  );

/** The pages after the first, each with the query and the cursor that it answers. */
const further = signal<readonly Answered<PageQuestion, DirectoryPage>[]>([]);
const first = new Asking(loadPage);
const next = new Asking(loadPage, {
  onAnswer: (page) => {
    further.value = [...further.value, page];
  },
});

/** The query that lists the selection as the person wants it sorted and searched. */
export function directoryQuery(): Query {
  const [text] = param("q");
  return {
    ...selection(),
    ...(text ? { q: [text] } : {}),
    sort: [param("sort")[0] ?? DEFAULT_SORT],
  };
}

/** Loads the first page of a query. */
export function load(query: Query): void {
  further.value = [];
  next.ask(null);
  first.ask({ query, cursor: null });
}

/** Forgets the list, so that it is loaded anew when it is next shown. */
export function forget(): void {
  further.value = [];
  next.ask(null);
  first.ask(null);
}

/** The list of a query. */
export function listing(query: Query): Asked<PageQuestion, Listing> {
  return mapAnswer(first.asked({ query, cursor: null }), (page) => {
    const key = JSON.stringify(query);
    const pages = [page];
    let cursor = page.next_cursor ?? null;
    for (const { question, data } of further.value) {
      if (question.cursor !== cursor || JSON.stringify(question.query) !== key) continue;
      pages.push(data);
      cursor = data.next_cursor ?? null;
    }
    return { rows: pages.flatMap(({ items }) => items), total: page.total, cursor };
  });
}

/** The page that follows a list; idle after the last. It is not asked for before it is wanted. */
export const nextPage = (query: Query, { cursor }: Listing): Asked<PageQuestion, DirectoryPage> =>
  next.asked(cursor === null ? null : { query, cursor });

/** Loads the page that follows a list, unless there is none, it is on its way, or it was refused. */
export function loadMore(query: Query, { cursor }: Listing): void {
  if (cursor !== null) next.ask({ query, cursor });
}

/** What the list that is shown knows of a customer. */
export function listedEntry(id: string): DirectoryEntry | undefined {
  const listed = listing(directoryQuery());
  return listed.state === "answered" ? listed.data.rows.find((row) => row.customer_id === id) : undefined;
}
