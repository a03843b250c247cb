/** The API's routes as functions. */
import { answer, api } from "./client.ts";
import type { Customer, DirectoryPage } from "./types.ts";

/** Filters and paging as they stand in a query string. */
export type Query = Readonly<Record<string, readonly string[]>>;

export const fetchDirectory = (query: Query, signal: AbortSignal): Promise<DirectoryPage> =>
  answer(api.GET("/v1/summary", { params: { query }, signal }));

export const fetchCustomer = (customer_id: string, signal: AbortSignal): Promise<Customer> =>
  answer(api.GET("/v1/summary/{customer_id}", { params: { path: { customer_id } }, signal }));
