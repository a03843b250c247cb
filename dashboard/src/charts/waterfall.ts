import * as Plot from "@observablehq/plot";
import type { Contribution } from "../api/types.ts";
import { decimal, withSign } from "../format.ts";
import { COLOURS, FRAME_STYLE, NARROW, type Size } from "./frame.ts";
import { svg } from "./svg.ts";
import { textWidth } from "./text.ts";

/** The most rows a waterfall has; what does not fit is added up in the last one. */
const MOST_ROWS = 10;

/** What the chart needs to know of a contribution. */
export type Part = Pick<Contribution, "feature" | "label" | "value" | "contribution">;

/** One step of the way from the base value to the prediction, in log-odds. */
export interface Step {
  /** The feature that makes the step; null for a sum of features. */
  readonly feature: string | null;
  readonly label: string;
  /** The customer's value as people read it; null for a sum of features. */
  readonly value: string | null;
  readonly contribution: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The steps from `base` (at the bottom) to the prediction (at the top), largest first. `contributions` come ordered by
 * magnitude, as the API sends them.
 */
export function steps(base: number, contributions: readonly Part[]): Step[] {
  const cut = contributions.length > MOST_ROWS;
  const shown = cut ? contributions.slice(0, MOST_ROWS - 1) : contributions;
  const rest = contributions.slice(shown.length);
  const rows: Pick<Step, "feature" | "label" | "value" | "contribution">[] = [...shown];
  if (cut) {
    const contribution = rest.reduce((sum, one) => sum + one.contribution, 0);
    rows.push({ feature: null, label: `${rest.length} other features`, value: null, contribution });
  }
  let level = base;
  const upwards = rows.reverse().map(({ feature, label, value, contribution }) => {
    const from = level;
    level += contribution;
    return { feature, label, value, contribution, from, to: level };
  });
  return upwards.reverse();
}

export interface WaterfallOptions extends Size {
  /** Called with the step that the person points at or moves to by keyboard. */
  readonly onPoint?: (step: Step) => void;
}

const ROW = 32;
const NARROW_ROW = 48;
const MARGIN = { top: 32, bottom: 40 };

/** The height in pixels of a chart with this many contributions on a wide screen. */
export const waterfallHeight = (contributions: number): number =>
  MARGIN.top + Math.min(MOST_ROWS, contributions) * ROW + MARGIN.bottom;

const BAR = 20;
const HEAD = 7;
/** From a row's name to the plotting area. */
const GAP = 12;

/** A row's name: the customer's value and the feature. */
const nameOf = ({ value, label }: Step) => (value === null ? label : `${value} = ${label}`);

/** How one prediction comes about: SHAP's waterfall, in log-odds. */
export function waterfall(
  base: number,
  contributions: readonly Part[],
  { width, onPoint }: WaterfallOptions,
): SVGSVGElement {
  const rows = steps(base, contributions);
  const prediction = rows[0]?.to ?? base;
  const names = GAP + Math.ceil(Math.max(0, ...rows.map((step) => textWidth(nameOf(step)))));
  const narrow = width < NARROW || names > width / 2;
  const row = narrow ? NARROW_ROW : ROW;
  const ends = rows.flatMap((step) => [step.from, step.to]);
  const low = Math.min(base, ...ends);
  const high = Math.max(base, ...ends);
  // Room for the numbers beside the bars.
  const pad = (high - low || 1) * (narrow ? 0.2 : 0.12);
  const { top: marginTop, bottom: marginBottom } = MARGIN;

  return Plot.plot({
    width,
    height: marginTop + rows.length * row + marginBottom,
    marginLeft: narrow ? 8 : names,
    marginRight: 8,
    marginTop,
    marginBottom,
    style: FRAME_STYLE,
    x: {
      domain: [low - pad, high + pad],
      label: null,
      ticks: Math.max(3, Math.round(width / 110)),
      tickSize: 0,
    },
    y: { domain: rows.map((_, index) => index), axis: null, padding: 0 },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks: Math.max(3, Math.round(width / 110)) }),
      Plot.ruleX([base], { stroke: COLOURS.axis, strokeDasharray: "2,3" }),
      Plot.ruleX([prediction], { stroke: COLOURS.axis, strokeDasharray: "2,3" }),
      Plot.text([prediction], {
        x: (value: number) => value,
        frameAnchor: "top",
        dy: -20,
        text: (value: number) => `f(x) = ${decimal(value, 3)}`,
        fill: COLOURS.text,
        fontWeight: 600,
      }),
      Plot.text([base], {
        x: (value: number) => value,
        frameAnchor: "bottom",
        dy: 30,
        text: (value: number) => `E[f(X)] = ${decimal(value, 3)}`,
        fill: COLOURS.text,
      }),
      (_index, scales, _channels, dimensions) =>
        stepGroups(rows, {
          x: scales.x as (value: number) => number,
          top: (index) => marginTop + index * row,
          left: dimensions.marginLeft,
          row,
          narrow,
          onPoint,
        }),
    ],
  }) as SVGSVGElement;
}

interface Geometry {
  readonly x: (value: number) => number;
  readonly top: (index: number) => number;
  /** Where the plotting area begins. */
  readonly left: number;
  readonly row: number;
  readonly narrow: boolean;
  readonly onPoint: ((step: Step) => void) | undefined;
}

function stepGroups(rows: readonly Step[], geometry: Geometry): SVGGElement {
  const { x, top, left, row, narrow, onPoint } = geometry;
  const all = svg("g", {});
  for (const [index, step] of rows.entries()) {
    const number = withSign(step.contribution);
    const group = svg("g", {
      class: "step",
      role: "img",
      "aria-label": `${nameOf(step)}: ${number}`,
      ...(onPoint && { tabindex: "0" }),
    });
    group.dataset.contribution = String(step.contribution);
    if (step.feature) group.dataset.feature = step.feature;

    const middle = narrow ? top(index) + row - BAR / 2 - 4 : top(index) + row / 2;
    const [from, to] = [x(step.from), x(step.to)];
    const rises = step.contribution >= 0;

    // The whole row answers to the pointer, not only the bar.
    const ground = svg("rect", {
      class: "ground",
      x: "0",
      y: `${top(index)}`,
      width: "100%",
      height: `${row}`,
    });
    const arrow = svg("path", {
      d: arrowPath(from, to, middle),
      fill: rises ? COLOURS.raises : COLOURS.lowers,
    });
    const below = index + 1 < rows.length;
    const joint = svg("path", {
      d: below ? `M${from},${middle + BAR / 2}V${middle + row - BAR / 2}` : "",
      stroke: COLOURS.axis,
      "stroke-dasharray": "2,3",
    });
    const effect = svg("text", {
      x: `${to + (rises ? 6 : -6)}`,
      y: `${middle}`,
      dy: "0.35em",
      fill: COLOURS.text,
      "text-anchor": rises ? "start" : "end",
    });
    effect.textContent = number;

    const label = svg("text", {
      x: `${narrow ? left : left - GAP}`,
      y: `${narrow ? top(index) + 12 : middle}`,
      dy: "0.35em",
      fill: COLOURS.text,
      "text-anchor": narrow ? "start" : "end",
    });
    if (step.value !== null) {
      const value = svg("tspan", { fill: COLOURS.muted });
      value.textContent = `${step.value} = `;
      label.append(value);
    }
    label.append(step.label);

    group.append(ground, joint, arrow, effect, label);
    if (onPoint) {
      group.addEventListener("pointerenter", () => onPoint(step));
      group.addEventListener("focus", () => onPoint(step));
    }
    all.append(group);
  }
  return all;
}

/** A bar whose end points the way it pushes. */
function arrowPath(from: number, to: number, middle: number): string {
  const direction = Math.sign(to - from) || 1;
  const head = Math.min(HEAD, Math.abs(to - from)) * direction;
  const half = BAR / 2;
  return `M${from},${middle - half}H${to - head}L${to},${middle}L${to - head},${middle + half}H${from}Z`;
}
