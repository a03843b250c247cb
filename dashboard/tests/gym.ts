/** The schema of a made-up gym, for tests of what must hold for any business. */
import type { Field, Profile, Schema } from "../src/api/types.ts";

const FIELD: Omit<Field, "name" | "label" | "kind"> = {
  about: "membership",
  help: null,
  unit: null,
  required: true,
  model: true,
  least: null,
  most: null,
  values: [],
  words: null,
  unknown: "unknown",
  needs: [],
  without: null,
  change: "never",
  bins: [],
};

const NO_YES = (no: string, yes: string, price: number | null = null): Field["values"] => [
  { value: false, label: "No", words: no, price: null },
  { value: true, label: "Yes", words: yes, price },
];

export const GYM: Schema = {
  versions: { workspace: "0000beef" },
  title: "Kraftwerk gyms",
  currency: "EUR",
  note: "The members are made up.",
  roles: {
    id: "member",
    outcome: "quit",
    tenure: "weeks",
    recurring: "fee",
    recurring_change: "fee_change",
    lifetime: null,
  },
  risk: {
    will_churn: 0.4,
    base_rate: 0.2,
    levels: [
      { name: "calm", label: "Calm", from: 0 },
      { name: "watch", label: "Watch", from: 0.2 },
      { name: "worry", label: "Worry", from: 0.4 },
      { name: "alarm", label: "Alarm", from: 0.7 },
      { name: "lost", label: "Nearly lost", from: 0.9 },
    ],
  },
  fields: [
    {
      ...FIELD,
      name: "town",
      label: "Town",
      kind: "choice",
      about: "member",
      values: choices("Ulm", "Kiel"),
    },
    {
      ...FIELD,
      name: "tier",
      label: "Tier",
      kind: "choice",
      values: [
        { value: "Basic", label: "Basic", words: "basic tier", price: 20 },
        { value: "Plus", label: "Plus", words: "plus tier", price: 30 },
      ],
      change: "up",
    },
    {
      ...FIELD,
      name: "sauna",
      label: "Sauna",
      kind: "flag",
      values: NO_YES("no sauna", "with sauna", 8),
      needs: [{ field: "tier", values: ["Plus"] }],
      without: { label: "Not in this tier", words: "no sauna in this tier" },
      change: "any",
    },
    {
      ...FIELD,
      name: "towels",
      label: "Towels",
      kind: "flag",
      values: NO_YES("own towels", "with towels", 2),
      needs: [{ field: "sauna", values: [true] }],
      change: "any",
    },
    {
      ...FIELD,
      name: "weeks",
      label: "Weeks",
      kind: "whole",
      unit: "week",
      least: 0,
      most: 1000,
      words: "a member for {value} {unit}",
      bins: [0, 10, 50],
    },
    {
      ...FIELD,
      name: "fee",
      label: "Fee",
      kind: "money",
      least: -100,
      words: "{value} a week",
      bins: [0, 20, 40],
    },
    {
      ...FIELD,
      name: "pulse",
      label: "Resting pulse",
      kind: "number",
      about: "health",
      unit: "beat",
      required: false,
      unknown: "not measured",
    },
    {
      ...FIELD,
      name: "coach",
      label: "Coach",
      kind: "flag",
      about: "trial",
      required: false,
      values: NO_YES("no coach", "with a coach"),
    },
  ],
  list: ["coach", "tier", "weeks", "fee"],
  sorts: ["probability", "weeks", "fee", "customer_id", "quit", "tier"],
  filters: [
    {
      kind: "values",
      parameter: "status",
      label: "Status",
      values: [
        { value: "active", label: "Active" },
        { value: "left", label: "Left" },
      ],
    },
    {
      kind: "values",
      parameter: "sauna",
      label: "Sauna",
      values: [
        { value: false, label: "No" },
        { value: true, label: "Yes" },
      ],
    },
    { kind: "range", field: "weeks", label: "Weeks", min: "weeks_min", max: "weeks_max" },
    { kind: "range", field: "fee", label: "Fee", min: "fee_min", below: "fee_below" },
  ],
  personas: [],
  stages: [],
  experiments: [
    {
      name: "coaching",
      arm: "coach",
      control: { arm: "false", offer: "no coach" },
      treatments: [{ arm: "true", offer: "a coach" }],
    },
  ],
};

function choices(...values: string[]): Field["values"] {
  return values.map((value) => ({ value, label: value, words: null, price: null }));
}

export const MEMBER: Profile = {
  town: "Ulm",
  tier: "Plus",
  sauna: true,
  towels: true,
  weeks: 1,
  fee: 40,
  pulse: null,
  coach: true,
};
