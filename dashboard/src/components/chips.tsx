import { change, clear, conditions } from "../state/selection.ts";
import { Cross } from "./icons.tsx";

/** The conditions of the selection, but for those that stand in a menu beside; pressing one lifts it. */
export function Chips({ except = [] }: { except?: readonly string[] }) {
  const all = conditions().filter((condition) => !except.includes(condition.name));
  if (all.length === 0) return null;
  return (
    <ul class="chips" aria-label="Selected customers">
      {all.map((condition) => (
        <li key={condition.text}>
          <button
            type="button"
            class="chip"
            aria-label={`Remove filter ${condition.text}`}
            onClick={() => change(condition.without)}
          >
            {condition.text}
            <span class="cross">
              <Cross />
            </span>
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="button quiet" onClick={clear}>
          Clear all
        </button>
      </li>
    </ul>
  );
}
