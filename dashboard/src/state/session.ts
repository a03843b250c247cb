/** What the person did in this visit, per customer; each deed is also noted in the server's usage log. */
import { signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { type DeedKind, noteDeed } from "../api/requests.ts";

/** One thing that was done. */
export interface Deed {
  readonly customer: string;
  readonly kind: DeedKind;
  /** What it was done to, in words. */
  readonly subject: string;
  readonly nudge: string | null;
  readonly at: Date;
  /** Why the usage log does not have it. */
  readonly problem?: Problem;
}

/** Latest first. */
export const deeds = signal<readonly Deed[]>([]);

/** Notes a deed here and in the usage log. */
export function record(done: Omit<Deed, "at" | "problem">): void {
  const deed: Deed = { ...done, at: new Date() };
  deeds.value = [deed, ...deeds.value];
  noteDeed(deed.customer, deed.kind, deed.nudge).catch((error: unknown) => {
    const failed = { ...deed, problem: Problem.from(error) };
    deeds.value = deeds.value.map((other) => (other === deed ? failed : other));
  });
}
