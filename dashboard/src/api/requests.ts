/**
 * The API's routes as functions. Bodies that hold fields of the business are checked by the server alone: the document
 * names those of one business, hence `never`.
 */
import type { Evidence, FileAnswer } from "../customer/scoring.ts";
import { answer, answerAs, answerText, api, Problem } from "./client.ts";
import type {
  Advice,
  Analytics,
  CampaignPage,
  CampaignReadout,
  Change,
  Changes,
  CohortWhatIf,
  Customer,
  DirectoryPage,
  ExperimentPlan,
  ExperimentPlanRequest,
  ExperimentRequest,
  Explanation,
  GlobalExplanation,
  GoneCustomer,
  Policy,
  Profile,
  Quality,
  Readout,
  Schema,
  SelectionReadout,
  WhatIf,
} from "./types.ts";

/** Filters and paging as they stand in the address; the server says what it does not understand. */
export type Query = Readonly<Record<string, readonly string[]>>;

/**
 * The business's schema. `no-cache` makes the browser revalidate its cached copy by the `etag`.
 */
export const fetchSchema = (signal: AbortSignal): Promise<Schema> =>
  answerAs(api.GET("/v1/schema", { signal, cache: "no-cache" }));

/** What a server says of the workspace that it answers from. */
export interface WorkspaceStatus {
  /** Whether it is part of the program, or a file or folder that may change. */
  readonly source: "embedded" | "file" | "folder";
  readonly version: string;
  /** Why what the source holds now is not served; none where it is. */
  readonly faults: readonly string[];
}

/** The server's workspace; null where the functions run without a server, which could not tell. */
export async function fetchWorkspace(): Promise<WorkspaceStatus | null> {
  // No part of the described API, which is the same wherever the functions run.
  const get = api.GET as (path: string) => Promise<{ data?: unknown; error?: unknown; response: Response }>;
  const { data, error, response } = await get("/workspace");
  if (response.status === 404) return null;
  if (!response.ok) throw Problem.fromBody(error, response.status);
  return data as WorkspaceStatus;
}

export const fetchDirectory = (query: Query, signal: AbortSignal): Promise<DirectoryPage> =>
  answerAs(api.GET("/v1/summary", { params: { query }, signal }));

export const fetchCustomer = (customer_id: string, signal: AbortSignal): Promise<Customer> =>
  answerAs(api.GET("/v1/summary/{customer_id}", { params: { path: { customer_id } }, signal }));

/** A customer after a change: the profile with what follows from the change, and all that is expected of it. */
export const fetchWhatIf = (profile: Profile, change: Change, signal: AbortSignal): Promise<WhatIf> =>
  answerAs(api.POST("/v1/explain/what-if", { body: { profile, change } as never, signal }));

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
): Promise<Advice> => answerAs(api.POST("/v1/nudges", { body: profile as never, params: { query }, signal }));

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

/**
 * Scores a file with a column for each field, whatever its dialect. The same rows come back with probability and risk level, or with
 * what is wrong with them. `read` holds the readings that the person confirmed, as the API printed them.
 */
export async function predictFile(
  file: Blob,
  read: readonly string[],
  signal: AbortSignal,
): Promise<FileAnswer> {
  const call = api.POST("/v1/predict", {
    signal,
    params: { query: { rejects: "list", ...(read.length > 0 && { read: read.join(",") }) } },
    body: file as never,
    bodySerializer: (file: unknown) => file,
    headers: { accept: "text/csv", "content-type": "text/csv" },
    parseAs: "text",
  });
  const text = await answerText(call);
  const { headers } = (await call).response;
  const evidence = (name: string): Evidence[] => JSON.parse(headers.get(name) ?? "[]");
  return { text, readAs: evidence("x-read-as"), warnings: evidence("x-warnings") };
}

export const fetchAnalytics = (query: Query, signal: AbortSignal): Promise<Analytics> =>
  answer(api.GET("/v1/analytics", { params: { query }, signal }));

/** What changed for the selection since the previous data; refused where there are none. */
export const fetchChanges = (query: Query, signal: AbortSignal): Promise<Changes> =>
  answerAs(api.GET("/v1/analytics/changes", { params: { query }, signal }));

/** A page of the customers of the previous data who are gone, the likeliest to leave first. */
export interface GonePage {
  readonly items: readonly GoneCustomer[];
  readonly total: number;
}

export const fetchGone = (query: Query, signal: AbortSignal): Promise<GonePage> =>
  answerAs(api.GET("/v1/summary", { params: { query }, signal }));

/** What a change would mean for everybody in the selection whom it fits. */
export const cohortWhatIf = (
  filters: Readonly<Record<string, unknown>>,
  change: Change,
  signal: AbortSignal,
): Promise<CohortWhatIf> =>
  answer(api.POST("/v1/analytics/what-if", { body: { filters, change } as never, signal }));

export const fetchReadout = (query: Query, signal: AbortSignal): Promise<SelectionReadout> =>
  answer(api.GET("/v1/analytics/experiment", { params: { query }, signal }));

/** Whom to treat, with the terms among the filters. */
export const fetchPolicy = (query: Query, signal: AbortSignal): Promise<Policy> =>
  answer(api.GET("/v1/analytics/policy", { params: { query }, signal }));

export const readCounts = (body: ExperimentRequest, signal: AbortSignal): Promise<Readout> =>
  answer(api.POST("/v1/analytics/experiment", { body, signal }));

export const planExperiment = (body: ExperimentPlanRequest, signal: AbortSignal): Promise<ExperimentPlan> =>
  answer(api.POST("/v1/analytics/experiment/plan", { body, signal }));

/** The first customers of a campaign, and what all of it comes to. */
export const fetchCampaign = (query: Query, signal: AbortSignal): Promise<CampaignPage> =>
  answerAs(api.GET("/v1/nudges", { params: { query: query as never }, signal }));

/** All customers of a campaign as CSV. */
export const fetchCampaignCsv = (query: Query): Promise<string> =>
  answerText(
    api.GET("/v1/nudges", {
      params: { query: query as never },
      headers: { accept: "text/csv" },
      parseAs: "text",
    }),
  );

/** Reads out a campaign from a file of what became of its customers. */
export const readCampaign = (
  { query, file }: { query: Query; file: Blob },
  signal: AbortSignal,
): Promise<CampaignReadout> =>
  answerAs(
    api.POST("/v1/analytics/campaign", {
      signal,
      params: { query: query as never },
      body: file as never,
      bodySerializer: (file: unknown) => file,
      headers: { "content-type": "text/csv" },
    }),
  );
