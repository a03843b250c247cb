/** What stays of a view when another schema takes the place of the one that it was made by. */
import type { Schema } from "../api/types.ts";
import { PREFIX, parseValue } from "../customer/edits.ts";
import { parametersOf } from "./selection.ts";
import { adjust, type Params, view, withParams } from "./view.ts";

/**
 * Takes out of the view what the new schema does not have: filters, values of filters, sorts, and edits. What the former one
 * did not have either is left for the server to refuse.
 */
export function keepPossible(former: Schema, next: Schema): void {
  const kept = possible(view.value.params, former, next);
  if (Object.keys(kept).length > 0) adjust({ ...view.value, params: withParams(view.value.params, kept) });
}

/** The parameters that change, with what stays of each. */
export function possible(params: Params, former: Schema, next: Schema): Params {
  const kept: Record<string, readonly string[]> = {};
  for (const name of former.filters.flatMap(parametersOf)) {
    const filter = next.filters.find((one) => parametersOf(one).includes(name));
    const values = params[name];
    if (values === undefined || filter?.kind === "range") continue;
    kept[name] = values.filter((value) => filter?.values.some((one) => String(one.value) === value));
  }
  const sort = params.sort?.[0];
  if (sort !== undefined && !next.sorts.includes(sort.replace(/^-/, ""))) kept.sort = [];
  for (const [name, [text = ""] = []] of Object.entries(params)) {
    if (!name.startsWith(PREFIX)) continue;
    const field = next.fields.find((one) => PREFIX + one.name === name);
    if (field === undefined || parseValue(field, text) === undefined) kept[name] = [];
  }
  return kept;
}
