import * as Plot from "@observablehq/plot";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";
import { fitted, textWidth } from "./text.ts";

/** A name and a number. */
export interface Bar {
  readonly label: string;
  readonly value: number;
}

export interface BarsOptions extends Size {
  readonly format: (value: number) => string;
  /** Says under the axis what the numbers are. */
  readonly axis: string;
  /** Whether the numbers raise or lower the risk, rather than being magnitudes. */
  readonly directed: boolean;
}

const ROW = 28;
/** Beside a label, in pixels. */
const LABEL_MARGIN = 12;
const MARGIN = { top: 4, bottom: 40 };

/** The height of the chart for so many bars, in pixels. */
export const barsHeight = (count: number): number => MARGIN.top + count * ROW + MARGIN.bottom;

/** One bar for each number; directed ones in the colours of what raises and lowers the risk. */
export function bars(rows: readonly Bar[], { width, format, axis, directed }: BarsOptions): SVGSVGElement {
  const least = Math.min(0, ...rows.map((row) => row.value));
  const most = Math.max(0, ...rows.map((row) => row.value));
  const pad = (most - least || 1) * 0.18;
  const longest = Math.max(0, ...rows.map((row) => textWidth(row.label)));
  const marginLeft = Math.min(LABEL_MARGIN + longest, width * 0.4);
  return Plot.plot({
    width,
    height: barsHeight(rows.length),
    marginLeft,
    marginRight: 8,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    style: FRAME_STYLE,
    x: {
      domain: [least < 0 ? least - pad : 0, most > 0 ? most + pad : 0],
      label: axis,
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 4,
      tickSize: 0,
    },
    y: {
      domain: rows.map((row) => row.label),
      label: null,
      tickSize: 0,
      padding: 0.3,
      tickFormat: (label: string) => fitted(label, marginLeft - LABEL_MARGIN),
    },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 4 }),
      Plot.barX(rows, {
        x: "value",
        y: "label",
        fill: (row: Bar) => (!directed ? COLOURS.accent : row.value < 0 ? COLOURS.lowers : COLOURS.raises),
      }),
      Plot.ruleX([0], { stroke: COLOURS.axis }),
      ...[1, -1].map((side) =>
        Plot.text(
          rows.filter((row) => (row.value < 0 ? -1 : 1) === side),
          {
            x: "value",
            y: "label",
            dx: 6 * side,
            text: (row: Bar) => format(row.value),
            textAnchor: side < 0 ? "end" : "start",
            fill: COLOURS.text,
          },
        ),
      ),
    ],
  }) as SVGSVGElement;
}
