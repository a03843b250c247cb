/** The directory's list: pages of customers, fetched as the person scrolls towards them. */
import { batch, signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { fetchDirectory } from "../api/requests.ts";
import type { DirectoryEntry } from "../api/types.ts";
import { selection } from "./selection.ts";
import { param } from "./view.ts";

const PAGE_SIZE = 100;

/** How the directory may be sorted: the API's key and its words. */
export const SORTS = {
  "-probability": "Highest risk",
  probability: "Lowest risk",
  tenure_months: "Newest",
  "-tenure_months": "Longest with us",
  "-monthly_charges": "Highest charges",
  monthly_charges: "Lowest charges",
  customer_id: "Customer id",
} as const;
export const DEFAULT_SORT = "-probability";

export const rows = signal<readonly DirectoryEntry[]>([]);
/** How many customers the selection has; undefined until the first answer. */
export const total = signal<number | undefined>(undefined);
export const problem = signal<Problem | undefined>(undefined);
/** Counts the lists shown so far, so that a new one can start at its top. */
export const generation = signal(0);

let cursor: string | null = null;
let request: AbortController | undefined;

/** The query that lists the selection as the person wants it sorted and searched. */
export function directoryQuery(): Record<string, string[]> {
  const [text] = param("q");
  return {
    ...selection(),
    ...(text ? { q: [text] } : {}),
    sort: [param("sort")[0] ?? DEFAULT_SORT],
  };
}

/** Loads the first page of the present query; the old rows stay until it is there. */
export function load(): void {
  fetchPage(null);
}

/** Loads the next page, unless there is none or one is on its way. */
export function loadMore(): void {
  if (cursor !== null && request === undefined) fetchPage(cursor);
}

async function fetchPage(from: string | null): Promise<void> {
  request?.abort();
  const own = new AbortController();
  request = own;
  try {
    const page = await fetchDirectory(
      { ...directoryQuery(), limit: [String(PAGE_SIZE)], ...(from === null ? {} : { cursor: [from] }) },
      own.signal,
    );
    if (own.signal.aborted) return;
    batch(() => {
      rows.value = from === null ? page.items : [...rows.value, ...page.items];
      total.value = page.total;
      problem.value = undefined;
      if (from === null) generation.value += 1;
    });
    cursor = page.next_cursor ?? null;
  } catch (error) {
    if (!own.signal.aborted) problem.value = Problem.from(error);
  } finally {
    if (request === own) request = undefined;
  }
}
