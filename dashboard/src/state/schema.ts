/**
 * The schema of the business: every label, value, unit, filter, threshold and price on the pages comes from it. It is
 * loaded before the first page, and again when the server's workspace changes; the browser caches it and revalidates it by
 * its `etag`.
 */
import { signal } from "@preact/signals";
import { fetchSchema } from "../api/requests.ts";
import type { Field, Schema } from "../api/types.ts";
import { date, follow } from "../format.ts";

const current = signal<Schema | undefined>(undefined);

/** The schema. No page is drawn before it is there. */
export function schema(): Schema {
  if (!current.value) throw new Error("The schema has not been loaded.");
  return current.value;
}

/** Whether the schema is there. */
export const hasSchema = (): boolean => current.value !== undefined;

/** The version of the workspace that the pages follow; answers of another one are not shown. */
export const workspaceVersion = (): string => current.value?.versions.workspace ?? "";

/** Makes a schema the one that all pages follow. */
export function setSchema(next: Schema): void {
  follow(next);
  current.value = next;
}

export async function loadSchema(_: "schema", signal: AbortSignal): Promise<Schema> {
  const loaded = await fetchSchema(signal);
  setSchema(loaded);
  return loaded;
}

/** The field of a name, undefined where no field has it. */
export const fieldNamed = (name: string | null): Field | undefined =>
  schema().fields.find((field) => field.name === name);

/** Whether a field holds the arm of an experiment. */
export const isArm = (name: string): boolean => schema().experiments.some(({ arm }) => arm === name);

/** The fields in the rows of the directory, without the arms of experiments. */
export const listedFields = (): Field[] =>
  schema().list.flatMap((name) => (isArm(name) ? [] : (fieldNamed(name) ?? [])));

/** Whether a customer left; null where that is not known or the business has no outcome. */
export function hasLeft(customer: Readonly<Record<string, unknown>>): boolean | null {
  const { outcome } = schema().roles;
  const left = outcome === null ? null : customer[outcome];
  return typeof left === "boolean" ? left : null;
}

/** The price change of a nudge or a recourse; null in a business without a recurring price. */
export function priceChange(advice: Readonly<Record<string, unknown>>): number | null {
  const { recurring_change } = schema().roles;
  const change = recurring_change === null ? null : advice[recurring_change];
  return typeof change === "number" ? change : null;
}

/** Whether the business has a recurring price, and so revenue. */
export const hasRevenue = (): boolean => schema().roles.recurring !== null;

/**
 * The period of the recurring price, such as `a month`, from the words of that field; empty where they do not end with one.
 */
export const period = (): string =>
  /^\{value\} ((?:an?|per|each|every) .+)$/.exec(fieldNamed(schema().roles.recurring)?.words ?? "")?.[1] ??
  "";

/** What customers pay in a period, and how much of that is at risk. */
export interface Revenue {
  readonly total: number;
  readonly atRisk: number;
}

/** The revenue in an answer; undefined in a business without a recurring price. */
export function revenueOf(answer: {
  readonly monthly_revenue?: number;
  readonly revenue_at_risk?: number;
}): Revenue | undefined {
  const { monthly_revenue: total, revenue_at_risk: atRisk } = answer;
  return hasRevenue() && total !== undefined && atRisk !== undefined ? { total, atRisk } : undefined;
}

/** Whether the business knows which customers left, and so its churn rate. */
export const hasOutcome = (): boolean => schema().roles.outcome !== null;

export const personaLabel = (name: string): string =>
  schema().personas.find((one) => one.name === name)?.label ?? name;

export const stageLabel = (name: string): string =>
  schema().stages.find((one) => one.name === name)?.label ?? name;

export const levelLabel = (name: string): string =>
  schema().risk.levels.find((one) => one.name === name)?.label ?? name;

/** The name of the risk level of a probability. */
export const levelAt = (probability: number): string | undefined =>
  // A former probability is a difference of two, which may miss the level's beginning by a rounding error.
  schema().risk.levels.findLast(({ from }) => from <= probability + 1e-9)?.name;

/** The date of the data that answers say what changed since; undefined where there are none. */
export const previousDate = (): string | undefined => {
  const { previous } = schema();
  return previous && date(previous.as_of);
};

/** A risk level's place among all of them, from 0 for the lowest to 1 for the highest. */
export function levelPlace(name: string): number {
  const { levels } = schema().risk;
  const index = levels.findIndex((one) => one.name === name);
  return levels.length > 1 ? Math.max(0, index) / (levels.length - 1) : 0;
}
