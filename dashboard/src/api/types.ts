/** Names for the API's shapes, as its OpenAPI document gives them. */
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Profile = Schemas["Profile"];
export type Prediction = Schemas["CustomerPrediction"];
export type RiskLevel = Schemas["RiskLevel"];
export type Persona = Schemas["Persona"];
export type Stage = Schemas["Stage"];
/** A page of the directory. */
export type DirectoryPage = Schemas["Page"];
/** One customer in the directory. */
export type DirectoryEntry = Schemas["Entry"];
/** All that is known of one customer. */
export type Customer = Schemas["Summary"];
