/** The file that the person brought, once it is scored. It stays in this browser and is no part of the address. */
import { signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { predictFile } from "../api/requests.ts";
import { type ScoredFile, scoredFile } from "../customer/scoring.ts";
import { Asking } from "./request.ts";
import { view, visit } from "./view.ts";

/** The most that the API takes at once, in bytes. */
const MOST_BYTES = 4 * 1024 * 1024;

/** A file to score. */
export interface Brought {
  /** Tells files apart, those of the same name too. */
  readonly number: number;
  readonly file: File;
  /** The readings that the person confirmed. */
  readonly read: readonly string[];
}

export const brought = signal<Brought | undefined>(undefined);
export const scoring = new Asking<Brought, ScoredFile>(scoreFile);

let files = 0;

/** Scores a file and shows it in the customer's place. */
export function bring(file: File): void {
  files += 1;
  brought.value = { number: files, file, read: [] };
  scoring.ask(brought.value);
  if (view.value.customer !== null) visit({ ...view.value, customer: null });
}

/** Scores the file again with what the person confirmed of it: this reading too, or none any more. */
export function confirm(reading: string | null): void {
  const present = brought.value;
  if (present === undefined) return;
  brought.value = { ...present, read: reading === null ? [] : [...present.read, reading] };
  scoring.ask(brought.value);
}

/** Puts the file away. */
export function close(): void {
  brought.value = undefined;
  scoring.ask(null);
}

async function scoreFile({ file, read }: Brought, signal: AbortSignal): Promise<ScoredFile> {
  if (file.size > MOST_BYTES) {
    throw new Problem(
      "This file is too large to score here",
      `It has ${(file.size / 1024 / 1024).toFixed(1)} MiB; the API takes 4 MiB at once, some 30,000 customers. On your own machine, make bulk IN="${file.name}" OUT=scored takes a file of any size.`,
      413,
    );
  }
  return scoredFile(await predictFile(file, read, signal));
}
