/** The CSV file that the person brought, once it is scored. It stays in this browser and is no part of the address. */
import { signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { predictCsv } from "../api/requests.ts";
import { type ScoredFile, score } from "../customer/scoring.ts";
import { view, visit } from "./view.ts";

/** The most that the API takes at once, in bytes. */
const MOST_BYTES = 4 * 1024 * 1024;

export interface Upload {
  readonly name: string;
  readonly scored?: ScoredFile;
  readonly problem?: Problem;
}

export const upload = signal<Upload | undefined>(undefined);

/** Scores a file and shows it in the customer's place. */
export async function bring(file: File): Promise<void> {
  const { name } = file;
  upload.value = { name };
  if (view.value.customer !== null) visit({ ...view.value, customer: null });
  const outcome = await scoreFile(file).then(
    (scored) => ({ name, scored }),
    (error: unknown) => ({ name, problem: Problem.from(error) }),
  );
  if (upload.value?.name === name) upload.value = outcome;
}

async function scoreFile(file: File): Promise<ScoredFile> {
  if (file.size > MOST_BYTES) {
    throw new Problem(
      "This file is too large to score here",
      `It has ${(file.size / 1024 / 1024).toFixed(1)} MiB; the API takes 4 MiB at once, some 30,000 customers. On your own machine, make bulk IN="${file.name}" OUT=scored takes a file of any size.`,
      413,
    );
  }
  return score(await file.text(), predictCsv);
}
