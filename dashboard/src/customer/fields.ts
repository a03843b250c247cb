/** The fields of a profile as the dashboard shows and edits them, as the schema describes them. */
import type { FeatureValue, Field, FieldOption, Profile, Value } from "../api/types.ts";
import { currencySign, fraction, money, plural, sentenceCase } from "../format.ts";
import { fieldNamed, listedFields, schema } from "../state/schema.ts";

/** A heading and its fields, in the order in which they are shown. */
export interface Group {
  readonly title: string;
  readonly fields: readonly Field[];
}

/** All fields by what they are about; first what can be changed for a customer. */
export function groups(): Group[] {
  const { fields } = schema();
  const isFixed = (group: Group) => group.fields.every(({ change }) => change === "never");
  return [...new Set(fields.map(({ about }) => about))]
    .map((about) => ({
      title: sentenceCase(about),
      fields: fields.filter((field) => field.about === about),
    }))
    .sort((one, other) => Number(isFixed(one)) - Number(isFixed(other)));
}

/** Whether a profile has what a field needs in order to be more than its first value. */
export function isPossible(field: Field, profile: Profile): boolean {
  return field.needs.every(({ field: name, values }) => {
    const needed = schema().fields.find((one) => one.name === name);
    const value = profile[name] ?? null;
    return values.includes(value) && (needed === undefined || isPossible(needed, profile));
  });
}

/** A number with its currency or unit. */
export function numberText({ kind, unit }: Pick<Field, "kind" | "unit">, value: number): string {
  if (kind === "money") return money(value);
  if (unit !== null && Number.isInteger(value)) return plural(value, unit);
  const text = fraction(value);
  return unit === null ? text : `${text}\u00a0${unit}s`;
}

/** The currency or the unit of a number on its own; undefined where it has none. */
export function unitText({ kind, unit }: Pick<Field, "kind" | "unit">): string | undefined {
  if (kind === "money") return currencySign();
  return unit === null ? undefined : `${unit}s`;
}

const optionOf = (field: Field, value: Value): FieldOption | undefined =>
  field.values.find((one) => one.value === value);

/** A value of a field as people read it. */
export function valueText(field: Field, value: Value | undefined): string {
  if (value === null || value === undefined) return field.unknown;
  if (typeof value === "number") return numberText(field, value);
  return optionOf(field, value)?.label ?? String(value);
}

/** What the API calls a missing value of a flag or choice in an explanation. */
const UNKNOWN = "unknown";

/** A feature's value as people read it. Explanations name values as files do. */
export function featureText(feature: string, value: FeatureValue): string {
  const field = fieldNamed(feature);
  if (field === undefined) return String(value ?? UNKNOWN);
  if (typeof value === "number") return numberText(field, value);
  const option = field.values.find((one) => one.value === value || isYesOrNo(one, value));
  return option?.label ?? (value === null || value === UNKNOWN ? field.unknown : value);
}

/** Whether a value of a flag is what an explanation calls `yes` or `no`. */
const isYesOrNo = ({ value }: FieldOption, name: FeatureValue): boolean =>
  typeof value === "boolean" && name === (value ? "yes" : "no");

/** All values of a feature that is no number, as people read them, in the order of the schema. */
export function featureOrder(feature: string): string[] {
  const field = fieldNamed(feature);
  if (field === undefined) return [];
  const without = field.without === null ? [] : [field.without.label];
  return [...field.values.map(({ label }) => label), ...without, field.unknown];
}

/** A profile's value of a field as people read it. */
export function textIn(field: Field, profile: Profile): string {
  if (!isPossible(field, profile) && field.without !== null) return field.without.label;
  return valueText(field, profile[field.name]);
}

/** A value of a field within a sentence. */
export function wordsFor(field: Field, value: Value | undefined): string {
  if (value === null || value === undefined) return `${field.label}: ${field.unknown}`;
  if (typeof value !== "number") {
    const option = optionOf(field, value);
    return option?.words ?? `${field.label}: ${option?.label ?? value}`;
  }
  if (field.words === null) return numberText(field, value);
  const unit = field.unit === null ? "" : value === 1 ? field.unit : `${field.unit}s`;
  return field.words
    .replace("{value}", field.kind === "money" ? money(value) : fraction(value))
    .replace("{unit}", unit);
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A value where no heading says of which field it is: a bare number, or yes and no, name theirs. */
export function listText(field: Field, value: Value | undefined): string {
  if (typeof value === "boolean") return capitalised(wordsFor(field, value));
  const text = valueText(field, value);
  const isBare =
    typeof value === "number" ? field.kind !== "money" && field.unit === null : /^[\d.,]+$/.test(text);
  return isBare ? `${field.label} ${text}` : text;
}

/** The customer in one line: the fields that the directory lists, in words. */
export function summaryLine(profile: Profile): string {
  const line = listedFields()
    .map((field) => wordsFor(field, profile[field.name]))
    .join(" · ");
  return capitalised(line);
}

/** Where a slider begins and ends: a little beyond the bins, within the field's range. Undefined for a field without bins. */
export function sliderRange({ kind, bins, least, most }: Field): readonly [number, number] | undefined {
  const [first] = bins;
  const last = bins.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const margin = (last - first) * 0.2;
  const [start, end] =
    kind === "number"
      ? [first - margin, last + margin]
      : [first - Math.ceil(margin), last + Math.ceil(margin)];
  return [Math.max(least ?? start, start), Math.min(most ?? end, end)];
}
