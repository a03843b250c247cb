/** A customer's plan as edited: what the panel's cards ask about. */
import type { Profile } from "../api/types.ts";
import { type Edits, edited } from "../customer/edits.ts";
import { loadPrices } from "./quality.ts";

/** A customer and what the person changed. */
export interface PlanQuestion {
  readonly customer: string;
  readonly profile: Profile;
  readonly edits: Edits;
}

export const isEdited = ({ edits }: Pick<PlanQuestion, "edits">): boolean => Object.keys(edits).length > 0;

/** The plan after the edits. Charges follow the price list, so without it there is no such plan. */
export async function loadPlan(question: PlanQuestion): Promise<Profile> {
  const { profile, edits } = question;
  return edited(profile, edits, isEdited(question) ? await loadPrices() : undefined);
}
