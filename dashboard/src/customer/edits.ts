/**
 * What-if: a customer's profile with some fields changed. The changes stand in the address as `edit.<field>=<value>`;
 * what follows from them, such as the price of a plan with one more service, is worked out here.
 */
import type { PriceList, Profile } from "../api/types.ts";
import type { Params } from "../state/view.ts";
import { FIELDS, type Field, type FieldName } from "./fields.ts";

/** New values for some fields of a profile. */
export type Edits = Readonly<Partial<Profile>>;

const PREFIX = "edit.";
/** How a missing number is written in the address. */
const NOTHING = "";

/** The edits that stand in the address; what fits no field is left out. */
export function editsFrom(params: Params): Edits {
  const edits: [FieldName, unknown][] = [];
  for (const field of FIELDS) {
    const text = params[PREFIX + field.name]?.[0];
    const value = text === undefined ? undefined : parse(field, text);
    if (value !== undefined) edits.push([field.name, value]);
  }
  return Object.fromEntries(edits);
}

/** The parameters with exactly these edits in them. */
export function paramsWith(params: Params, edits: Edits): Params {
  const others = Object.entries(params).filter(([name]) => !name.startsWith(PREFIX));
  const written = Object.entries(edits).map(([name, value]) => [
    PREFIX + name,
    [value === null ? NOTHING : String(value)],
  ]);
  return Object.fromEntries([...others, ...written]);
}

function parse(field: Field, text: string): unknown {
  switch (field.kind) {
    case "choice":
      return field.choices.includes(text) ? text : undefined;
    case "flag":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "number": {
      if (text === NOTHING) return field.optional ? null : undefined;
      const value = Number(text);
      return Number.isFinite(value) && value >= 0 && value <= field.max ? value : undefined;
    }
  }
}

/** The edits that change something: without those that give a field the value it already has. */
export function changing(actual: Profile, edits: Edits): Edits {
  const kept = Object.entries(edits).filter(([name, value]) => value !== (actual[name as FieldName] ?? null));
  return Object.fromEntries(kept);
}

/**
 * The profile after the edits. What a plan cannot have goes with the line that it needs; charges that were not edited
 * themselves follow the price list and the tenure.
 */
export function edited(actual: Profile, edits: Edits, prices: PriceList | undefined): Profile {
  const profile: Profile = { ...actual, ...edits };
  for (const field of FIELDS) {
    if (field.kind !== "flag" || field.needs === undefined) continue;
    const possible =
      field.needs === "phone_service" ? profile.phone_service : profile.internet_service !== "No";
    if (!possible) Object.assign(profile, { [field.name]: false });
  }
  if (prices && edits.monthly_charges === undefined) {
    const difference = listPrice(prices, profile) - listPrice(prices, actual);
    if (difference !== 0) profile.monthly_charges = Math.max(0, actual.monthly_charges + difference);
  }
  if (edits.total_charges === undefined) profile.total_charges = totalCharges(actual, profile);
  return profile;
}

/** What the price list asks for a plan, in dollars a month. */
export function listPrice(prices: PriceList, plan: Profile): number {
  const addOns = FIELDS.filter((field) => field.kind === "flag" && field.needs && plan[field.name] === true);
  return (
    (plan.phone_service ? prices.phone_service : 0) +
    (plan.internet_service === "No" ? 0 : (prices.internet_service[plan.internet_service] ?? 0)) +
    addOns.reduce((sum, field) => sum + Number(prices[field.name as keyof PriceList] ?? 0), 0)
  );
}

/** The total moves with price and tenure, as if the customer had had the plan from the start. */
function totalCharges(actual: Profile, plan: Profile): number | null {
  if (plan.tenure_months === actual.tenure_months && plan.monthly_charges === actual.monthly_charges) {
    return actual.total_charges ?? null;
  }
  if (plan.tenure_months === 0) return null;
  const before = actual.tenure_months * actual.monthly_charges;
  const after = plan.tenure_months * plan.monthly_charges;
  return Math.max(0, (actual.total_charges ?? before) + after - before);
}

/** The fields in which two profiles differ. */
export function differences(actual: Profile, plan: Profile): ReadonlySet<FieldName> {
  const differing = FIELDS.filter(({ name }) => (actual[name] ?? null) !== (plan[name] ?? null));
  return new Set(differing.map(({ name }) => name));
}
