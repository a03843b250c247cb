import { FRAME_STYLE } from "./frame.ts";

let context: CanvasRenderingContext2D | null | undefined;

/** How wide a text is in a chart, in CSS pixels. */
export function textWidth(text: string): number {
  context ??= document.createElement("canvas").getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  context.font = `${FRAME_STYLE.fontSize} ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText(text).width;
}

/** A text, cut where it is wider than the room in CSS pixels. */
export function fitted(text: string, room: number): string {
  if (textWidth(text) <= room) return text;
  let cut = text.length - 1;
  while (cut > 1 && textWidth(`${text.slice(0, cut).trimEnd()}…`) > room) cut -= 1;
  return `${text.slice(0, cut).trimEnd()}…`;
}
