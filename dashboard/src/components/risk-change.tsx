import type { RiskChange } from "../api/types.ts";
import { direction, movementText } from "../customer/risk-change.ts";
import { points } from "../format.ts";
import { Fall, Rise } from "./icons.tsx";

/** How a probability changed since the previous data, in percentage points; it stands out where the risk level moved. */
export function ChangeMark({ change, moved }: Pick<RiskChange, "change" | "moved">) {
  const towards = direction(change);
  const words = movementText(change, moved);
  return (
    <span class={`change ${moved ?? ""}`} title={words}>
      <span aria-hidden="true">
        {towards === "up" && <Rise />}
        {towards === "down" && <Fall />}
        {change === null ? "new" : points(change)}
      </span>
      <span class="visually-hidden">{words}</span>
    </span>
  );
}
