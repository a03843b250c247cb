/** The API of the server under test. */
import { inject } from "vitest";
import type { Change, Customer, DirectoryPage, Profile, Schema, WhatIf } from "../../src/api/types.ts";
import { setSchema } from "../../src/state/schema.ts";

export const schema: Schema = await fromApi("/v1/schema");
// Labels, money and counts are written in the tests as on the pages.
setSchema(schema);

/** What the API itself says. */
export async function fromApi<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  const response = await fetch(`${inject("baseUrl")}${path}`, { headers, ...init });
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export const post = <T>(path: string, body: unknown): Promise<T> =>
  fromApi<T>(path, { method: "POST", body: JSON.stringify(body) });

export const listed = (query: Record<string, string> | string = ""): Promise<DirectoryPage> =>
  fromApi(`/v1/summary?${new URLSearchParams(query)}`);

export const customer = (id: string): Promise<Customer> => fromApi(`/v1/summary/${encodeURIComponent(id)}`);

export const whatIf = (profile: Profile, change: Change): Promise<WhatIf> =>
  post("/v1/explain/what-if", { profile, change });

/** The address of a customer, with a query. */
export const place = (id: string, query: Record<string, string> = {}): string => {
  const params = new URLSearchParams(query);
  return `#/customers/${encodeURIComponent(id)}${params.size > 0 ? `?${params}` : ""}`;
};
