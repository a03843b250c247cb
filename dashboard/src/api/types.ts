/**
 * Names for the API's shapes. Those that every business shares come from its OpenAPI document. That document lists the
 * fields of one business, so a shape with such fields is a record here, described by the schema.
 */
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

/** A field's value; null if unknown. */
export type Value = string | number | boolean | null;
/** A customer: a value for each field. */
export type Profile = Readonly<Record<string, Value>>;
/** New values for some fields of a profile. */
export type Change = Readonly<Record<string, Value>>;

/** A value that a field may have. */
export interface FieldOption {
  /** Text for a choice, a truth value for a flag. */
  readonly value: string | boolean;
  readonly label: string;
  /** The value within a sentence. */
  readonly words: string | null;
  /** What it adds to the recurring price. */
  readonly price: number | null;
}

/** A condition on another field; while it does not hold, a field has its first value. */
export interface Need {
  readonly field: string;
  readonly values: readonly Value[];
}

/** A field of the profile. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly kind: "flag" | "choice" | "whole" | "number" | "money";
  /** The group of fields that it belongs to. */
  readonly about: string;
  readonly help: string | null;
  readonly unit: string | null;
  readonly required: boolean;
  /** Whether the model sees it. */
  readonly model: boolean;
  /** The ends of a number's range; null where it has none. */
  readonly least: number | null;
  readonly most: number | null;
  /** The values of a flag or a choice; empty for numbers. */
  readonly values: readonly FieldOption[];
  /** A number within a sentence, with `{value}` and `{unit}` in their places. */
  readonly words: string | null;
  /** The words for a missing value. */
  readonly unknown: string;
  readonly needs: readonly Need[];
  /** The words for the field while its needs do not hold. */
  readonly without: { readonly label: string; readonly words: string } | null;
  /** Whether it may change: never, to any value, only further down the list, or only for whole groups. */
  readonly change: "never" | "any" | "up" | "cohort";
  /** Where the bins of a number begin. */
  readonly bins: readonly number[];
}

/** A filter that selects by one or more values. */
export interface ValuesFilter {
  readonly kind: "values";
  readonly parameter: string;
  readonly label: string;
  readonly values: readonly { readonly value: string | boolean; readonly label: string }[];
}

/** A filter that selects by the ends of a range: up to `max`, or below `below`. */
export interface RangeFilter {
  readonly kind: "range";
  readonly field: string;
  readonly label: string;
  readonly min: string;
  readonly max?: string | null;
  readonly below?: string | null;
}

export type Filter = ValuesFilter | RangeFilter;

/** A risk level; it begins at a probability. */
export interface RiskLevel {
  readonly name: string;
  readonly label: string;
  readonly from: number;
}

interface Arm {
  readonly arm: string;
  readonly offer: string;
}

export interface Experiment {
  readonly name: string;
  /** The field that holds a customer's arm. */
  readonly arm: string;
  readonly control: Arm;
  readonly treatments: readonly Arm[];
}

/** The business as data: what `/v1/schema` says. */
export interface Schema {
  /** Which workspace this is of. */
  readonly versions: { readonly workspace: string };
  readonly title: string;
  /** The data that answers say what changed since, by their date, `YYYY-MM-DD`; absent where there are none. */
  readonly previous?: { readonly as_of: string };
  /** ISO 4217. */
  readonly currency: string;
  /** The line that every page carries. */
  readonly note: string;
  /** The key of each role; null if the business has none. */
  readonly roles: {
    /** The column of the id in files; in JSON it is always `customer_id`. */
    readonly id: string;
    readonly outcome: string | null;
    readonly tenure: string | null;
    readonly recurring: string | null;
    readonly recurring_change: string | null;
    readonly lifetime: string | null;
  };
  readonly risk: {
    /** The probability from which on a customer is expected to leave. */
    readonly will_churn: number;
    readonly base_rate: number;
    /** From the lowest to the highest. */
    readonly levels: readonly RiskLevel[];
  };
  readonly fields: readonly Field[];
  /** The fields in the rows of the directory. */
  readonly list: readonly string[];
  readonly sorts: readonly string[];
  readonly filters: readonly Filter[];
  readonly personas: readonly { readonly name: string; readonly label: string }[];
  readonly stages: readonly { readonly name: string; readonly label: string }[];
  readonly experiments: readonly Experiment[];
}

export type Prediction = Omit<Schemas["Prediction"], "risk_level"> & { readonly risk_level: string };
/** Whether a customer is still one. */
export type Status = Schemas["Status"];

/** What changed about a customer's risk since the previous data; answers have it where there are such. */
export interface RiskChange {
  /** Probability minus former probability; null for a new customer. */
  readonly change: number | null;
  /** Where the risk level moved; null where it is the same. */
  readonly moved: "up" | "down" | "new" | null;
  /** Whether another model gave the former probability. */
  readonly model_changed: boolean;
}

/** One customer in the directory, with the fields that the schema lists. */
export interface DirectoryEntry extends Partial<RiskChange> {
  readonly customer_id: string;
  readonly probability: number;
  readonly risk_level: string;
  readonly status: Status;
  readonly persona?: string | null;
  readonly stage?: string | null;
  readonly [key: string]: Value | undefined;
}

/** A page of the directory. */
export interface DirectoryPage {
  readonly items: readonly DirectoryEntry[];
  readonly total: number;
  readonly next_cursor: string | null;
}

/** One customer in full. The outcome is under the name of its role. */
export type Customer = Prediction & {
  readonly customer_id: string;
  readonly at_risk: boolean;
  readonly status: Status;
  readonly persona?: Schemas["PersonaCard"] | null;
  readonly stage?: string | null;
  readonly profile: Profile;
} & Partial<RiskChange> &
  Readonly<Record<string, unknown>>;

/** How the features add up to a prediction. */
export type Explanation = Schemas["Explanation"];
/** One feature's share in a prediction, in log-odds. */
export type Contribution = Schemas["Contribution"];
/** What drives the predictions of many customers. */
export type GlobalExplanation = Schemas["GlobalExplanation"];
/** One feature over many customers. */
export type FeatureImportance = Schemas["FeatureImportance"];
/** How many customers have a value of a feature. */
export type ValueCount = Schemas["ValueCount"];
/** A feature's value: a number where the feature is one, else as a person reads it. */
export type FeatureValue = Schemas["FeatureValue"];
/** Model card and evaluation. */
export type Quality = Schemas["Quality"];
export type Evaluation = Schemas["Evaluation"];

/** An action for a customer. Its price change is under the name of that role. */
export type Nudge = Pick<
  Schemas["Nudge"],
  "id" | "title" | "message" | "reasons" | "measured" | "projected_probability"
> & {
  readonly category: string;
  readonly change: Change | null;
} & Readonly<Record<string, unknown>>;
/** The smallest change that brings the risk under a target. Its price change is under the name of that role. */
export type Recourse = Pick<Schemas["Recourse"], "projected_probability" | "reachable" | "steps"> & {
  readonly changes: Change;
} & Readonly<Record<string, unknown>>;
/** What to do about one customer. */
export interface Advice {
  readonly probability: number;
  readonly nudges: readonly Nudge[];
  readonly recourse: Recourse;
  readonly note: string;
}
/** The effect of a nudge as an experiment measured it. */
export type Measured = Schemas["Measured"];

/** What is expected of a campaign, with its interval. */
export type Expected = Schemas["Expected"];
/** A customer on a campaign's list. What the customer pays is under the name of that role. */
export type CampaignRow = Pick<
  Schemas["CampaignRow"],
  "customer_id" | "arm" | "probability" | "title" | "effect" | "effect_kind" | "expected_value"
> &
  Readonly<Record<string, unknown>>;
/** The first customers of a campaign's list, and what all of it comes to. */
export type CampaignPage = Omit<Schemas["CampaignPage"], "items"> & {
  readonly items: readonly CampaignRow[];
};
/** What became of a campaign's customers. */
export type CampaignReadout = Schemas["CampaignReadout"];
export type NudgeEffect = Schemas["NudgeEffect"];

/** A customer after a change: profile, prediction, explanation and advice. */
export interface WhatIf {
  /** The profile after the change and what follows from it. */
  readonly profile: Profile;
  /** Every field in which it differs from the one before. */
  readonly change: Change;
  readonly prediction: Prediction;
  readonly explanation: Explanation;
  readonly nudges: readonly Nudge[];
  readonly recourse: Recourse;
  readonly note: string;
}

/** A selection of customers: counts, distributions, revenue, drivers. */
export type Analytics = Schemas["Analytics"];
/** A customer whose probability changed since the previous data. */
export type Mover = Omit<Schemas["Mover"], "former_risk_level" | "risk_level"> & {
  readonly former_risk_level: string;
  readonly risk_level: string;
};
/** What changed for a selection since the previous data. */
export type Changes = Omit<Schemas["Changes"], "risk_levels" | "risen" | "fallen"> & {
  readonly risk_levels: readonly string[];
  readonly risen: readonly Mover[];
};
/** A customer of the previous data who is gone. */
export interface GoneCustomer {
  readonly customer_id: string;
  readonly former_probability: number;
  readonly former_risk_level: string;
  readonly former_status: Status;
}
/** A selection over one field. */
export type Distribution = Schemas["Distribution"];
/** One bar of a distribution. */
export type Bin = Schemas["BinOutcome"];
/** Customers with how many of them left. */
export type Outcome = Schemas["Outcome"];
/** How a feature's mean contribution differs between the selection and everyone else. */
export type Driver = Schemas["Driver"];
export type ExpectedFigure = Schemas["ExpectedFigure"];
/** A cohort before and after one change. */
export type CohortWhatIf = Schemas["WhatIf"];
export type Interval = Schemas["Interval"];
/** The readout of an experiment. */
export type Readout = Schemas["Readout"];
/** The readout of the business's experiment: with what its arms are offered, CUPED and segments. */
export type SelectionReadout = Schemas["EmbeddedReadout"];
/** Whom to treat, by an experiment. */
export type Policy = Schemas["Policy"];
/** What treating the first of a ranking is worth, by the share treated. */
export type PolicyCurve = Schemas["Curve"];
export type ExperimentRequest = Schemas["ExperimentRequest"];
export type SegmentEffect = Schemas["SegmentEffect"];
export type DimensionEffect = Schemas["DimensionEffect"];
/** How many users an experiment needs. */
export type ExperimentPlan = Schemas["Plan"];
export type ExperimentPlanRequest = Schemas["PlanRequest"];
