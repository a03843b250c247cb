import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { download, svgFile } from "../charts/file.ts";
import { pictureIn } from "./chart.tsx";

interface Props {
  /** What the card shows, as a statement or a question. */
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** The name, without ending, under which the card's chart can be saved as a picture. */
  readonly picture?: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A titled surface. */
export function Card({ title, note, actions, picture, class: extra = "", children }: Props) {
  const root = useRef<HTMLElement>(null);
  const heading = useId();
  const save = () => {
    const card = root.current;
    const drawn = card?.querySelector(".chart")?.firstElementChild;
    const chart = drawn && pictureIn(drawn);
    if (!card || !chart || !picture) return;
    download(`${picture}.svg`, "image/svg+xml", svgFile(chart, getComputedStyle(card).backgroundColor));
  };
  return (
    <section ref={root} class={`card ${extra}`} aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        <div class="actions">
          {actions}
          {picture && (
            <button type="button" class="button quiet" onClick={save} aria-label={`Save as SVG: ${title}`}>
              Save as SVG
            </button>
          )}
        </div>
      </header>
      {note && <p class="note-line small muted">{note}</p>}
      {children}
    </section>
  );
}
