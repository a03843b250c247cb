/**
 * The selection: which customers are looked at. It is one and the same on every place, stands in the address under
 * the API's own filter names, and is what every list, chart and readout is asked for.
 */
import { sentenceCase } from "../format.ts";
import { adjust, type Params, param, view, visit, withParams } from "./view.ts";

/** The API's filters that name one or more values. */
export const FILTERS = {
  risk_level: "Risk",
  persona: "Persona",
  stage: "Stage",
  contract: "Contract",
  internet_service: "Internet",
  payment_method: "Payment",
  variant: "Variant",
  senior_citizen: "Senior citizen",
} as const;
export type FilterName = keyof typeof FILTERS;

const RANGE_ENDS = ["tenure_min", "tenure_max"] as const;

/** The parameters of the address that select customers, ready for the API's query string. */
export function selection(params: Params = view.value.params): Record<string, string[]> {
  const names: string[] = [...Object.keys(FILTERS), ...RANGE_ENDS];
  return Object.fromEntries(
    names.filter((name) => params[name]).map((name) => [name, [...(params[name] ?? [])]]),
  );
}

/** Whether anybody is left out. */
export const isSelective = (): boolean => Object.keys(selection()).length > 0;

/** Selects one more value of a filter, or one less. */
export function toggle(name: FilterName, value: string): void {
  const values = param(name);
  const next = values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
  change({ [name]: next });
}

/** Replaces some of the filters. */
export function change(changes: Params): void {
  visit({ ...view.value, params: withParams(view.value.params, changes) });
}

/** Selects everybody. */
export function clear(): void {
  change(Object.fromEntries([...Object.keys(FILTERS), ...RANGE_ENDS, "q"].map((name) => [name, []])));
}

/** Replaces the text that customer ids must begin with. */
export function search(text: string): void {
  adjust({ ...view.value, params: withParams(view.value.params, { q: text === "" ? [] : [text] }) });
}

/** One condition of the selection as words, and the change that lifts it. */
export interface Condition {
  /** The filter that it belongs to; `tenure` for the two ends of the range. */
  readonly name: FilterName | "tenure";
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
  const [least] = param("tenure_min");
  const [most] = param("tenure_max");
  if (least === undefined && most === undefined) return named;
  const span =
    least === undefined ? `up to ${most}` : most === undefined ? `${least} or more` : `${least}–${most}`;
  return [
    ...named,
    { name: "tenure", text: `Tenure: ${span} months`, without: { tenure_min: [], tenure_max: [] } },
  ];
}

/** A filter's value as people read it. */
export function valueLabel(name: FilterName, value: string): string {
  switch (name) {
    case "risk_level":
    case "stage":
    case "persona":
      return sentenceCase(value);
    case "senior_citizen":
      return value === "true" ? "yes" : "no";
    case "internet_service":
      return value === "No" ? "none" : value;
    default:
      return value;
  }
}
