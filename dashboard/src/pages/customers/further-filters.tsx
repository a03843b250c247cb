import type { Filter, RangeFilter } from "../../api/types.ts";
import { CheckMenu, Checks } from "../../components/check-menu.tsx";
import { Menu } from "../../components/menu.tsx";
import { unitText } from "../../customer/fields.ts";
import { fieldNamed } from "../../state/schema.ts";
import {
  asOption,
  change,
  chosenStatuses,
  endOf,
  furtherFilters,
  isChosen,
  toggle,
  toggleStatus,
  usualFilters,
} from "../../state/selection.ts";
import { param } from "../../state/view.ts";

/** The filters with a menu of their own. */
export const UsualFilters = () => (
  <>
    {usualFilters().map(({ parameter, label, values }) => (
      <CheckMenu
        key={parameter}
        label={label}
        options={(parameter === "risk_level" ? [...values].reverse() : values).map(asOption)}
        chosen={parameter === "status" ? chosenStatuses() : param(parameter)}
        onToggle={(value) => (parameter === "status" ? toggleStatus(value) : toggle(parameter, value))}
      />
    ))}
  </>
);

/** The filters without a menu of their own; their conditions are shown as chips below. */
export function FurtherFilters() {
  const filters = furtherFilters();
  if (filters.length === 0) return null;
  return (
    <Menu summary="More filters" isSet={filters.some(isChosen)}>
      <div class="sheet filters">
        {filters.map((filter) => (
          <details key={filter.label} class="filter">
            <summary>{filter.label}</summary>
            <FilterControls filter={filter} />
          </details>
        ))}
      </div>
    </Menu>
  );
}

function FilterControls({ filter }: { filter: Filter }) {
  if (filter.kind === "range") return <Ends filter={filter} />;
  const { parameter, label, values } = filter;
  return (
    <Checks
      label={label}
      options={values.map(asOption)}
      chosen={param(parameter)}
      onToggle={(value) => toggle(parameter, value)}
    />
  );
}

/** Two numbers, either of which may be left out. */
function Ends({ filter }: { filter: RangeFilter }) {
  const field = fieldNamed(filter.field);
  const unit = field && unitText(field);
  const ends = [
    { parameter: filter.min, word: "From" },
    { parameter: endOf(filter), word: filter.below ? "Below" : "Up to" },
  ];
  return (
    <fieldset class="ends">
      <legend class="visually-hidden">{filter.label}</legend>
      {ends.map(({ parameter, word }) => (
        <label key={parameter}>
          <span>
            {word}
            {unit && <span class="muted">, {unit}</span>}
          </span>
          <input
            type="number"
            class="input"
            inputMode="decimal"
            step="any"
            value={param(parameter)[0] ?? ""}
            onChange={({ currentTarget: { value, validity } }) =>
              validity.valid && change({ [parameter]: value === "" ? [] : [value] })
            }
          />
        </label>
      ))}
    </fieldset>
  );
}
