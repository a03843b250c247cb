/**
 * The selection: which customers are looked at. It is one and the same on every place, stands in the address under
 * the API's own filter names, and is what every list, chart and readout is asked for.
 */
import type { Status } from "../api/types.ts";
import { money, plural, sentenceCase } from "../format.ts";
import { adjust, type Params, param, view, visit, withParams } from "./view.ts";

/** The API's filters that name one or more values. */
export const FILTERS = {
  status: "Status",
  risk_level: "Risk",
  persona: "Persona",
  stage: "Stage",
  contract: "Contract",
  internet_service: "Internet",
  payment_method: "Payment",
  variant: "Variant",
  senior_citizen: "Senior citizen",
  missing: "Unknown",
} as const;
export type FilterName = keyof typeof FILTERS;

interface Range {
  readonly name: string;
  readonly label: string;
  /** The API's filter for the least value. */
  readonly from: string;
  /** The API's filter for the greatest value, or for the first beyond it. */
  readonly to: string;
  readonly write: (value: number) => string;
}

/** The API's filters that name the ends of a range. */
const RANGES: readonly Range[] = [
  range("tenure", "Tenure", "max", (value) => plural(value, "month")),
  range("usage_frequency", "Active days", "max", (value) => plural(value, "day")),
  range("support_calls", "Support calls", "max", (value) => plural(value, "call")),
  range("payment_delay", "Days late", "max", (value) => plural(value, "day")),
  range("monthly_charges", "Monthly charges", "below", money),
  range("total_charges", "Total charges", "below", money),
];

function range(name: string, label: string, end: "max" | "below", write: Range["write"]): Range {
  return { name, label, from: `${name}_min`, to: `${name}_${end}`, write };
}

const NAMES: readonly string[] = [...Object.keys(FILTERS), ...RANGES.flatMap(({ from, to }) => [from, to])];

/** The parameters of the address that select customers, ready for the API's query string. */
export function selection(params: Params = view.value.params): Record<string, string[]> {
  return Object.fromEntries(
    NAMES.filter((name) => params[name]).map((name) => [name, [...(params[name] ?? [])]]),
  );
}

/** Whether any filter is set, but for those in `except`. */
export const isSelective = (except: readonly string[] = []): boolean =>
  Object.keys(selection()).some((name) => !except.includes(name));

/** The default of the API. */
const USUAL_STATUSES: readonly Status[] = ["active"];
const STATUSES: readonly Status[] = ["active", "left"];

/** The statuses that a query selects: those it names, or the default. */
export function chosenStatuses(asked: readonly string[] = param("status")): readonly Status[] {
  const named = STATUSES.filter((status) => asked.includes(status));
  return named.length > 0 ? named : USUAL_STATUSES;
}

/** Adds or removes a status; without any, the default applies. */
export function toggleStatus(status: string): void {
  const chosen = chosenStatuses();
  const next = STATUSES.filter((one) => chosen.includes(one) !== (one === status));
  change({ status: next.join() === USUAL_STATUSES.join() ? [] : next });
}

/** Selects one more value of a filter, or one less. */
export function toggle(name: FilterName, value: string): void {
  const values = param(name);
  const next = values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
  change({ [name]: next });
}

/** A filter as the API attaches it to a bin: what selects exactly the bin's customers. */
export type BinFilter = Readonly<Record<string, string | number>>;

/** Whether the selection already asks for a bin. */
export function isSelected(filter: BinFilter): boolean {
  return Object.entries(filter).every(([name, value]) => param(name).includes(String(value)));
}

/** Selects the customers of a bin, or takes that back. Values add up; a range takes the place of the former one. */
export function toggleBin(filter: BinFilter): void {
  const chosen = isSelected(filter);
  const next: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(filter)) {
    const text = String(value);
    if (name in FILTERS) {
      next[name] = chosen ? param(name).filter((other) => other !== text) : [...param(name), text];
      continue;
    }
    const whole = RANGES.find(({ from, to }) => name === from || name === to);
    for (const end of whole ? [whole.from, whole.to] : []) {
      next[end] = chosen || filter[end] === undefined ? [] : [String(filter[end])];
    }
  }
  change(next);
}

/** Replaces some of the filters. */
export function change(changes: Params): void {
  visit({ ...view.value, params: withParams(view.value.params, changes) });
}

/** Selects everybody. */
export function clear(): void {
  change(Object.fromEntries([...NAMES, "q"].map((name) => [name, []])));
}

/** Replaces the text that customer ids must begin with. */
export function search(text: string): void {
  adjust({ ...view.value, params: withParams(view.value.params, { q: text === "" ? [] : [text] }) });
}

/** One condition of the selection as words, and the change that lifts it. */
export interface Condition {
  /** The filter that it belongs to. */
  readonly name: string;
  readonly text: string;
  readonly without: Params;
}

/** Every condition of the selection. */
export function conditions(): Condition[] {
  const named: Condition[] = (Object.keys(FILTERS) as FilterName[]).flatMap((name) =>
    param(name).map((value) => ({
      name,
      text: `${FILTERS[name]}: ${valueLabel(name, value)}`,
      without: { [name]: param(name).filter((other) => other !== value) },
    })),
  );
  const ranged = RANGES.flatMap(({ name, label, from, to, write }) => {
    const [least] = param(from);
    const [most] = param(to);
    if (least === undefined && most === undefined) return [];
    const below = to.endsWith("_below") ? "below" : "up to";
    const words = [
      least === undefined ? "" : `from ${write(Number(least))}`,
      most === undefined ? "" : `${below} ${write(Number(most))}`,
    ];
    return [{ name, text: `${label}: ${words.join(" ").trim()}`, without: { [from]: [], [to]: [] } }];
  });
  return [...named, ...ranged];
}

/** A filter's value as people read it. */
export function valueLabel(name: FilterName, value: string): string {
  switch (name) {
    case "status":
    case "risk_level":
    case "stage":
    case "persona":
    case "missing":
      return sentenceCase(value);
    case "senior_citizen":
      return value === "true" ? "yes" : "no";
    case "internet_service":
      return value === "No" ? "none" : value;
    default:
      return value;
  }
}
