/** What changed about a customer's risk since the previous data, in words. */
import type { RiskChange } from "../api/types.ts";
import { decimal, inSentence } from "../format.ts";
import { levelAt, levelLabel, previousDate } from "../state/schema.ts";
import { filterText } from "../state/selection.ts";

type Movement = RiskChange["moved"];

/** Whether a change is up or down; null for what rounds to zero, and for a new customer. */
export function direction(change: number | null): "up" | "down" | null {
  if (change === null || decimal(100 * Math.abs(change), 1) === decimal(0, 1)) return null;
  return change > 0 ? "up" : "down";
}

/** A change of the probability in words, such as `Up 8.2 points since 22 Nov 2026`. */
export function changeText(change: number | null): string {
  // While a workspace without previous data takes the place of one with them, the former answers are still shown.
  const since = previousDate() === undefined ? "" : ` since ${previousDate()}`;
  if (change === null) return `New${since}`;
  if (change === 0) return `Unchanged${since}`;
  const towards = direction(change);
  if (towards === null) return `Changed by less than 0.1 points${since}`;
  return `${towards === "up" ? "Up" : "Down"} ${decimal(100 * Math.abs(change), 1)} points${since}`;
}

/** The same with where the risk level moved, if it did. */
export function movementText(change: number | null, moved: Movement): string {
  const level = moved === "up" || moved === "down" ? `; ${inSentence(filterText("moved", moved))}` : "";
  return changeText(change) + level;
}

/** The risk level before and now, such as `Medium to High`; the one where it is the same. */
export const levelsText = (former: string, now: string): string =>
  former === now ? levelLabel(now) : `${levelLabel(former)} to ${levelLabel(now)}`;

/** What changed about a customer's risk, with both risk levels where it moved. */
export function riskChangeText(probability: number, { change, moved }: RiskChange): string {
  const former = change === null ? undefined : levelAt(probability - change);
  const now = levelAt(probability);
  if ((moved !== "up" && moved !== "down") || former === undefined || now === undefined)
    return changeText(change);
  return `${changeText(change)} (${levelsText(former, now)})`;
}

/** What changed about the risk, of an answer that says so; undefined where there are no previous data. */
export function riskChangeOf({ change, moved, model_changed }: Partial<RiskChange>): RiskChange | undefined {
  return change === undefined || moved === undefined || model_changed === undefined
    ? undefined
    : { change, moved, model_changed };
}
