/** Charts as files of their own. */

/** Properties that the page's style sheet may give a chart; a file has no style sheet. */
const INHERITED = [
  "color",
  "fill",
  "fill-opacity",
  "font-family",
  "font-size",
  "font-weight",
  "opacity",
  "stroke",
  "stroke-dasharray",
  "stroke-opacity",
  "stroke-width",
  "text-anchor",
] as const;

/** The text of an SVG file that looks as the chart does on the page now, on the page's ground. */
export function svgFile(chart: SVGSVGElement, ground: string): string {
  const copy = chart.cloneNode(true) as SVGSVGElement;
  const originals = [chart, ...chart.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  for (const [index, original] of originals.entries()) {
    const computed = getComputedStyle(original);
    for (const property of INHERITED)
      copies[index]?.setAttribute(property, computed.getPropertyValue(property));
    copies[index]?.removeAttribute("style");
    copies[index]?.removeAttribute("tabindex");
  }
  for (const style of copy.querySelectorAll("style, .ground")) style.remove();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const sheet = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  sheet.setAttribute("width", "100%");
  sheet.setAttribute("height", "100%");
  sheet.setAttribute("fill", ground);
  copy.prepend(sheet);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}

/** Hands a text to the person as a file. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
