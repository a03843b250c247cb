import * as Plot from "@observablehq/plot";
import type { FeatureValue, ValueCount } from "../api/types.ts";
import { decimal, percent } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";

export interface DistributionOptions extends Size {
  /** Where the customer stands: a number or a category of the same feature. */
  readonly mark: FeatureValue;
  /** The categories in their order. */
  readonly order: readonly string[];
  /** A value as people read it. */
  readonly write: (value: FeatureValue) => string;
}

export const DISTRIBUTION_HEIGHT = 144;

/** How a feature is distributed, with one customer's own value marked. */
export function distribution(
  counts: readonly ValueCount[],
  { width, mark, order, write }: DistributionOptions,
): SVGSVGElement {
  const ranges = counts.filter(({ end }) => end !== null);
  return ranges.length > 0
    ? numeric(ranges, typeof mark === "number" ? mark : null, width)
    : categories(
        counts.map(({ value, customers }) => ({ name: write(value), customers })),
        { width, mark: String(mark), order },
      );
}

function numeric(ranges: readonly ValueCount[], mark: number | null, width: number): SVGSVGElement {
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
      Plot.rectY(ranges, { x1: "value", x2: "end", y: "customers", fill: COLOURS.quiet, insetLeft: 1 }),
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

interface Category {
  readonly name: string;
  readonly customers: number;
}

function categories(
  counts: readonly Category[],
  { width, mark, order }: Size & { mark: string; order: readonly string[] },
): SVGSVGElement {
  const all = counts.reduce((sum, { customers }) => sum + customers, 0);
  const shares = counts
    .map(({ name, customers }) => ({ value: name, share: customers / all }))
    .sort((one, other) => order.indexOf(one.value) - order.indexOf(other.value));
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
