import * as Plot from "@observablehq/plot";
import type { Bin } from "../api/types.ts";
import { customers, percent } from "../format.ts";
import { COLOURS, FRAME_STYLE, type Size } from "./frame.ts";
import { svg } from "./svg.ts";
import { fitted, textWidth } from "./text.ts";

export interface SharesOptions extends Size {
  /** The statuses of the customers that the bars count. */
  readonly statuses: readonly string[];
  /** Whether a bin is part of the selection's filters. */
  readonly isChosen: (bin: Bin) => boolean;
  /** Called when the person clicks a bin or presses Enter or Space on it. */
  readonly onChoose: (bin: Bin) => void;
}

const ROW = 28;
const MARGIN = { top: 4, bottom: 24, label: 12 };

/** The height of the chart for so many bins, in pixels. */
export const sharesHeight = (bins: number): number => MARGIN.top + bins * ROW + MARGIN.bottom;

/**
 * How a selection is distributed over one field: bars are shares of the customers, dots with whiskers churn rates with
 * their intervals, both in percent on one axis.
 */
export function shares(bins: readonly Bin[], options: SharesOptions): SVGSVGElement {
  const { width, statuses, isChosen, onChoose } = options;
  const longest = Math.max(0, ...bins.map((bin) => textWidth(bin.label)));
  const marginLeft = Math.min(MARGIN.label + longest, width * 0.48);
  const most = Math.max(0.1, ...bins.flatMap((bin) => [bin.share ?? 0, bin.churn_rate ?? 0]));
  const limit = Math.min(1, most * 1.15);
  return Plot.plot({
    width,
    height: sharesHeight(bins.length),
    marginLeft,
    marginRight: 8,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    style: FRAME_STYLE,
    x: {
      domain: [0, limit],
      label: null,
      ticks: 4,
      tickSize: 0,
      tickFormat: (value: number) => percent(value),
    },
    y: { axis: null, domain: bins.map((_, index) => index), padding: 0 },
    marks: [
      Plot.gridX({ stroke: COLOURS.line, strokeOpacity: 1, ticks: 4 }),
      (_index, scales) => {
        const x = scales.x as (value: number) => number;
        const all = svg("g", {});
        for (const [index, bin] of bins.entries()) {
          all.append(row(bin, { x, limit, index, marginLeft, statuses, chosen: isChosen(bin), onChoose }));
        }
        return all;
      },
    ],
  }) as SVGSVGElement;
}

/** A bin in words, for those who do not see its bar. */
export function binWords(bin: Bin, statuses: readonly string[]): string {
  const counted = `${bin.label}: ${customers(bin.count, statuses)}, ${percent(bin.share ?? 0)}`;
  if (bin.churn_rate === null || bin.churn_rate_interval === null) return counted;
  const [low = 0, high = 1] = bin.churn_rate_interval;
  return `${counted}; churn rate of active and left ${percent(bin.churn_rate)} (${percent(low)} to ${percent(high)})`;
}

interface RowOptions {
  readonly x: (value: number) => number;
  /** Where the axis ends; what reaches further is cut. */
  readonly limit: number;
  readonly index: number;
  readonly marginLeft: number;
  readonly statuses: readonly string[];
  readonly chosen: boolean;
  readonly onChoose: (bin: Bin) => void;
}

function row(bin: Bin, options: RowOptions): SVGGElement {
  const { x, limit, index, marginLeft, statuses, chosen, onChoose } = options;
  const top = MARGIN.top + index * ROW;
  const middle = top + ROW / 2;
  const words = binWords(bin, statuses);
  const group = svg(
    "g",
    { class: "bin", role: "button", tabindex: 0, "aria-pressed": String(chosen) },
    svg("title", {}, words),
    svg("rect", { class: "ground", x: 0, y: top, width: "100%", height: ROW }),
    svg("rect", {
      x: x(0),
      y: top + 6,
      width: Math.max(0, x(bin.share ?? 0) - x(0)),
      height: ROW - 12,
      fill: chosen ? COLOURS.accent : COLOURS.quiet,
    }),
    svg(
      "text",
      {
        x: marginLeft - 8,
        y: middle,
        dy: "0.35em",
        "text-anchor": "end",
        fill: COLOURS.text,
        // The title says it already.
        "aria-hidden": "true",
      },
      fitted(bin.label, marginLeft - MARGIN.label),
    ),
  );
  if (bin.churn_rate !== null && bin.churn_rate_interval !== null) {
    const [low = 0, high = 1] = bin.churn_rate_interval;
    group.append(
      svg("path", {
        d: `M${x(low)},${middle}H${x(Math.min(high, limit))}`,
        stroke: COLOURS.churn,
        "stroke-width": 1.5,
      }),
      svg("circle", {
        cx: x(bin.churn_rate),
        cy: middle,
        r: 4,
        fill: COLOURS.churn,
        stroke: COLOURS.surface,
      }),
    );
  }
  group.addEventListener("click", () => onChoose(bin));
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onChoose(bin);
  });
  return group;
}
