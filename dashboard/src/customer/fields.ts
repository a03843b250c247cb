/** The fields of a profile as the dashboard shows and edits them. */
import type { Profile } from "../api/types.ts";
import { money, plural } from "../format.ts";

export type FieldName = Exclude<keyof Profile, "customer_id">;

interface Described {
  readonly name: FieldName;
  /** As the API labels it in explanations. */
  readonly label: string;
}
export interface ChoiceField extends Described {
  readonly kind: "choice";
  readonly choices: readonly string[];
}
export interface FlagField extends Described {
  readonly kind: "flag";
  /** The line without which this cannot be had. */
  readonly needs?: "internet_service" | "phone_service";
}
export interface NumberField extends Described {
  readonly kind: "number";
  readonly max: number;
  readonly step: number;
  /** The end of the usual range, where a slider is worth having. */
  readonly slider?: number;
  readonly unit: "month" | "day" | "call" | "dollar";
  readonly optional?: true;
}
export type Field = ChoiceField | FlagField | NumberField;

/** The values of `P[Name]` that are text, as a list that the compiler checks against the API's own. */
const choices = <Name extends FieldName>(...values: Extract<Profile[Name], string>[]) => values;

const flag = (name: FieldName, label: string, needs?: FlagField["needs"]): FlagField => ({
  name,
  label,
  kind: "flag",
  ...(needs && { needs }),
});

/** A heading and its fields, in the order in which they are shown. */
export interface Group {
  readonly title: string;
  readonly fields: readonly Field[];
}

export const GROUPS: readonly Group[] = [
  {
    title: "Plan",
    fields: [
      {
        name: "contract",
        label: "Contract",
        kind: "choice",
        choices: choices<"contract">("Month-to-month", "One year", "Two year"),
      },
      {
        name: "payment_method",
        label: "Payment method",
        kind: "choice",
        choices: choices<"payment_method">(
          "Electronic check",
          "Mailed check",
          "Bank transfer (automatic)",
          "Credit card (automatic)",
        ),
      },
      flag("paperless_billing", "Paperless billing"),
      {
        name: "tenure_months",
        label: "Tenure",
        kind: "number",
        max: 600,
        step: 1,
        slider: 72,
        unit: "month",
      },
      {
        name: "monthly_charges",
        label: "Monthly charges",
        kind: "number",
        max: 1_000_000,
        step: 0.05,
        slider: 120,
        unit: "dollar",
      },
      {
        name: "total_charges",
        label: "Total charges",
        kind: "number",
        max: 1_000_000,
        step: 0.05,
        unit: "dollar",
        optional: true,
      },
    ],
  },
  {
    title: "Services",
    fields: [
      flag("phone_service", "Phone service"),
      flag("multiple_lines", "Multiple lines", "phone_service"),
      {
        name: "internet_service",
        label: "Internet service",
        kind: "choice",
        choices: choices<"internet_service">("DSL", "Fiber optic", "No"),
      },
      flag("online_security", "Online security", "internet_service"),
      flag("online_backup", "Online backup", "internet_service"),
      flag("device_protection", "Device protection", "internet_service"),
      flag("tech_support", "Tech support", "internet_service"),
      flag("streaming_tv", "Streaming TV", "internet_service"),
      flag("streaming_movies", "Streaming movies", "internet_service"),
    ],
  },
  {
    title: "Behaviour",
    fields: [
      {
        name: "usage_frequency",
        label: "Active days in the last 30",
        kind: "number",
        max: 30,
        step: 1,
        slider: 30,
        unit: "day",
        optional: true,
      },
      {
        name: "support_calls",
        label: "Support calls in the last 90 days",
        kind: "number",
        max: 1000,
        step: 1,
        slider: 10,
        unit: "call",
        optional: true,
      },
      {
        name: "payment_delay",
        label: "Days the last invoice was late",
        kind: "number",
        max: 365,
        step: 1,
        slider: 30,
        unit: "day",
        optional: true,
      },
    ],
  },
  {
    title: "Person",
    fields: [
      { name: "gender", label: "Gender", kind: "choice", choices: choices<"gender">("Female", "Male") },
      flag("senior_citizen", "Senior citizen"),
      flag("partner", "Partner"),
      flag("dependents", "Dependents"),
      { name: "variant", label: "Variant", kind: "choice", choices: choices<"variant">("A", "B") },
    ],
  },
];

export const FIELDS: readonly Field[] = GROUPS.flatMap((group) => group.fields);

/** Whether the plan has the line that a field needs. */
export function isPossible(field: Field, profile: Profile): boolean {
  if (field.kind !== "flag" || field.needs === undefined) return true;
  return field.needs === "phone_service" ? profile.phone_service : profile.internet_service !== "No";
}

/** A field's value as people read it. */
export function valueText(field: Field, profile: Profile): string {
  const value = profile[field.name];
  if (value === null || value === undefined) return field.name === "total_charges" ? "none yet" : "unknown";
  if (!isPossible(field, profile))
    return field.kind === "flag" && field.needs === "phone_service" ? "no phone" : "no internet";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (field.name === "internet_service" && value === "No") return "none";
  if (field.kind !== "number" || typeof value !== "number") return String(value);
  return field.unit === "dollar" ? money(value) : plural(value, field.unit);
}

/** The plan in one line: `Fiber optic and phone · Month-to-month · $89.10 a month`. */
export function planLine(profile: Profile): string {
  const internet = profile.internet_service === "No" ? null : `${profile.internet_service} internet`;
  const phone = profile.phone_service ? (profile.multiple_lines ? "several phone lines" : "phone") : null;
  const services = [internet, phone].filter((service) => service !== null).join(" and ") || "No service";
  return [
    services.charAt(0).toUpperCase() + services.slice(1),
    profile.contract,
    `${money(profile.monthly_charges)} a month`,
    profile.tenure_months === 0 ? "new customer" : `${plural(profile.tenure_months, "month")} with us`,
  ].join(" · ");
}
