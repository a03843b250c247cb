interface Props {
  readonly label: string;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  readonly set: (value: number) => void;
}

/** A labelled number of a calculator; what cannot be read leaves the last value. */
export const NumberField = ({ label, value, min = 0, max, set }: Props) => (
  <label class="calculator-field">
    <span>{label}</span>
    <input
      type="number"
      class="input"
      inputMode="decimal"
      step="any"
      min={min}
      max={max}
      value={value}
      onInput={(event) => {
        const { value: text, valueAsNumber } = event.currentTarget;
        if (text !== "" && Number.isFinite(valueAsNumber)) set(valueAsNumber);
      }}
    />
  </label>
);
