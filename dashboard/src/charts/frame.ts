/** What all charts share: their type, their colours, and the function shape `(data, options) → element`. */

/** How much room a chart may take, in CSS pixels. */
export interface Size {
  readonly width: number;
}

/** A chart: an SVG, or a figure around one when it has a legend. */
export type ChartElement = SVGSVGElement | HTMLElement;

/** Type and ground of every chart; colours follow the page's theme. */
export const FRAME_STYLE = {
  background: "transparent",
  color: "var(--muted)",
  fontFamily: "inherit",
  fontSize: "12px",
  overflow: "visible",
} as const;

export const COLOURS = {
  text: "var(--text)",
  muted: "var(--muted)",
  line: "var(--line)",
  axis: "var(--line-strong)",
  accent: "var(--accent)",
  quiet: "var(--bars)",
  churn: "var(--churn)",
  raises: "var(--raises)",
  lowers: "var(--lowers)",
  surface: "var(--surface)",
} as const;

/** Below this width labels move above their bars. */
export const NARROW = 480;
