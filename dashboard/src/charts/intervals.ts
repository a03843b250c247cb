import * as Plot from "@observablehq/plot";
import { COLOURS, FRAME_STYLE, NARROW, type Size } from "./frame.ts";
import { fitted, textWidth } from "./text.ts";

/** An estimate with its interval. */
export interface Estimated {
  readonly label: string;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Drawn in the accent colour. */
  readonly strong?: boolean;
}

export interface IntervalsOptions extends Size {
  readonly format: (value: number) => string;
  /** Says under the axis what the numbers are. */
  readonly axis: string;
  /** Where there is no effect; left out where there is no such place. */
  readonly reference?: number;
}

const ROW = 32;
/** On a narrow screen the label stands above its interval. */
const NARROW_ROW = 48;
const MARGIN = { top: 8, bottom: 40 };
/** Beside a label, in pixels. */
const LABEL_MARGIN = 20;

/** The height of the chart for so many estimates on a wide screen, in pixels. */
export const intervalsHeight = (count: number): number => MARGIN.top + count * ROW + MARGIN.bottom;

/** Estimates with their intervals under one another: a forest plot. */
export function intervals(rows: readonly Estimated[], options: IntervalsOptions): SVGSVGElement {
  const { width, format, axis, reference } = options;
  const values = [
    ...rows.flatMap((row) => [row.low, row.high]),
    ...(reference === undefined ? [] : [reference]),
  ];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const pad = (most - least || 1) * 0.08;
  const narrow = width < NARROW;
  const words = (row: Estimated) => `${format(row.estimate)} [${format(row.low)}, ${format(row.high)}]`;
  const room = (text: (row: Estimated) => string) =>
    LABEL_MARGIN + Math.max(0, ...rows.map((row) => textWidth(text(row))));
  const marginLeft = narrow
    ? 8
    : Math.min(
        room((row) => row.label),
        width * 0.34,
      );
  const marginRight = narrow ? 24 : room(words);
  const ticks = Math.max(3, Math.floor((width - marginLeft - marginRight) / 88));
  const colour = (row: Estimated) => (row.strong ? COLOURS.accent : COLOURS.axis);
  return Plot.plot({
    width,
    height: MARGIN.top + rows.length * (narrow ? NARROW_ROW : ROW) + MARGIN.bottom,
    marginLeft,
    marginRight,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    style: FRAME_STYLE,
    x: {
      domain: [least - pad, most + pad],
      label: axis,
      labelAnchor: "center",
      labelArrow: "none",
      ticks,
      tickSize: 0,
      tickFormat: format,
    },
    y: {
      type: "point",
      domain: rows.map((row) => row.label),
      axis: narrow ? null : "left",
      label: null,
      tickSize: 0,
      padding: 0.5,
      tickFormat: (label: string) => fitted(label, marginLeft - LABEL_MARGIN),
    },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks }),
      reference === undefined ? null : Plot.ruleX([reference], { stroke: COLOURS.axis, strokeWidth: 1.5 }),
      Plot.link(rows, { y1: "label", y2: "label", x1: "low", x2: "high", stroke: colour, strokeWidth: 2 }),
      Plot.dot(rows, {
        x: "estimate",
        y: "label",
        r: 5,
        fill: colour,
        stroke: COLOURS.surface,
        title: (row: Estimated) => `${row.label}: ${words(row)}`,
        tip: true,
      }),
      Plot.text(rows, {
        y: "label",
        ...(narrow
          ? {
              frameAnchor: "left",
              dy: -16,
              textAnchor: "start",
              text: (row: Estimated) => `${row.label}: ${format(row.estimate)}`,
            }
          : { frameAnchor: "right", dx: 12, textAnchor: "start", text: words }),
        fill: COLOURS.text,
        stroke: COLOURS.surface,
        strokeWidth: 3,
      }),
    ],
  }) as SVGSVGElement;
}
