import { useEffect, useRef, useState } from "preact/hooks";
import type { ChartElement } from "../charts/frame.ts";

interface Props {
  /** What the chart shows, for those who do not see it; the numbers stand in a table beside it. */
  readonly label: string;
  /** Draws the chart at a width in pixels; a new function draws anew. */
  readonly draw: (width: number) => ChartElement;
  /** The height in pixels that is kept free until the chart is there. */
  readonly height: number;
}

/** Room for a chart, which is drawn anew when the room's width or the chart's data change. */
export function Chart({ label, draw, height }: Props) {
  const room = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);

  useEffect(() => {
    const element = room.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (width > 0) room.current?.replaceChildren(named(draw(width), label));
  }, [draw, width, label]);

  return <div ref={room} class="chart" style={{ minHeight: `${height}px` }} />;
}

/** The picture of a chart, which stands below its legend. */
export function pictureIn(chart: Element): SVGSVGElement | undefined {
  if (chart instanceof SVGSVGElement) return chart;
  return [...chart.querySelectorAll<SVGSVGElement>(":scope > svg")].at(-1);
}

/** Names the chart as a whole. Plot names its marks after their kind, which does not help a person. */
function named(chart: ChartElement, label: string): ChartElement {
  const picture = pictureIn(chart);
  if (!picture) return chart;
  for (const mark of picture.querySelectorAll("g[aria-label]:not([role])"))
    mark.removeAttribute("aria-label");
  picture.setAttribute("role", picture.querySelector("[tabindex]") ? "group" : "img");
  picture.setAttribute("aria-label", label);
  return chart;
}
