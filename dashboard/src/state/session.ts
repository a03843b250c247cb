/** What the person did in this visit, per customer; each deed is also noted in the server's usage log. */
import { signal } from "@preact/signals";
import { Problem } from "../api/client.ts";
import { type DeedKind, noteDeed } from "../api/requests.ts";
import { whenOnline } from "./connection.ts";

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
  note(deed);
}

/** Notes a deed in the usage log; where there is no connection, again when it is back. */
async function note(deed: Deed): Promise<void> {
  const { problem: _, ...done } = deed;
  const replace = (other: Deed) => {
    deeds.value = deeds.value.map((one) => (one === deed ? other : one));
  };
  try {
    await noteDeed(deed.customer, deed.kind, deed.nudge);
    if (deed.problem) replace(done);
  } catch (error) {
    const failed = { ...done, problem: Problem.from(error) };
    replace(failed);
    if (failed.problem.status === 0) whenOnline(() => note(failed));
  }
}
