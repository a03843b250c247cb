import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  /** What the menu says while it is closed. */
  readonly summary: string;
  /** Whether anything in it has been chosen. */
  readonly isSet: boolean;
  readonly children: ComponentChildren;
}

/** A drop-down that stays open until the person turns elsewhere or presses Escape. */
export function Menu({ summary, isSet, children }: Props) {
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

  return (
    <details ref={root} class={isSet ? "menu set" : "menu"} onKeyDown={closeByKey}>
      <summary>{summary}</summary>
      {children}
    </details>
  );
}
