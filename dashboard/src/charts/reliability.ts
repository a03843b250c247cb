import * as Plot from "@observablehq/plot";
import { percent } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";

/** Customers of similar probability: what was predicted for them and what happened. */
export interface ReliabilityBin {
  /** Mean predicted probability. */
  readonly predicted: number;
  /** Share who left. */
  readonly observed: number;
  /** Ends of the 95 % interval of `observed`. */
  readonly low: number;
  readonly high: number;
  readonly customers: number;
}

/** Predicted against observed: a model that is right lies on the diagonal. */
export function reliability(bins: readonly ReliabilityBin[], { width }: Size): SVGSVGElement {
  const most = Math.min(1, Math.max(0.2, ...bins.flatMap((bin) => [bin.predicted, bin.high])) * 1.05);
  const axis = { domain: [0, most], ticks: 5, tickSize: 0, tickFormat: (value: number) => percent(value) };
  return Plot.plot({
    width,
    height: 320,
    marginLeft: 48,
    marginBottom: 40,
    style: FRAME_STYLE,
    x: { ...axis, label: "Predicted", labelAnchor: "center", labelArrow: "none" },
    y: { ...axis, label: "Observed", labelArrow: "none" },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 5 }),
      Plot.gridY({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 5 }),
      Plot.link([0], { x1: 0, y1: 0, x2: most, y2: most, stroke: COLOURS.axis, strokeDasharray: "3,3" }),
      Plot.ruleX(bins, { x: "predicted", y1: "low", y2: "high", stroke: COLOURS.accent, strokeWidth: 1.5 }),
      Plot.dot(bins, {
        x: "predicted",
        y: "observed",
        r: 4,
        fill: COLOURS.accent,
        title: (bin: ReliabilityBin) =>
          `Predicted ${percent(bin.predicted, 1)}, observed ${percent(bin.observed, 1)} (${percent(bin.low, 1)} to ${percent(bin.high, 1)})`,
        tip: true,
      }),
    ],
  }) as SVGSVGElement;
}
