import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface Props {
  /** What the list holds, for screen readers. */
  readonly label: string;
  /** How many rows there are to scroll through now. */
  readonly length: number;
  /** How many rows there will be when everything is loaded. */
  readonly total: number;
  /** Every row's height in pixels. */
  readonly rowHeight: number;
  /** The position of the selected row, −1 for none. */
  readonly selected: number;
  /** When this changes the list starts again at its top. */
  readonly generation: string;
  /** What a row is of, whatever characters that has. */
  readonly id: (index: number) => string;
  readonly row: (index: number) => ComponentChildren;
  readonly onSelect: (index: number) => void;
  /** The last rows are nearly in view; called again as long as they are. */
  readonly onNearEnd: () => void;
}

/** Rows kept ready above and below what is visible. */
const OVERSCAN = 6;

/** A list box of any length that keeps only the visible rows in the document. */
export function VirtualList(props: Props) {
  const { length, total, rowHeight, selected, generation, onSelect, onNearEnd } = props;
  const box = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const rowId = (index: number) => `${prefix}-${index}`;
  const [window_, setWindow] = useState({ top: 0, height: 800 });

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setWindow({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);

  // A new list starts at its top, and the first one at what is selected.
  const isFirst = useRef(true);
  useEffect(() => {
    const top = isFirst.current && selected >= 0 ? (selected - 1) * rowHeight : 0;
    isFirst.current = false;
    box.current?.scrollTo({ top: Math.max(0, top) });
  }, [generation]);

  const first = Math.max(0, Math.floor(window_.top / rowHeight) - OVERSCAN);
  const end = Math.min(length, Math.ceil((window_.top + window_.height) / rowHeight) + OVERSCAN);
  const perPage = Math.max(1, Math.floor(window_.height / rowHeight) - 1);

  const nearEnd = length > 0 && end + perPage >= length;
  // The list may have grown and still be too short, or have been loaded anew and be as it was.
  useEffect(() => {
    if (nearEnd) onNearEnd();
  });

  const move = (to: number) => {
    const index = Math.min(length - 1, Math.max(0, to));
    const element = box.current;
    if (index < 0 || !element) return;
    const top = index * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight;
    onSelect(index);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const target = {
      ArrowDown: selected + 1,
      ArrowUp: selected < 0 ? 0 : selected - 1,
      PageDown: selected + perPage,
      PageUp: selected - perPage,
      Home: 0,
      End: length - 1,
    }[event.key];
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(target);
  };

  const visible = Array.from({ length: Math.max(0, end - first) }, (_, offset) => first + offset);
  return (
    <div
      ref={box}
      class="rows"
      role="listbox"
      tabIndex={0}
      aria-label={props.label}
      aria-activedescendant={selected >= first && selected < end ? rowId(selected) : undefined}
      onKeyDown={onKeyDown}
    >
      <div class="runway" role="presentation" style={{ height: `${length * rowHeight}px` }}>
        {visible.map((index) => (
          // The list box itself takes the keys, as the pattern for list boxes wants it.
          // biome-ignore lint/a11y/useKeyWithClickEvents: see above
          <div
            key={props.id(index)}
            id={rowId(index)}
            data-id={props.id(index)}
            class="row"
            role="option"
            tabIndex={-1}
            aria-selected={index === selected}
            aria-posinset={index + 1}
            aria-setsize={total}
            style={{ transform: `translateY(${index * rowHeight}px)` }}
            onClick={() => onSelect(index)}
          >
            {props.row(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
