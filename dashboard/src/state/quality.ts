/** The model's card and evaluation: one answer for as long as the workspace is the same. */
import { fetchQuality } from "../api/requests.ts";
import type { Quality } from "../api/types.ts";
import { workspaceVersion } from "./schema.ts";

let held: { readonly workspace: string; readonly quality: Promise<Quality> } | undefined;

/** Loads card and evaluation, unless they are here or on their way. A failure is not kept. */
export function loadQuality(_: "model"): Promise<Quality> {
  const workspace = workspaceVersion();
  if (held?.workspace === workspace) return held.quality;
  // All questions share the one request, so none of them aborts it.
  const quality = fetchQuality(new AbortController().signal).catch((error: unknown) => {
    if (held?.quality === quality) held = undefined;
    throw error;
  });
  held = { workspace, quality };
  return quality;
}
