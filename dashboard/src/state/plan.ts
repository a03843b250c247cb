/** A customer's profile as edited: what the panel's cards ask about. */
import { fetchWhatIf } from "../api/requests.ts";
import type { Change, Profile, WhatIf } from "../api/types.ts";

/** A customer and what the person changed. */
export interface PlanQuestion {
  readonly customer: string;
  readonly profile: Profile;
  readonly edits: Change;
}

export const isEdited = ({ edits }: Pick<PlanQuestion, "edits">): boolean => Object.keys(edits).length > 0;

/** Everything that the panel shows of the customer after the edits, in one request. */
export const loadWhatIf = ({ profile, edits }: PlanQuestion, signal: AbortSignal): Promise<WhatIf> =>
  fetchWhatIf(profile, edits, signal);
