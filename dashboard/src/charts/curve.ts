import * as Plot from "@observablehq/plot";
import { decimal, percent } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";

/** A point of a curve; both coordinates are shares unless said otherwise. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number;
}

export interface CurveOptions extends Size {
  readonly x: string;
  readonly y: string;
  /** What guessing would give, as two points. */
  readonly reference?: readonly [CurvePoint, CurvePoint];
  /** A point of the curve that is singled out. */
  readonly mark?: CurvePoint | undefined;
  /** How the vertical axis is written: a share in percent, or a factor. */
  readonly unit?: "share" | "factor";
}

export const CURVE_HEIGHT = 280;

/** A curve of a model's quality, with what guessing gives beside it. */
export function curve(points: readonly CurvePoint[], options: CurveOptions): SVGSVGElement {
  const { width, x, y, reference, mark, unit = "share" } = options;
  const write =
    unit === "share" ? (value: number) => percent(value) : (value: number) => `${decimal(value, 1)}×`;
  const most = unit === "share" ? 1 : Math.max(1, ...points.map((point) => point.y)) * 1.05;
  return Plot.plot({
    width,
    height: CURVE_HEIGHT,
    marginLeft: 48,
    marginBottom: 40,
    marginRight: 16,
    style: FRAME_STYLE,
    x: {
      domain: [0, 1],
      label: x,
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 5,
      tickSize: 0,
      tickFormat: (value: number) => percent(value),
    },
    y: { domain: [0, most], label: y, labelArrow: "none", ticks: 5, tickSize: 0, tickFormat: write },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 5 }),
      Plot.gridY({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 5 }),
      reference
        ? Plot.line(reference, { x: "x", y: "y", stroke: COLOURS.axis, strokeDasharray: "3,3" })
        : null,
      Plot.line(points, {
        x: "x",
        y: "y",
        stroke: COLOURS.accent,
        strokeWidth: 2,
        tip: { format: { x: (value: number) => percent(value, 1), y: write } },
      }),
      mark
        ? Plot.dot([mark], {
            x: "x",
            y: "y",
            r: 6,
            fill: COLOURS.text,
            stroke: COLOURS.surface,
            strokeWidth: 2,
          })
        : null,
    ],
  }) as SVGSVGElement;
}
