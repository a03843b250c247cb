import type { Change, Field, Profile, Value } from "../../api/types.ts";
import { Card } from "../../components/card.tsx";
import { paramsWith, parseValue } from "../../customer/edits.ts";
import { groups, isPossible, sliderRange, textIn, unitText } from "../../customer/fields.ts";
import { plural } from "../../format.ts";
import { schema } from "../../state/schema.ts";
import { adjust, view, visit } from "../../state/view.ts";

interface Props {
  readonly actual: Profile;
  /** The profile after the edits and, as far as it is known, what follows from them. */
  readonly plan: Profile;
  readonly edits: Change;
  /** The fields in which the two differ. */
  readonly changed: ReadonlySet<string>;
  /** Whether the edits have no answer. */
  readonly isUnanswered: boolean;
  /** Whether it is known what follows from the edits. */
  readonly isSettled: boolean;
}

/** Puts edits in the place of all that were made before, as one step that the person can go back from. */
export function applyEdits(edits: Change): void {
  visit({ ...view.value, params: paramsWith(view.value.params, edits) });
}

/** Whether the business has a price list. */
const hasPrices = (): boolean => schema().fields.some(({ values }) => values.some(({ price }) => price));

/** What the card says of that which follows from edits. */
function consequences(isSettled: boolean): string {
  if (!isSettled) return "What follows from these changes is not known yet.";
  return hasPrices() ? "The price follows the price list." : "";
}

/** Every field of the profile, to read and to change. */
export function WhatIf({ actual, plan, edits, changed, isUnanswered, isSettled }: Props) {
  const set = (name: string, value: Value) =>
    adjust({ ...view.value, params: paramsWith(view.value.params, { ...edits, [name]: value }) });
  const restore = (name: string) => {
    const { [name]: _, ...others } = edits;
    adjust({ ...view.value, params: paramsWith(view.value.params, others) });
  };
  return (
    <Card
      title="Profile and what-if"
      note={`Change anything to see what the model would expect of such a customer. ${consequences(isSettled)}`}
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
      {groups().map((group) => (
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
                isSettled={isSettled || field.name in edits}
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
  /** Whether the value holds; else it followed from former edits, and another may follow from the present ones. */
  readonly isSettled: boolean;
  readonly set: (value: Value) => void;
  readonly restore: () => void;
}

function FieldRow({ field, actual, plan, isChanged, isOwn, isSettled, set, restore }: RowProps) {
  const id = `field-${field.name}`;
  const unit = unitText(field);
  const before = textIn(field, actual);
  const isFormer = isChanged && !isSettled;
  return (
    <div class={`field ${isChanged ? "changed" : ""} ${isFormer ? "former" : ""}`} aria-busy={isFormer}>
      <label for={id} title={field.help ?? undefined}>
        {field.label}
        {unit && <span class="muted">, {unit}</span>}
      </label>
      <Control id={id} field={field} plan={plan} set={set} />
      <div class="was">
        {isChanged &&
          (isOwn ? (
            <button
              type="button"
              class="link"
              onClick={restore}
              aria-label={`Restore ${field.label}: was ${before}`}
            >
              was {before}
            </button>
          ) : (
            <span>was {before}</span>
          ))}
      </div>
    </div>
  );
}

interface ControlProps {
  readonly id: string;
  readonly field: Field;
  readonly plan: Profile;
  readonly set: (value: Value) => void;
}

function Control({ id, field, plan, set }: ControlProps) {
  const value = plan[field.name] ?? null;
  const isOff = !isPossible(field, plan);
  if (field.kind === "flag" && field.required) {
    return (
      <span class="control">
        <input
          id={id}
          type="checkbox"
          checked={value === true && !isOff}
          disabled={isOff}
          onChange={(event) => set(event.currentTarget.checked)}
        />
        <span class="small muted">{textIn(field, plan)}</span>
      </span>
    );
  }
  if (field.kind === "flag" || field.kind === "choice") {
    const shown = isOff ? (field.values[0]?.value ?? null) : value;
    return (
      <select
        id={id}
        class="select"
        value={String(shown ?? "")}
        disabled={isOff}
        onChange={(event) => set(parseValue(field, event.currentTarget.value) ?? null)}
      >
        {(!field.required || shown === null) && (
          <option value="" disabled={field.required}>
            {field.unknown}
          </option>
        )}
        {field.values.map((option) => (
          <option key={String(option.value)} value={String(option.value)}>
            {option.label}
          </option>
        ))}
      </select>
    );
  }
  return (
    <NumberControl
      id={id}
      field={field}
      value={typeof value === "number" ? value : null}
      isOff={isOff}
      set={set}
    />
  );
}

interface NumberProps {
  readonly id: string;
  readonly field: Field;
  readonly value: number | null;
  readonly isOff: boolean;
  readonly set: (value: Value) => void;
}

/** A number to type, and a slider to drag where the usual range is known. */
function NumberControl({ id, field, value, isOff, set }: NumberProps) {
  const type = (text: string) => {
    const parsed = parseValue(field, text);
    if (parsed !== undefined) set(parsed);
  };
  const [low, high] = sliderRange(field) ?? [];
  return (
    <span class="control">
      {low !== undefined && high !== undefined && (
        <input
          type="range"
          aria-label={`${field.label}, slider`}
          min={Math.min(low, value ?? low)}
          max={Math.max(high, value ?? high)}
          step={field.kind === "number" ? (high - low) / 100 : 1}
          value={value ?? low}
          disabled={isOff}
          onInput={(event) => type(event.currentTarget.value)}
        />
      )}
      <input
        id={id}
        type="number"
        class="input"
        inputMode="decimal"
        min={field.least ?? undefined}
        max={field.most ?? undefined}
        step="any"
        value={value === null ? "" : Math.round(value * 100) / 100}
        placeholder={field.unknown}
        disabled={isOff}
        onInput={(event) => type(event.currentTarget.value)}
      />
    </span>
  );
}
