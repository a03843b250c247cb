import * as Plot from "@observablehq/plot";
import type { FeatureImportance, FeatureValue } from "../api/types.ts";
import { withSign } from "../format.ts";
import { COLOURS, FRAME_STYLE, NARROW, type Size } from "./frame.ts";

const ROW = 36;
const MARGIN = { top: 8, bottom: 44 };
const RADIUS = 2;
/** Points closer than this, in pixels, are stacked. */
const SLOT = 4;

/** The height of the chart for so many features, in pixels. */
export const beeswarmHeight = (features: number): number => MARGIN.top + features * ROW + MARGIN.bottom;

interface Bee {
  readonly feature: string;
  readonly value: FeatureValue;
  readonly contribution: number;
  /** The value's place between the 5th and the 95th percentile, 0 to 1; null where missing or not a number. */
  readonly level: number | null;
  /** Pixels off the row's middle. */
  readonly offset: number;
}

/** Every dot is a customer: where it lies says what the feature adds, its colour how large the value is. */
export function beeswarm(features: readonly FeatureImportance[], { width }: Size): SVGSVGElement {
  const all = features.flatMap((feature) => feature.points.map((point) => point.contribution));
  const [least, most] = [Math.min(0, ...all), Math.max(0, ...all)];
  const pad = (most - least || 1) * 0.04;
  const marginLeft = width < NARROW ? 120 : 160;
  const pixels = width - marginLeft - 16;
  const bees = features.flatMap((feature) => swarm(feature, (most - least + 2 * pad) / pixels));
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
          title: (bee: Bee) =>
            `${bee.feature}: ${bee.value ?? "missing"}\n${withSign(bee.contribution)} log-odds`,
        }),
      ),
    ],
  }) as SVGSVGElement;
}

/** Stacks the dots of one feature around its row, as many as would cover one another. `scale` is units per pixel. */
function swarm(feature: FeatureImportance, scale: number): Bee[] {
  const levels = valueLevels(feature.points.map((point) => point.value));
  const filled = new Map<number, number>();
  return feature.points.map(({ value, contribution }, index) => {
    const slot = Math.round(contribution / scale / SLOT);
    const earlier = filled.get(slot) ?? 0;
    filled.set(slot, earlier + 1);
    const side = earlier % 2 === 0 ? 1 : -1;
    const distance = Math.ceil(earlier / 2) * 1.5;
    const offset = Math.min(distance, ROW / 2 - RADIUS) * side;
    return { feature: feature.label, value, contribution, level: levels[index] ?? null, offset };
  });
}

/**
 * Where each value lies between low and high: numbers between their 5th and 95th percentile, yes above no, other names in
 * alphabetical order.
 */
export function valueLevels(values: readonly FeatureValue[]): (number | null)[] {
  const numbers = values.filter((value) => typeof value === "number").sort((one, other) => one - other);
  if (numbers.length > 0) {
    const low = numbers[Math.floor(0.05 * (numbers.length - 1))] ?? 0;
    const high = numbers[Math.ceil(0.95 * (numbers.length - 1))] ?? 1;
    return values.map((value) =>
      typeof value === "number" ? Math.min(1, Math.max(0, (value - low) / (high - low || 1))) : null,
    );
  }
  const names = [...new Set(values.filter((value) => typeof value === "string"))].sort();
  return values.map((value) =>
    typeof value === "string" ? names.indexOf(value) / Math.max(1, names.length - 1) : null,
  );
}
