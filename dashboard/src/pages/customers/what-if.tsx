import type { Profile } from "../../api/types.ts";
import { Card } from "../../components/card.tsx";
import { type Edits, paramsWith } from "../../customer/edits.ts";
import {
  type Field,
  type FieldName,
  GROUPS,
  isPossible,
  type NumberField,
  valueText,
} from "../../customer/fields.ts";
import { plural } from "../../format.ts";
import { adjust, view, visit } from "../../state/view.ts";

interface Props {
  readonly actual: Profile;
  /** The profile after the edits and what follows from them. */
  readonly plan: Profile;
  readonly edits: Edits;
  /** The fields in which the two differ. */
  readonly changed: ReadonlySet<FieldName>;
  /** Whether the edits have no answer. */
  readonly isUnanswered: boolean;
  /** Whether the plan's charges follow the price list. */
  readonly isPriced: boolean;
}

/** Puts edits in the place of all that were made before, as one step that the person can go back from. */
export function applyEdits(edits: Edits): void {
  visit({ ...view.value, params: paramsWith(view.value.params, edits) });
}

/** Every field of the profile, to read and to change. */
export function WhatIf({ actual, plan, edits, changed, isUnanswered, isPriced }: Props) {
  const set = (name: FieldName, value: unknown) =>
    adjust({ ...view.value, params: paramsWith(view.value.params, { ...edits, [name]: value }) });
  const restore = (name: FieldName) => {
    const { [name]: _, ...others } = edits;
    adjust({ ...view.value, params: paramsWith(view.value.params, others) });
  };
  return (
    <Card
      title="Profile and what-if"
      note={`Change anything to see what the model would expect of such a customer. ${
        isPriced
          ? "Charges follow the price list."
          : "The price list has not arrived, so charges do not follow it yet."
      }`}
      actions={
        <>
          {changed.size > 0 && (
            <span class="small muted">
              {plural(changed.size, "field")} changed{isUnanswered && ", not answered"}
            </span>
          )}
          <button type="button" class="button" disabled={changed.size === 0} onClick={() => applyEdits({})}>
            Reset
          </button>
        </>
      }
    >
      {GROUPS.map((group) => (
        <fieldset key={group.title} class="group">
          <legend>{group.title}</legend>
          <div class="fields">
            {group.fields.map((field) => (
              <FieldRow
                key={field.name}
                field={field}
                actual={actual}
                plan={plan}
                isChanged={changed.has(field.name)}
                isOwn={field.name in edits}
                set={(value) => set(field.name, value)}
                restore={() => restore(field.name)}
              />
            ))}
          </div>
        </fieldset>
      ))}
    </Card>
  );
}

interface RowProps {
  readonly field: Field;
  readonly actual: Profile;
  readonly plan: Profile;
  readonly isChanged: boolean;
  /** Edited itself, rather than following from another edit. */
  readonly isOwn: boolean;
  readonly set: (value: unknown) => void;
  readonly restore: () => void;
}

function FieldRow({ field, actual, plan, isChanged, isOwn, set, restore }: RowProps) {
  const id = `field-${field.name}`;
  return (
    <div class={isChanged ? "field changed" : "field"}>
      <label for={id}>
        {field.label}
        {field.kind === "number" && (
          <span class="muted">, {field.unit === "dollar" ? "$" : `${field.unit}s`}</span>
        )}
      </label>
      <Control id={id} field={field} plan={plan} set={set} />
      <div class="was">
        {isChanged &&
          (isOwn ? (
            <button
              type="button"
              class="link"
              onClick={restore}
              aria-label={`Restore ${field.label}: was ${valueText(field, actual)}`}
            >
              was {valueText(field, actual)}
            </button>
          ) : (
            <span>was {valueText(field, actual)}</span>
          ))}
      </div>
    </div>
  );
}

interface ControlProps {
  readonly id: string;
  readonly field: Field;
  readonly plan: Profile;
  readonly set: (value: unknown) => void;
}

function Control({ id, field, plan, set }: ControlProps) {
  const value = plan[field.name];
  switch (field.kind) {
    case "flag":
      return (
        <span class="control">
          <input
            id={id}
            type="checkbox"
            checked={value === true}
            disabled={!isPossible(field, plan)}
            onChange={(event) => set(event.currentTarget.checked)}
          />
          <span class="small muted">{valueText(field, plan)}</span>
        </span>
      );
    case "choice":
      return (
        <select
          id={id}
          class="select"
          value={String(value)}
          onChange={(event) => set(event.currentTarget.value)}
        >
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    case "number":
      return (
        <NumberControl id={id} field={field} value={typeof value === "number" ? value : null} set={set} />
      );
  }
}

interface NumberProps {
  readonly id: string;
  readonly field: NumberField;
  readonly value: number | null;
  readonly set: (value: unknown) => void;
}

/** A number to type, and a slider to drag where the usual range is known. */
function NumberControl({ id, field, value, set }: NumberProps) {
  const type = (text: string) => {
    if (text === "") {
      if (field.optional) set(null);
      return;
    }
    const number = Number(text);
    if (Number.isFinite(number) && number >= 0 && number <= field.max) set(number);
  };
  return (
    <span class="control">
      {field.slider !== undefined && (
        <input
          type="range"
          aria-label={`${field.label}, slider`}
          min={0}
          max={Math.max(field.slider, value ?? 0)}
          step={field.unit === "dollar" ? 1 : field.step}
          value={value ?? 0}
          onInput={(event) => type(event.currentTarget.value)}
        />
      )}
      <input
        id={id}
        type="number"
        class="input"
        inputMode="decimal"
        min={0}
        max={field.max}
        step="any"
        value={value === null ? "" : Math.round(value * 100) / 100}
        onInput={(event) => type(event.currentTarget.value)}
      />
    </span>
  );
}
