/** The model's card and evaluation: one answer for the whole visit, since only a new build changes it. */
import { signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { fetchQuality } from "../api/requests.ts";
import type { Quality } from "../api/types.ts";

export const quality = signal<Quality | undefined>(undefined);
export const qualityProblem = signal<Problem | undefined>(undefined);

let asked = false;

/** Asks for card and evaluation, unless they are here or on their way. */
export function needQuality(): void {
  if (asked) return;
  asked = true;
  qualityProblem.value = undefined;
  fetchQuality(new AbortController().signal).then(
    (answer) => {
      quality.value = answer;
    },
    (error: unknown) => {
      asked = false;
      qualityProblem.value = Problem.from(error);
    },
  );
}
