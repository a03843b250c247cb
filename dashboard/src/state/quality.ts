/** The model's card and evaluation: one answer for the whole visit, since only a new build changes it. */
import { fetchQuality } from "../api/requests.ts";
import type { Quality } from "../api/types.ts";

let held: Promise<Quality> | undefined;

/** Loads card and evaluation, unless they are here or on their way. A failure is not kept. */
export function loadQuality(_: "model"): Promise<Quality> {
  // All questions share the one request, so none of them aborts it.
  held ??= fetchQuality(new AbortController().signal).catch((error: unknown) => {
    held = undefined;
    throw error;
  });
  return held;
}
