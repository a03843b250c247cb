/** What screen readers are told, politely, when the page changes by itself. */
import { signal } from "@preact/signals";

export interface Announcement {
  readonly text: string;
  /** Counts up, so that the same words can be said again. */
  readonly number: number;
}

export const announcement = signal<Announcement>({ text: "", number: 0 });

export function announce(text: string): void {
  announcement.value = { text, number: announcement.peek().number + 1 };
}
