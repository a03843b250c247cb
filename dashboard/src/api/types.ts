/** Names for the API's shapes, as its OpenAPI document gives them. */
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Profile = Schemas["Profile"];
export type Prediction = Schemas["Prediction"];
export type RiskLevel = Schemas["RiskLevel"];
export type Persona = Schemas["Persona"];
export type Stage = Schemas["Stage"];
/** Whether a customer is still one. */
export type Status = Schemas["Status"];
/** A page of the directory. */
export type DirectoryPage = Schemas["Page"];
/** One customer in the directory. */
export type DirectoryEntry = Schemas["Entry"];
/** All that is known of one customer. */
export type Customer = Schemas["Summary"];
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
/** What each service adds to the monthly charge, in dollars. */
export type PriceList = Schemas["Prices"];
/** What to do about one customer. */
export type Advice = Schemas["Advice"];
export type Nudge = Schemas["Nudge"];
/** The effect of a nudge as an experiment measured it. */
export type Measured = Schemas["Measured"];
export type Recourse = Schemas["Recourse"];
/** Fields of a plan with their new values. */
export type PlanChange = Schemas["AlteredFields"];
/** A plan change that can be tried on a whole cohort. */
export type CohortChange = Schemas["CohortChange"];
/** A selection of customers: counts, distributions, revenue, drivers. */
export type Analytics = Schemas["Analytics"];
/** A selection over one field. */
export type Distribution = Schemas["Distribution"];
/** One bar of a distribution. */
export type Bin = Schemas["BinOutcome"];
/** Customers with how many of them left. */
export type Outcome = Schemas["Outcome"];
/** How a feature's mean contribution differs between the selection and everyone else. */
export type Driver = Schemas["Driver"];
/** A cohort before and after one plan change. */
export type CohortWhatIf = Schemas["WhatIf"];
export type Interval = Schemas["Interval"];
/** The readout of an experiment. */
export type Readout = Schemas["Readout"];
/** The readout of the embedded experiment: with what its arms are offered, CUPED and segments. */
export type SelectionReadout = Schemas["EmbeddedReadout"];
export type ExperimentRequest = Schemas["ExperimentRequest"];
export type SegmentEffect = Schemas["SegmentEffect"];
/** How many users an experiment needs. */
export type ExperimentPlan = Schemas["Plan"];
export type ExperimentPlanRequest = Schemas["PlanRequest"];
