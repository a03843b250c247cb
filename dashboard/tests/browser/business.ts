/** What the tests choose of the business that the server under test serves. */
import type {
  Advice,
  Customer,
  Field,
  FieldOption,
  Profile,
  RangeFilter,
  Schema,
  ValuesFilter,
} from "../../src/api/types.ts";
import { fieldNamed } from "../../src/state/schema.ts";
import { customer, fromApi, listed, schema } from "./api.ts";

export * from "./api.ts";

/** What was looked for, or an error that says so. */
export function found<T>(what: T | undefined, of: string): T {
  if (what === undefined) throw new Error(`This business has no ${of}.`);
  return what;
}

export const labelOf = (field: Field, value: FieldOption["value"]): string =>
  field.values.find((one) => one.value === value)?.label ?? String(value);

const isValues = (filter: Schema["filters"][number]): filter is ValuesFilter => filter.kind === "values";
const isRange = (filter: Schema["filters"][number]): filter is RangeFilter => filter.kind === "range";

/** A choice that moves up a list and can be filtered by: such as a contract or a plan. */
const ladder = schema.fields.find(
  ({ name, kind, change, values, required }) =>
    kind === "choice" &&
    change === "up" &&
    required &&
    values.length > 2 &&
    schema.filters.filter(isValues).some(({ parameter }) => parameter === name),
);

/** A field with a list of steps that customers move up: the edit and the filter of most tests. */
export const LADDER: {
  readonly field: Field;
  readonly first: FieldOption;
  readonly second: FieldOption;
  readonly last: FieldOption;
} = (() => {
  const field = found(ladder, "choice that moves up a list");
  const [first, second] = field.values;
  return {
    field,
    first: found(first, "first value"),
    second: found(second, "second value"),
    last: found(field.values.at(-1), "last value"),
  };
})();

/** The query that selects those on a step of the ladder. */
export const on = ({ value }: FieldOption): Record<string, string> => ({
  [LADDER.field.name]: String(value),
});

/** The same in the address. */
export const query = (params: Record<string, string>): string => String(new URLSearchParams(params));

/** A whole number with bins and a filter, and two neighbouring bins' ends. */
export const COUNTED: {
  readonly field: Field;
  readonly filter: RangeFilter;
  readonly min: number;
  readonly max: number;
} = (() => {
  const filter = found(
    schema.filters
      .filter(isRange)
      .find(({ field, max }) => max && (fieldNamed(field)?.bins.length ?? 0) > 4 && fieldNamed(field)?.unit),
    "whole number with a filter and a unit",
  );
  const field = found(fieldNamed(filter.field), "field of the filter");
  const [min = Number.NaN, next = Number.NaN] = field.bins.slice(3);
  return { field, filter, min, max: next - 1 };
})();

/** A filter by values with its last value: a stage where there is one. */
export const GROUP: { readonly filter: ValuesFilter; readonly value: string; readonly label: string } =
  (() => {
    const filter = found(
      schema.filters
        .filter(isValues)
        .find(({ parameter }) => parameter === (schema.stages.length > 0 ? "stage" : "risk_level")),
      "filter by stage or risk level",
    );
    const { value, label } = found(filter.values.at(-1), "value of the filter");
    return { filter, value: String(value), label };
  })();

/** A flag with a price that needs a value of a choice, and what the choice takes it away by. */
export const EXTRA: {
  readonly field: Field;
  readonly needed: Field;
  readonly allowed: FieldOption;
  readonly without: FieldOption;
} = (() => {
  const fits = schema.fields.flatMap((field) => {
    const [need, ...others] = field.needs;
    const needed = fieldNamed(need?.field ?? null);
    const isPriced = field.values.some(({ price }) => price);
    if (field.kind !== "flag" || !field.required || !isPriced || !need || others.length > 0) return [];
    if (needed?.kind !== "choice") return [];
    const allowed = needed.values.find(({ value }) => need.values.includes(value));
    const without = needed.values.find(({ value }) => !need.values.includes(value));
    return allowed && without ? [{ field, needed, allowed, without }] : [];
  });
  return found(fits[0], "priced flag that needs a choice");
})();

/** The field of the recurring price. */
export const PRICE: Field = found(fieldNamed(schema.roles.recurring), "recurring price");

/** The highest risk level. */
export const HIGHEST = found(schema.risk.levels.at(-1), "risk level");

/** The first experiment, and the label of its arms' field. */
export const EXPERIMENT = (() => {
  const experiment = found(schema.experiments[0], "experiment");
  return { ...experiment, field: found(fieldNamed(experiment.arm), "arm") };
})();

/** Customers of both statuses. */
export const EVERYBODY = "status=active&status=left";

/** Customers at the top of the list of those on the first step of the ladder, each of another probability. */
export async function someCustomers(): Promise<[Customer, Customer, Customer]> {
  const { items } = await listed({ ...on(LADDER.first), limit: "20" });
  const known = await Promise.all(items.map(({ customer_id }) => customer(customer_id)));
  const chosen: Customer[] = [];
  for (const one of known) {
    const isNew = chosen.every(({ probability }) => Math.abs(probability - one.probability) > 0.002);
    if (isNew) chosen.push(one);
  }
  const [one, two, three] = chosen;
  if (!one || !two || !three) throw new Error("There are too few customers.");
  return [one, two, three];
}

/** A customer at high risk, one in the middle, one at low risk; active or left. */
export async function differentCustomers(): Promise<string[]> {
  const { items } = await listed(`${EVERYBODY}&limit=500`);
  const { items: safest } = await listed(`${EVERYBODY}&limit=1&sort=probability`);
  return [items[0], items[499], safest[0]].map((item) => item?.customer_id ?? "");
}

/** The first customer of a list of whose advice something holds; undefined where there is none. */
export async function advised(
  params: Record<string, string>,
  holds: (advice: Advice) => boolean,
): Promise<{ readonly id: string; readonly advice: Advice } | undefined> {
  const { items } = await listed(params);
  for (const { customer_id: id } of items) {
    const advice = await adviceFor(id);
    if (holds(advice)) return { id, advice };
  }
  return undefined;
}

export const adviceFor = (id: string, query = ""): Promise<Advice> =>
  fromApi(`/v1/nudges/${encodeURIComponent(id)}${query}`);

/** A customer who could have the extra, and has not. */
export async function withoutExtra(): Promise<Customer> {
  const { field, needed, allowed } = EXTRA;
  const { items } = await listed({ [needed.name]: String(allowed.value), limit: "50" });
  const customers = await Promise.all(items.map(({ customer_id }) => customer(customer_id)));
  return found(
    customers.find(({ profile }) => profile[field.name] === false),
    "customer without the extra",
  );
}

/** A CSV file of these profiles, its columns named as in the schema. */
export function csvOf(rows: readonly { readonly id: string; readonly profile: Profile }[]): string {
  const names = schema.fields.map(({ name }) => name);
  const cell = (value: unknown) => {
    const text = String(value ?? "");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [
    [schema.roles.id, ...names].join(","),
    ...rows.map(({ id, profile }) => [id, ...names.map((name) => cell(profile[name]))].join(",")),
  ].join("\n");
}

/** A profile whose required whole number is below its least; and how that field is called in faults. */
export function spoilt(profile: Profile): { readonly profile: Profile; readonly name: string } {
  const field = found(
    schema.fields.find(({ kind, required, least }) => kind === "whole" && required && least === 0),
    "required whole number that is not below zero",
  );
  return { profile: { ...profile, [field.name]: -3 }, name: field.name };
}
