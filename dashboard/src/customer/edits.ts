/**
 * What-if: a customer's profile with some fields changed. The changes are in the address as `edit.<field>=<value>`; their
 * consequences, such as a new price, come from the API.
 */
import type { Change, Field, Profile, Value } from "../api/types.ts";
import { schema } from "../state/schema.ts";
import type { Params } from "../state/view.ts";
import { isPossible } from "./fields.ts";

/** What the names of edits begin with in the address. */
export const PREFIX = "edit.";
/** How a missing value is written in the address. */
const MISSING = "";

/** The edits in the address, without those that fit no field. */
export function editsFrom(params: Params): Change {
  const edits: [string, Value][] = [];
  for (const field of schema().fields) {
    const text = params[PREFIX + field.name]?.[0];
    const value = text === undefined ? undefined : parseValue(field, text);
    if (value !== undefined) edits.push([field.name, value]);
  }
  return Object.fromEntries(edits);
}

/** The parameters with exactly these edits in them. */
export function paramsWith(params: Params, edits: Change): Params {
  const others = Object.entries(params).filter(([name]) => !name.startsWith(PREFIX));
  const written = Object.entries(edits).map(([name, value]) => [
    PREFIX + name,
    [value === null ? MISSING : String(value)],
  ]);
  return Object.fromEntries([...others, ...written]);
}

/** Parses a value of a field; undefined if the text is none. */
export function parseValue(field: Field, text: string): Value | undefined {
  if (text === MISSING) return field.required ? undefined : null;
  if (field.kind === "flag" || field.kind === "choice")
    return field.values.find(({ value }) => String(value) === text)?.value;
  const value = Number(text);
  const { least, most } = field;
  const isWithin =
    value >= (least ?? Number.NEGATIVE_INFINITY) && value <= (most ?? Number.POSITIVE_INFINITY);
  const isWhole = field.kind !== "whole" || Number.isInteger(value);
  return Number.isFinite(value) && isWithin && isWhole ? value : undefined;
}

/**
 * The edits that make a difference: without those that give a field the value it already has, and without those of a field
 * whose needs do not hold.
 */
export function changing(actual: Profile, edits: Change): Change {
  const plan = { ...actual, ...edits };
  const kept = schema().fields.filter(
    (field) =>
      field.name in edits &&
      (edits[field.name] ?? null) !== (actual[field.name] ?? null) &&
      (isPossible(field, plan) || edits[field.name] === first(field)),
  );
  return Object.fromEntries(kept.map(({ name }) => [name, edits[name] ?? null]));
}

/** The value that has no needs. */
const first = ({ values }: Field): Value | undefined => values[0]?.value;

/** The fields in which two profiles differ. */
export function differences(actual: Profile, plan: Profile): ReadonlySet<string> {
  const differing = schema().fields.filter(({ name }) => (actual[name] ?? null) !== (plan[name] ?? null));
  return new Set(differing.map(({ name }) => name));
}
