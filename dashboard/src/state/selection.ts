/**
 * The selection: which customers are looked at. It is one and the same on every place, stands in the address under
 * the API's own filter names, and is what every list, chart and readout is asked for.
 */
import type { Filter, RangeFilter, Status, ValuesFilter } from "../api/types.ts";
import { numberText } from "../customer/fields.ts";
import { hasOutcome, schema } from "./schema.ts";
import { adjust, type Params, param, view, visit, withParams } from "./view.ts";

/** The filters that are about no field, in the order of the directory. */
const USUAL_FILTERS = ["status", "risk_level", "persona", "stage"];

/** The filter by values of a parameter, where the business has it. */
export const valuesFilter = (parameter: string): ValuesFilter | undefined =>
  schema().filters.find(
    (filter): filter is ValuesFilter => filter.kind === "values" && filter.parameter === parameter,
  );

/** The filters of the business; by status only where it knows who left. */
const filters = (): readonly Filter[] =>
  schema().filters.filter(
    (filter) => hasOutcome() || filter.kind === "range" || filter.parameter !== "status",
  );

/** The filters that stand first in the directory. */
export const usualFilters = (): ValuesFilter[] =>
  filters()
    .filter((filter) => filter.kind === "values")
    .filter(({ parameter }) => USUAL_FILTERS.includes(parameter))
    .sort((one, other) => USUAL_FILTERS.indexOf(one.parameter) - USUAL_FILTERS.indexOf(other.parameter));

/** All other filters. */
export const furtherFilters = (): Filter[] =>
  filters().filter((filter) => filter.kind === "range" || !USUAL_FILTERS.includes(filter.parameter));

/** Whether anything is chosen in a filter. */
export const isChosen = (filter: Filter): boolean =>
  parametersOf(filter).some((parameter) => param(parameter).length > 0);

/** A filter's value for a control. */
export const asOption = ({ value, label }: ValuesFilter["values"][number]) => ({
  value: String(value),
  label,
});

/** The parameter that ends a range. */
export const endOf = ({ max, below }: RangeFilter): string => max ?? below ?? "";

/** The parameters of a filter. */
export const parametersOf = (filter: Filter): string[] =>
  filter.kind === "values" ? [filter.parameter] : [filter.min, endOf(filter)];

const parameters = (): string[] => filters().flatMap(parametersOf);

/** The parameters of the address that select customers, ready for the API's query string. */
export function selection(params: Params = view.value.params): Record<string, string[]> {
  return Object.fromEntries(
    parameters()
      .filter((name) => params[name])
      .map((name) => [name, [...(params[name] ?? [])]]),
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
export function toggle(name: string, value: string): void {
  const values = param(name);
  const next = values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
  change({ [name]: next });
}

/** A filter as the API attaches it to a bin: what selects exactly the bin's customers. */
export type BinFilter = Readonly<Record<string, string | number | boolean>>;

/** Whether the selection already asks for a bin. */
export function isSelected(filter: BinFilter): boolean {
  return Object.entries(filter).every(([name, value]) => param(name).includes(String(value)));
}

/** Selects the customers of a bin, or takes that back. Values add up; a range takes the place of the former one. */
export function toggleBin(bin: BinFilter): void {
  const chosen = isSelected(bin);
  const next: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(bin)) {
    const text = String(value);
    const filter = schema().filters.find((one) => parametersOf(one).includes(name));
    if (filter?.kind === "values") {
      next[name] = chosen ? param(name).filter((other) => other !== text) : [...param(name), text];
      continue;
    }
    for (const end of filter ? parametersOf(filter) : []) {
      next[end] = chosen || bin[end] === undefined ? [] : [String(bin[end])];
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
  change(Object.fromEntries([...parameters(), "q"].map((name) => [name, []])));
}

/** Replaces the text that customer ids must begin with. */
export function search(text: string): void {
  adjust({ ...view.value, params: withParams(view.value.params, { q: text === "" ? [] : [text] }) });
}

/** The selection as the body of a request has it: numbers as numbers, truth values as such. */
export function asFilters(query: Readonly<Record<string, readonly string[]>>): Record<string, unknown> {
  const entries = Object.entries(query).map(([name, texts]) => {
    const filter = valuesFilter(name);
    if (filter === undefined) return [name, Number(texts[0])];
    return [
      name,
      texts.map((text) => filter.values.find(({ value }) => String(value) === text)?.value ?? text),
    ];
  });
  return Object.fromEntries(entries);
}

/** One condition of the selection as words, and the change that lifts it. */
export interface Condition {
  /** The parameter of the filter that it belongs to; the first of a range's two. */
  readonly name: string;
  readonly text: string;
  readonly without: Params;
}

/** Every condition of the selection. */
export const conditions = (): Condition[] => filters().flatMap(conditionsOf);

function conditionsOf(filter: Filter): Condition[] {
  if (filter.kind === "range") {
    const text = rangeText(filter);
    const without = { [filter.min]: [], [endOf(filter)]: [] };
    return text === undefined ? [] : [{ name: filter.min, text: `${filter.label}: ${text}`, without }];
  }
  const { parameter, label } = filter;
  return param(parameter).map((value) => ({
    name: parameter,
    text: `${label}: ${filterText(parameter, value)}`,
    without: { [parameter]: param(parameter).filter((other) => other !== value) },
  }));
}

/** A chosen range in words; undefined where neither end is chosen. */
function rangeText(filter: RangeFilter): string | undefined {
  const field = schema().fields.find(({ name }) => name === filter.field);
  const write = (text: string) =>
    field === undefined || !Number.isFinite(Number(text)) ? text : numberText(field, Number(text));
  const [least] = param(filter.min);
  const [most] = param(endOf(filter));
  const ends = [
    least === undefined ? "" : `from ${write(least)}`,
    most === undefined ? "" : `${filter.below ? "below" : "up to"} ${write(most)}`,
  ];
  return ends.join(" ").trim() || undefined;
}

/** A filter's value as people read it. */
export const filterText = (parameter: string, value: string): string =>
  valuesFilter(parameter)?.values.find((one) => String(one.value) === value)?.label ?? value;
