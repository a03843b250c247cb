/** The directory's list: pages of customers, fetched as the person scrolls towards them. */
import { signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { fetchDirectory, type Query } from "../api/requests.ts";
import type { DirectoryEntry, DirectoryPage } from "../api/types.ts";
import { inSentence, sentenceCase } from "../format.ts";
import { type Answered, type Asked, Asking, keyOf, mapAnswer } from "./request.ts";
import { fieldNamed, schema } from "./schema.ts";
import { selection } from "./selection.ts";
import { param } from "./view.ts";

const PAGE_SIZE = 100;
/** The most that the API gives at once. */
const LONGEST_PAGE = 500;

export const DEFAULT_SORT = "-probability";
/** The sort by what changed since the previous data, those first whose probability fell most. */
export const CHANGE_SORT = "change";

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
    case CHANGE_SORT:
      return ["Risk fell most", "Risk rose most"];
    case tenure:
      return ["Newest", "Longest with us"];
    case outcome:
      return ["Active first", "Left first"];
  }
  const field = fieldNamed(name);
  const label = field?.label ?? sentenceCase(name);
  if (field?.values.length) return [label, `${label}, reversed`];
  return [`Lowest ${inSentence(label)}`, `Highest ${inSentence(label)}`];
}

/** A page of a query's list; the first has no cursor. */
interface PageQuestion {
  readonly query: Query;
  readonly cursor: string | null;
  /** How many customers are wanted. */
  readonly limit: number;
}

/** The customers of a query, as far as they are loaded. */
export interface Listing {
  readonly rows: readonly DirectoryEntry[];
  /** How many customers the query has. */
  readonly total: number;
  /** Where the next page begins; null after the last. */
  readonly cursor: string | null;
}

async function loadPage({ query, cursor, limit }: PageQuestion, signal: AbortSignal): Promise<DirectoryPage> {
  // No control asks for them, but an address can.
  if (query.moved?.includes("gone")) {
    throw new Problem(
      "The list is of today’s customers",
      "Customers who are gone have no profile; “What changed” in Analytics lists them.",
      422,
    );
  }
  return fetchDirectory(
    { ...query, limit: [String(limit)], ...(cursor === null ? {} : { cursor: [cursor] }) },
    signal,
  );
}

/** The pages after the first, each with the query and the cursor that it answers. */
const further = signal<readonly Answered<PageQuestion, DirectoryPage>[]>([]);
const first = new Asking(loadPage);
const next = new Asking(loadPage, {
  onAnswer: (page) => {
    further.value = [...further.value, page];
  },
  onRefusal: ({ type }) => {
    if (type === STALE_CURSOR) startAgain();
  },
});

/** The list goes on in a workspace that the server no longer answers from. */
const STALE_CURSOR = "/problems/stale-cursor";
/** The list that was loaded last, how many customers of it are asked for at first, and whether it was started again. */
let loaded = { key: "", limit: PAGE_SIZE, isAgain: false };

/** The query that lists the selection as the person wants it sorted and searched. */
export function directoryQuery(): Query {
  const [text] = param("q");
  return {
    ...selection(),
    ...(text ? { q: [text] } : {}),
    sort: [param("sort")[0] ?? DEFAULT_SORT],
  };
}

/** Loads the first page of a query; for the query that is there, as much of it as is there, so that the person's place stays. */
export function load(query: Query): void {
  const key = keyOf(query);
  const isSame = JSON.stringify(first.question()?.query) === JSON.stringify(query);
  const rows = isSame ? further.value.reduce((sum, { data }) => sum + data.items.length, loaded.limit) : 0;
  if (key !== loaded.key) loaded = { key, limit: clampedLimit(rows), isAgain: false };
  further.value = [];
  next.ask(null);
  first.ask({ query, cursor: null, limit: loaded.limit });
}

const clampedLimit = (rows: number): number => Math.min(LONGEST_PAGE, Math.max(PAGE_SIZE, rows));

/** Loads the list anew from its start; once, lest a server of two minds is asked for ever. */
function startAgain(): void {
  if (loaded.isAgain) return;
  loaded = { ...loaded, isAgain: true };
  further.value = [];
  next.ask(null);
  first.again();
}

/** Forgets the list, so that it is loaded anew when it is next shown. */
export function forget(): void {
  further.value = [];
  next.ask(null);
  first.ask(null);
  loaded = { key: "", limit: PAGE_SIZE, isAgain: false };
}

/** The list of a query. */
export function listing(query: Query): Asked<PageQuestion, Listing> {
  return mapAnswer(first.asked({ query, cursor: null, limit: loaded.limit }), (page) => {
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
  next.asked(cursor === null ? null : { query, cursor, limit: PAGE_SIZE });

/** Loads the page that follows the list, once the list is there; not again while that page is on its way or after it was refused. */
export function loadMore(query: Query): void {
  const listed = listing(query);
  if (listed.state !== "answered" || listed.data.cursor === null) return;
  next.ask({ query, cursor: listed.data.cursor, limit: PAGE_SIZE });
}

/** What the list that is shown knows of a customer. */
export function listedEntry(id: string): DirectoryEntry | undefined {
  const listed = listing(directoryQuery());
  return listed.state === "answered" ? listed.data.rows.find((row) => row.customer_id === id) : undefined;
}
