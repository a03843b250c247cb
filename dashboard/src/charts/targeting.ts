import * as Plot from "@observablehq/plot";
import { percent } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";

/** Treating the first of a ranking. */
export interface TargetingPoint {
  readonly share: number;
  readonly value: number;
  /** Ends of the interval of a share that was chosen beforehand. */
  readonly interval: readonly number[];
  /** Ends of the band that holds at all shares at once. */
  readonly simultaneous: readonly number[];
}

export interface TargetingOptions extends Size {
  readonly y: string;
  /** How a value is written. */
  readonly format: (value: number) => string;
  /** What a random order is worth. */
  readonly random: readonly TargetingPoint[];
  /** The share that the decision treats. */
  readonly mark?: TargetingPoint | undefined;
}

export const TARGETING_HEIGHT = 300;

const NOTHING: TargetingPoint = { share: 0, value: 0, interval: [0, 0], simultaneous: [0, 0] };

/** What treating is worth by the share treated, with both bands, beside a random order. */
export function targeting(points: readonly TargetingPoint[], options: TargetingOptions): SVGSVGElement {
  const { width, y, format, random, mark } = options;
  const curve = [NOTHING, ...points];
  const band = (name: "interval" | "simultaneous", opacity: number) =>
    Plot.areaY(curve, {
      x: "share",
      y1: (point: TargetingPoint) => point[name][0],
      y2: (point: TargetingPoint) => point[name][1],
      fill: COLOURS.accent,
      fillOpacity: opacity,
    });
  return Plot.plot({
    width,
    height: TARGETING_HEIGHT,
    marginLeft: 72,
    marginBottom: 40,
    marginRight: 16,
    style: FRAME_STYLE,
    x: {
      domain: [0, 1],
      label: "Share of the customers treated",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 5,
      tickSize: 0,
      tickFormat: (value: number) => percent(value),
    },
    y: { label: y, labelArrow: "none", ticks: 5, tickSize: 0, tickFormat: format },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 5 }),
      Plot.gridY({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 5 }),
      band("simultaneous", 0.12),
      band("interval", 0.2),
      Plot.ruleY([0], { stroke: COLOURS.axis }),
      Plot.line([NOTHING, ...random], {
        x: "share",
        y: "value",
        stroke: COLOURS.muted,
        strokeDasharray: "3,3",
      }),
      Plot.line(curve, {
        x: "share",
        y: "value",
        stroke: COLOURS.accent,
        strokeWidth: 2,
        tip: { format: { x: (value: number) => percent(value), y: format } },
      }),
      mark
        ? Plot.dot([mark], {
            x: "share",
            y: "value",
            r: 6,
            fill: COLOURS.text,
            stroke: COLOURS.surface,
            strokeWidth: 2,
          })
        : null,
    ],
  }) as SVGSVGElement;
}
