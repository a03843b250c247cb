import { Menu } from "./menu.tsx";

interface Option {
  readonly value: string;
  readonly label: string;
}

interface Props {
  readonly label: string;
  readonly options: readonly Option[];
  readonly chosen: readonly string[];
  readonly onToggle: (value: string) => void;
}

/** A drop-down of check boxes: any number of values of one filter. */
export function CheckMenu(props: Props) {
  const { label, options, chosen } = props;
  const labels = options.filter(({ value }) => chosen.includes(value)).map((option) => option.label);
  const summary = labels.length === 0 ? label : `${label}: ${labels.length < 2 ? labels[0] : labels.length}`;
  return (
    <Menu summary={summary} isSet={labels.length > 0}>
      <Checks {...props} class="sheet" />
    </Menu>
  );
}

/** A check box for each value of a filter. */
export const Checks = ({ label, options, chosen, onToggle, class: own }: Props & { class?: string }) => (
  <fieldset class={own}>
    <legend class="visually-hidden">{label}</legend>
    {options.map((option) => (
      <label key={option.value}>
        <input
          type="checkbox"
          checked={chosen.includes(option.value)}
          onChange={() => onToggle(option.value)}
        />
        {option.label}
      </label>
    ))}
  </fieldset>
);
