/**
 * What is on screen: the place, the customer, and every filter and edit. It lives in one signal that is mirrored in
 * the address, so that an address restores the view and back and forward work.
 *
 * The view is in the fragment (`#/customers/1234-ABCDE?status=left`): any static host can serve it without
 * rewriting rules, and customer ids stay out of servers' access logs.
 */
import { signal } from "@preact/signals";

/** The places of the dashboard, in the order of the navigation. */
export const PLACES = ["customers", "campaign", "analytics", "experiment", "explainability"] as const;
export type Place = (typeof PLACES)[number];

/** Parameters of a view; a name may carry more than one value. */
export type Params = Readonly<Record<string, readonly string[]>>;

export interface View {
  readonly place: Place;
  /** The customer that is open; only the customers' place has one. */
  readonly customer: string | null;
  readonly params: Params;
}

/** Reads a view from the fragment of an address; what cannot be read is left out. */
export function parseView(fragment: string): View {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const [name, customer] = path.split("/");
  const place = PLACES.find((known) => known === name) ?? PLACES[0];
  const params: Record<string, string[]> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    params[key] ??= [];
    params[key].push(value);
  }
  return { place, customer: place === "customers" && customer ? decode(customer) : null, params };
}

/** The fragment that restores a view. */
export function formatView(view: View): string {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(view.params)) {
    for (const value of values) query.append(name, value);
  }
  const path = view.customer ? `${view.place}/${encodeURIComponent(view.customer)}` : view.place;
  return query.size > 0 ? `#/${path}?${query}` : `#/${path}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const current = signal(parseView(""));

/** The view on screen. */
export const view = {
  get value() {
    return current.value;
  },
};

/** Browsers refuse more than some hundred address changes in half a minute; typing and dragging make more than that. */
const ADDRESS_DELAY_MS = 200;
let pending: ReturnType<typeof setTimeout> | undefined;

function writeAddress() {
  clearTimeout(pending);
  pending = undefined;
  history.replaceState(null, "", formatView(current.value));
}

/** Shows a view and makes it an entry of its own in the history. */
export function visit(next: View): void {
  if (pending !== undefined) writeAddress();
  const address = formatView(next);
  if (address !== location.hash) history.pushState(null, "", address);
  current.value = next;
}

/** Shows a view in place of the present one, as typing and dragging do. */
export function adjust(next: View): void {
  current.value = next;
  clearTimeout(pending);
  pending = setTimeout(writeAddress, ADDRESS_DELAY_MS);
}

/** The values of one parameter of the present view. */
export function param(name: string): readonly string[] {
  return current.value.params[name] ?? [];
}

/** A copy of `params` with some replaced; an empty list removes a parameter. */
export function withParams(params: Params, changes: Params): Params {
  const kept = Object.entries({ ...params, ...changes }).filter(([, values]) => values.length > 0);
  return Object.fromEntries(kept);
}

/** Shows what the address says, now and whenever the person goes back, goes forward or edits it. */
export function followAddress(): void {
  const follow = () => {
    clearTimeout(pending);
    pending = undefined;
    current.value = parseView(location.hash);
  };
  follow();
  addEventListener("hashchange", follow);
}
