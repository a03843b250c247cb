import { FRAME_STYLE } from "./frame.ts";

/** How wide a text is in a chart, in CSS pixels. */
export function textWidth(text: string): number {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  context.font = `${FRAME_STYLE.fontSize} ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText(text).width;
}
