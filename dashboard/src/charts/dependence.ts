import * as Plot from "@observablehq/plot";
import type { FeatureImportance, FeatureValue } from "../api/types.ts";
import { withSign } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";

export const DEPENDENCE_HEIGHT = 360;

interface Dot {
  readonly value: FeatureValue;
  readonly contribution: number;
  readonly other: FeatureValue;
}

export interface DependenceOptions extends Size {
  /** The feature whose value colours the dots; its points are the same customers in the same order. */
  readonly by: FeatureImportance | undefined;
  /** The values of a feature that is no number, in their order. */
  readonly order: (feature: string) => readonly string[];
  /** A feature's value as people read it. */
  readonly write: (feature: string, value: FeatureValue) => string;
}

/** What one feature adds at each of its values; colour shows the feature that it interacts with most. */
export function dependence(
  feature: FeatureImportance,
  { width, by, order, write }: DependenceOptions,
): HTMLElement | SVGSVGElement {
  const dots: Dot[] = feature.points.map((point, index) => ({
    ...point,
    other: by?.points[index]?.value ?? null,
  }));
  const isNumber = dots.some((dot) => typeof dot.value === "number");
  const byNumber = dots.some((dot) => typeof dot.other === "number");
  const name = (dot: Dot) => write(feature.feature, dot.value);
  const other = (dot: Dot) => (by ? write(by.feature, dot.other) : "");
  const categories = inOrder(dots.map(name), order(feature.feature));
  const place = (dot: Dot, index: number) =>
    isNumber ? dot.value : categories.indexOf(name(dot)) + spread(index);
  return Plot.plot({
    width,
    height: DEPENDENCE_HEIGHT,
    marginLeft: 48,
    marginBottom: 44,
    style: FRAME_STYLE,
    x: {
      ...(isNumber
        ? {}
        : {
            domain: [-0.5, categories.length - 0.5],
            ticks: categories.map((_, index) => index),
            tickFormat: (index: number) => categories[index] ?? "",
          }),
      label: feature.label,
      labelAnchor: "center",
      labelArrow: "none",
      tickSize: 0,
    },
    y: { label: "SHAP value (log-odds)", labelArrow: "none", tickSize: 0, ticks: 6 },
    color: by
      ? byNumber
        ? { type: "linear", range: ["#008bfb", "#ff0051"], legend: true, label: by.label }
        : {
            type: "categorical",
            scheme: "observable10",
            domain: inOrder(dots.map(other), order(by.feature)),
            legend: true,
            label: by.label,
          }
      : {},
    marks: [
      Plot.gridY({ stroke: COLOURS.line, strokeOpacity: 1 }),
      Plot.ruleY([0], { stroke: COLOURS.axis }),
      Plot.dot(dots, {
        x: place,
        y: "contribution",
        r: 2.5,
        fill: by ? (byNumber ? "other" : other) : COLOURS.accent,
        fillOpacity: 0.8,
        title: (dot: Dot) =>
          `${feature.label}: ${name(dot)}\n${withSign(dot.contribution)} log-odds${by ? `\n${by.label}: ${other(dot)}` : ""}`,
        tip: true,
      }),
    ],
  });
}

/** The names that occur, each once, in an order. */
const inOrder = (names: readonly string[], order: readonly string[]): string[] =>
  [...new Set(names)].sort((one, other) => order.indexOf(one) - order.indexOf(other));

/** Spreads dots of one category sideways, evenly and always in the same way, so that they can be told apart. */
function spread(index: number): number {
  const GOLDEN = 0.618034;
  return 0.6 * (((index * GOLDEN) % 1) - 0.5);
}
