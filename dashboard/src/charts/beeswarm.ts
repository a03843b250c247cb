import * as Plot from "@observablehq/plot";
import type { FeatureImportance, FeatureValue } from "../api/types.ts";
import { withSign } from "../format.ts";
import { COLOURS, FRAME_STYLE, NARROW, type Size } from "./frame.ts";
import { fitted } from "./text.ts";

const ROW = 36;
const MARGIN = { top: 8, bottom: 44 };
const RADIUS = 2;
/** Beside a label, in pixels. */
const LABEL_MARGIN = 12;
/** Points closer than this, in pixels, are stacked. */
const SLOT = 4;

/** The height of the chart for so many features, in pixels. */
export const beeswarmHeight = (features: number): number => MARGIN.top + features * ROW + MARGIN.bottom;

export interface BeeswarmOptions extends Size {
  /** The values of a feature that is no number, in their order. */
  readonly order: (feature: string) => readonly string[];
  /** A feature's value as people read it. */
  readonly write: (feature: string, value: FeatureValue) => string;
}

interface Bee {
  readonly feature: string;
  /** The customer's value as people read it. */
  readonly value: string;
  readonly contribution: number;
  /** The value's place between the 5th and the 95th percentile, 0 to 1; null where missing or not a number. */
  readonly level: number | null;
  /** Pixels off the row's middle. */
  readonly offset: number;
}

/** Every dot is a customer: where it lies says what the feature adds, its colour how large the value is. */
export function beeswarm(
  features: readonly FeatureImportance[],
  { width, order, write }: BeeswarmOptions,
): SVGSVGElement {
  const all = features.flatMap((feature) => feature.points.map((point) => point.contribution));
  const [least, most] = [Math.min(0, ...all), Math.max(0, ...all)];
  const pad = (most - least || 1) * 0.04;
  const marginLeft = width < NARROW ? 120 : 160;
  const pixels = width - marginLeft - 16;
  const bees = features.flatMap((feature) =>
    swarm(feature, (most - least + 2 * pad) / pixels, { order, write }),
  );
  return Plot.plot({
    width,
    height: beeswarmHeight(features.length),
    marginLeft,
    marginRight: 16,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    style: FRAME_STYLE,
    x: {
      domain: [least - pad, most + pad],
      label: "SHAP value (impact on model output)",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: Math.max(3, Math.round(width / 110)),
      tickSize: 0,
    },
    y: {
      type: "point",
      domain: features.map((feature) => feature.label),
      label: null,
      tickSize: 0,
      padding: 0.5,
      tickFormat: (label: string) => fitted(label, marginLeft - LABEL_MARGIN),
    },
    color: { type: "linear", domain: [0, 1], range: ["#008bfb", "#ff0051"], unknown: COLOURS.axis },
    marks: [
      Plot.ruleY(features, { y: "label", stroke: COLOURS.line, strokeDasharray: "1,3" }),
      Plot.ruleX([0], { stroke: COLOURS.axis }),
      // Dots of one offset share one mark, because Plot shifts marks, not dots.
      ...[...Map.groupBy(bees, (bee) => bee.offset)].map(([offset, level]) =>
        Plot.dot(level, { x: "contribution", y: "feature", r: RADIUS, dy: offset, fill: "level" }),
      ),
      Plot.tip(
        bees,
        Plot.pointer({
          x: "contribution",
          y: "feature",
          title: (bee: Bee) => `${bee.feature}: ${bee.value}\n${withSign(bee.contribution)} log-odds`,
        }),
      ),
    ],
  }) as SVGSVGElement;
}

/** Stacks the dots of one feature around its row, as many as would cover one another. `scale` is units per pixel. */
function swarm(
  feature: FeatureImportance,
  scale: number,
  { order, write }: Omit<BeeswarmOptions, "width">,
): Bee[] {
  const values = feature.points.map(({ value }) => write(feature.feature, value));
  const isNumber = feature.points.some(({ value }) => typeof value === "number");
  const levels = isNumber
    ? numberLevels(feature.points.map(({ value }) => value))
    : nameLevels(values, order(feature.feature));
  const filled = new Map<number, number>();
  return feature.points.map(({ contribution }, index) => {
    const slot = Math.round(contribution / scale / SLOT);
    const earlier = filled.get(slot) ?? 0;
    filled.set(slot, earlier + 1);
    const side = earlier % 2 === 0 ? 1 : -1;
    const distance = Math.ceil(earlier / 2) * 1.5;
    const offset = Math.min(distance, ROW / 2 - RADIUS) * side;
    const value = values[index] ?? "";
    return { feature: feature.label, value, contribution, level: levels[index] ?? null, offset };
  });
}

/** Where each number lies between the 5th and the 95th percentile; null where it is missing. */
export function numberLevels(values: readonly FeatureValue[]): (number | null)[] {
  const numbers = values.filter((value) => typeof value === "number").sort((one, other) => one - other);
  const low = numbers[Math.floor(0.05 * (numbers.length - 1))] ?? 0;
  const high = numbers[Math.ceil(0.95 * (numbers.length - 1))] ?? 1;
  return values.map((value) =>
    typeof value === "number" ? Math.min(1, Math.max(0, (value - low) / (high - low || 1))) : null,
  );
}

/** Where each name lies in an order whose last one stands for a missing value. */
export function nameLevels(names: readonly string[], order: readonly string[]): (number | null)[] {
  const known = order.slice(0, -1).filter((name) => names.includes(name));
  return names.map((name) => {
    const place = known.indexOf(name);
    return place < 0 ? null : place / Math.max(1, known.length - 1);
  });
}
