/**
 * The one way to the API: a client typed by the server's own OpenAPI document, whose every failure is a `Problem`.
 */
import createClient from "openapi-fetch";
import { patientFetch } from "./busy.ts";
import type { paths } from "./schema.d.ts";

/** One thing that is wrong with a request, and where. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** A failure as a person can read it: what the server said (RFC 9457), or that it could not be reached. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly title: string,
    readonly detail: string,
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
    readonly faults: readonly Fault[] = [],
    readonly requestId: string | null = null,
    /** Which problem this is, such as `/problems/unknown-customer`; null where the server did not say. */
    readonly type: string | null = null,
  ) {
    super(`${title}: ${detail}`);
  }

  /** Wraps whatever was thrown. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    return new Problem("The server cannot be reached", "Check the connection, then try again.", 0);
  }

  /** Reads the body of a failed response. */
  static fromBody(body: unknown, status: number): Problem {
    const fields: Record<string, unknown> = typeof body === "object" && body !== null ? { ...body } : {};
    const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : null);
    return new Problem(
      text("title") ?? "The request failed",
      text("detail") ?? `The server answered with status ${status}.`,
      status,
      Array.isArray(fields.errors) ? fields.errors.filter(isFault) : [],
      text("request_id"),
      text("type"),
    );
  }
}

function isFault(value: unknown): value is Fault {
  return typeof value === "object" && value !== null && "pointer" in value && "detail" in value;
}

/** The typed client; use it through `answer`. */
export const api = createClient<paths>({
  baseUrl: "",
  headers: { accept: "application/json" },
  fetch: patientFetch,
});

/**
 * The JSON body of a response, or its `Problem` thrown. Where a route answers text as well, the client's `accept` has
 * asked for JSON.
 */
export async function answer<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<Exclude<T, string>> {
  const { data, error, response } = await call;
  if (!response.ok || data === undefined || typeof data === "string") {
    throw Problem.fromBody(error, response.status);
  }
  return data as Exclude<T, string>;
}

/**
 * The JSON body of a response, or its `Problem` thrown, as what every business shares of it. The document names the fields
 * of one business, so its type would be too narrow.
 */
export async function answerAs<T>(
  call: Promise<{ data?: unknown; error?: unknown; response: Response }>,
): Promise<T> {
  return (await answer<unknown>(call)) as T;
}

/** The text of a response, such as CSV or a report, or its `Problem` thrown. The call says `parseAs: "text"`. */
export async function answerText(
  call: Promise<{ data?: unknown; error?: unknown; response: Response }>,
): Promise<string> {
  const { data, error, response } = await call;
  if (!response.ok || typeof data !== "string") throw Problem.fromBody(error, response.status);
  return data;
}
