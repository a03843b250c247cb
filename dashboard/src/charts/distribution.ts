import * as Plot from "@observablehq/plot";
import type { FeatureValue } from "../api/types.ts";
import { decimal, percent } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";

export interface DistributionOptions extends Size {
  /** Where the customer stands: a number or a category of the same feature. */
  readonly mark: FeatureValue;
}

export const DISTRIBUTION_HEIGHT = 144;

/** How a feature is distributed, with one customer's own value marked. */
export function distribution(
  values: readonly FeatureValue[],
  { width, mark }: DistributionOptions,
): SVGSVGElement {
  const numbers = values.filter((value) => typeof value === "number");
  return numbers.length > 0
    ? numeric(numbers, typeof mark === "number" ? mark : null, width)
    : categories(values.map(String), String(mark), width);
}

function numeric(values: readonly number[], mark: number | null, width: number): SVGSVGElement {
  return Plot.plot({
    width,
    height: DISTRIBUTION_HEIGHT,
    marginLeft: 4,
    marginRight: 4,
    marginTop: 24,
    style: FRAME_STYLE,
    x: { label: null, ticks: 4, tickSize: 0 },
    y: { axis: null },
    marks: [
      Plot.rectY(
        values,
        Plot.binX<Plot.RectYOptions>(
          { y: "count" },
          { x: (value: number) => value, thresholds: 24, fill: COLOURS.quiet, insetLeft: 1 },
        ),
      ),
      Plot.ruleY([0], { stroke: COLOURS.axis }),
      mark === null ? null : Plot.ruleX([mark], { stroke: COLOURS.text, strokeWidth: 2 }),
      mark === null
        ? null
        : Plot.text([mark], {
            x: (value: number) => value,
            frameAnchor: "top",
            dy: -16,
            text: (value: number) => decimal(value, Number.isInteger(value) ? 0 : 2),
            fill: COLOURS.text,
            fontWeight: 600,
          }),
    ],
  }) as SVGSVGElement;
}

function categories(values: readonly string[], mark: string, width: number): SVGSVGElement {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const shares = [...counts]
    .map(([value, count]) => ({ value, share: count / values.length }))
    .sort((one, other) => other.share - one.share);
  return Plot.plot({
    width,
    height: DISTRIBUTION_HEIGHT,
    marginLeft: 4,
    marginRight: 48,
    marginTop: 0,
    marginBottom: 0,
    style: FRAME_STYLE,
    x: { axis: null },
    y: { axis: null, domain: shares.map(({ value }) => value), padding: 0.1 },
    marks: [
      Plot.barX(shares, {
        x: "share",
        y: "value",
        insetTop: DISTRIBUTION_HEIGHT / shares.length / 2 - 2,
        fill: ({ value }) => (value === mark ? COLOURS.text : COLOURS.quiet),
      }),
      Plot.text(shares, {
        x: 0,
        y: "value",
        dy: -8,
        text: ({ value }) => (value === mark ? `${value} (this customer)` : value),
        textAnchor: "start",
        fill: COLOURS.text,
      }),
      Plot.text(shares, {
        x: "share",
        y: "value",
        dx: 6,
        dy: DISTRIBUTION_HEIGHT / shares.length / 4,
        text: ({ share }) => percent(share),
        textAnchor: "start",
        fill: COLOURS.muted,
      }),
    ],
  }) as SVGSVGElement;
}
