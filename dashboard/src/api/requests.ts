/** The API's routes as functions. */
import { answer, answerText, api, Problem } from "./client.ts";
import type {
  Advice,
  Analytics,
  CohortChange,
  CohortWhatIf,
  Customer,
  DirectoryPage,
  ExperimentPlan,
  ExperimentPlanRequest,
  ExperimentRequest,
  Explanation,
  GlobalExplanation,
  Prediction,
  Profile,
  Quality,
  Readout,
  SelectionReadout,
} from "./types.ts";

/** Filters and paging as they stand in the address; the server says what it does not understand. */
export type Query = Readonly<Record<string, readonly string[]>>;

export const fetchDirectory = (query: Query, signal: AbortSignal): Promise<DirectoryPage> =>
  answer(api.GET("/v1/summary", { params: { query }, signal }));

export const fetchCustomer = (customer_id: string, signal: AbortSignal): Promise<Customer> =>
  answer(api.GET("/v1/summary/{customer_id}", { params: { path: { customer_id } }, signal }));

/** The document says one prediction or many, JSON or CSV; one profile sent as JSON is answered by one as JSON. */
export const predict = (profile: Profile, signal: AbortSignal): Promise<Prediction> =>
  answer(api.POST("/v1/predict", { body: profile, signal })) as Promise<Prediction>;

export const explain = (profile: Profile, signal: AbortSignal): Promise<Explanation> =>
  answer(api.POST("/v1/explain", { body: profile, signal }));

export const explainCustomer = (customer_id: string, signal: AbortSignal): Promise<Explanation> =>
  answer(api.GET("/v1/explain/{customer_id}", { params: { path: { customer_id } }, signal }));

/** Explains the selection; every feature comes with the same `max_points` customers at most. */
export const explainAll = (
  query: Query,
  max_points: number,
  signal: AbortSignal,
): Promise<GlobalExplanation> =>
  answer(api.GET("/v1/explain", { params: { query: { ...query, max_points } }, signal }));

export const fetchQuality = (signal: AbortSignal): Promise<Quality> =>
  answer(api.GET("/v1/explain/model", { signal }));

/** Advice for a profile; `rotate` counts up to the next wording of the messages, `target` is the risk to come under. */
export const advise = (
  profile: Profile,
  query: { rotate: number; target: number },
  signal: AbortSignal,
): Promise<Advice> => answer(api.POST("/v1/nudges", { body: profile, params: { query }, signal }));

/** What a person can have done with a customer's nudges or report. */
export type DeedKind = "applied" | "rotated" | "exported" | "sent" | "accepted" | "declined";

/** Notes in the usage log what a person did. */
export async function noteDeed(customer_id: string, kind: DeedKind, nudge_id: string | null): Promise<void> {
  const { error, response } = await api.POST("/v1/summary/{customer_id}/events", {
    params: { path: { customer_id } },
    body: { kind, nudge_id },
  });
  if (!response.ok) throw Problem.fromBody(error, response.status);
}

/** The customer's report, as text that a person would forward. */
export const fetchReport = (customer_id: string): Promise<string> =>
  answerText(
    api.GET("/v1/summary/{customer_id}", {
      params: { path: { customer_id } },
      headers: { accept: "text/plain" },
      parseAs: "text",
    }),
  );

/** All customers of a query as CSV. */
export const fetchDirectoryCsv = (query: Query): Promise<string> =>
  answerText(api.GET("/v1/summary", { params: { query }, headers: { accept: "text/csv" }, parseAs: "text" }));

/** Scores a CSV with Telco's header; the same rows come back with probability and risk level. */
export const predictCsv = (csv: string, signal: AbortSignal): Promise<string> =>
  answerText(
    api.POST("/v1/predict", {
      signal,
      body: csv,
      bodySerializer: (text) => text,
      headers: { accept: "text/csv", "content-type": "text/csv" },
      parseAs: "text",
    }),
  );

export const fetchAnalytics = (query: Query, signal: AbortSignal): Promise<Analytics> =>
  answer(api.GET("/v1/analytics", { params: { query }, signal }));

/** What a plan change would mean for everybody in the selection whom it fits. */
export const cohortWhatIf = (
  filters: Readonly<Record<string, unknown>>,
  change: CohortChange,
  signal: AbortSignal,
): Promise<CohortWhatIf> => answer(api.POST("/v1/analytics/what-if", { body: { filters, change }, signal }));

export const fetchReadout = (query: Query, signal: AbortSignal): Promise<SelectionReadout> =>
  answer(api.GET("/v1/analytics/experiment", { params: { query }, signal }));

export const readCounts = (body: ExperimentRequest, signal: AbortSignal): Promise<Readout> =>
  answer(api.POST("/v1/analytics/experiment", { body, signal }));

export const planExperiment = (body: ExperimentPlanRequest, signal: AbortSignal): Promise<ExperimentPlan> =>
  answer(api.POST("/v1/analytics/experiment/plan", { body, signal }));
