import { useEffect, useRef } from "preact/hooks";

interface Choice {
  readonly value: string;
  readonly label: string;
}

interface Props {
  readonly label: string;
  readonly choices: readonly Choice[];
  readonly chosen: readonly string[];
  readonly onToggle: (value: string) => void;
}

/** A drop-down of check boxes: any number of values of one filter. */
export function CheckMenu({ label, choices, chosen, onToggle }: Props) {
  const root = useRef<HTMLDetailsElement>(null);

  useEffect(() => {
    const closeOutside = (event: Event) => {
      const menu = root.current;
      if (menu?.open && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    };
    addEventListener("pointerdown", closeOutside);
    addEventListener("focusin", closeOutside);
    return () => {
      removeEventListener("pointerdown", closeOutside);
      removeEventListener("focusin", closeOutside);
    };
  }, []);

  const closeByKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !root.current?.open) return;
    event.stopPropagation();
    root.current.open = false;
    root.current.querySelector("summary")?.focus();
  };

  const labels = choices.filter((choice) => chosen.includes(choice.value)).map((choice) => choice.label);
  return (
    <details ref={root} class={labels.length > 0 ? "menu set" : "menu"} onKeyDown={closeByKey}>
      <summary>
        {labels.length === 0 ? label : `${label}: ${labels.length < 2 ? labels[0] : labels.length}`}
      </summary>
      <fieldset class="sheet">
        <legend class="visually-hidden">{label}</legend>
        {choices.map((choice) => (
          <label key={choice.value}>
            <input
              type="checkbox"
              checked={chosen.includes(choice.value)}
              onChange={() => onToggle(choice.value)}
            />
            {choice.label}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
