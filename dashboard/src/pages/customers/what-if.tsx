import { useEffect, useState } from "preact/hooks";
import type { Fault, Problem } from "../../api/client.ts";
import type { Change, Field, Profile, Value } from "../../api/types.ts";
import { Card } from "../../components/card.tsx";
import { paramsWith, parseValue } from "../../customer/edits.ts";
import { groups, isPossible, numberText, sliderRange, textIn, unitText } from "../../customer/fields.ts";
import { plural } from "../../format.ts";
import { fieldNamed, schema } from "../../state/schema.ts";
import { adjust, view, visit } from "../../state/view.ts";

interface Props {
  readonly actual: Profile;
  /** The profile after the edits and, as far as it is known, what follows from them. */
  readonly plan: Profile;
  readonly edits: Change;
  /** The fields in which the two differ. */
  readonly changed: ReadonlySet<string>;
  /** Why the edits have no answer; undefined where they have one, or may get one. */
  readonly problem: Problem | undefined;
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
export function WhatIf({ actual, plan, edits, changed, problem, isSettled }: Props) {
  const isUnanswered = problem !== undefined;
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
                refusal={problem && refusalOf(field, problem)}
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
  /** Why the server refuses the field's value. */
  readonly refusal: string | undefined;
  readonly set: (value: Value) => void;
  readonly restore: () => void;
}

/** Where the faults of an edit point to. */
const EDITED = "/change/";

/** Whether a fault is of a field that is on the card, which then says so itself. */
export const isOfField = ({ pointer }: Fault): boolean =>
  pointer.startsWith(EDITED) && fieldNamed(pointer.slice(EDITED.length)) !== undefined;

/** What the server has against a field's edit. */
const refusalOf = ({ name }: Field, { faults }: Problem): string | undefined =>
  faults.find(({ pointer }) => pointer === EDITED + name)?.detail;

function FieldRow({ field, actual, plan, isChanged, isOwn, isSettled, refusal, set, restore }: RowProps) {
  const id = `field-${field.name}`;
  const [unfit, setUnfit] = useState<string>();
  const value = plan[field.name] ?? null;
  // What was typed and is no value goes when the field gets one.
  useEffect(() => setUnfit(undefined), [value]);
  const fault = unfit ?? refusal;
  const unit = unitText(field);
  const before = textIn(field, actual);
  const isFormer = isChanged && !isSettled;
  return (
    <div
      class={`field ${isChanged ? "changed" : ""} ${isFormer ? "former" : ""} ${fault ? "refused" : ""}`}
      aria-busy={isFormer}
    >
      <label for={id} title={field.help ?? undefined}>
        {field.label}
        {unit && <span class="muted">, {unit}</span>}
      </label>
      <Control
        id={id}
        field={field}
        plan={plan}
        isRefused={fault !== undefined}
        set={set}
        refuse={setUnfit}
      />
      {fault && (
        <p class="fault small" id={`${id}-fault`} role="alert" aria-live="polite">
          {field.label} {fault}
        </p>
      )}
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
  /** Whether the value is refused; the reason stands beside the control. */
  readonly isRefused: boolean;
  readonly set: (value: Value) => void;
  /** Says what is wrong with what was typed. */
  readonly refuse: (why: string) => void;
}

function Control({ id, field, plan, isRefused, set, refuse }: ControlProps) {
  const marks = { "aria-invalid": isRefused, "aria-describedby": isRefused ? `${id}-fault` : undefined };
  const value = plan[field.name] ?? null;
  const isOff = !isPossible(field, plan);
  if (field.kind === "flag" && field.required) {
    return (
      <span class="control">
        <input
          id={id}
          type="checkbox"
          {...marks}
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
        {...marks}
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
      marks={marks}
      set={set}
      refuse={refuse}
    />
  );
}

interface NumberProps {
  readonly id: string;
  readonly field: Field;
  readonly value: number | null;
  readonly isOff: boolean;
  readonly marks: { readonly "aria-invalid": boolean; readonly "aria-describedby": string | undefined };
  readonly set: (value: Value) => void;
  readonly refuse: (why: string) => void;
}

/** What is wrong with a text that is no value of a number's field. */
function unfitness(field: Field, text: string): string {
  const { kind, least, most } = field;
  if (text === "") return "is required";
  const value = Number(text);
  if (kind === "whole" && !Number.isInteger(value)) return "must be a whole number";
  const ends = [least, most].map((end) => (end === null ? undefined : numberText(field, end)));
  const [low, high] = ends;
  if (low !== undefined && high !== undefined) return `must be between ${low} and ${high}`;
  return low === undefined ? `must be at most ${high}` : `must be at least ${low}`;
}

/** A number to type, and a slider to drag where the usual range is known. */
function NumberControl({ id, field, value, isOff, marks, set, refuse }: NumberProps) {
  const type = (text: string) => {
    const parsed = parseValue(field, text);
    if (parsed === undefined) refuse(unfitness(field, text));
    else set(parsed);
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
        {...marks}
        class="input"
        inputMode="decimal"
        min={field.least ?? undefined}
        max={field.most ?? undefined}
        step="any"
        value={value === null ? "" : field.kind === "number" ? value : Math.round(value * 100) / 100}
        placeholder={field.unknown}
        disabled={isOff}
        onInput={(event) => type(event.currentTarget.value)}
      />
    </span>
  );
}
