// Draws a plot: on a canvas, and as SVG for downloads. Decides nothing.

import { type Line, MARGIN, type Nearest, type Plot, xLabels, yLabels } from "./model";

export interface Ink {
  text: string;
  grid: string;
  background: string;
}

/** The colours of the page's theme, as canvases need them. */
export function themeInk(element: Element): Ink {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return { text: color("--text-soft"), grid: color("--grid"), background: color("--surface") };
}

/** A canvas in device pixels, cleared, with its context scaled to CSS pixels. */
export function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export function paintLines(context: CanvasRenderingContext2D, plot: Plot): void {
  clipped(context, plot, () => {
    const few = plot.lines.length <= 12;
    for (const line of plot.lines) {
      if (plot.look.smoothing > 0) {
        strokePath(context, plot, line, line.raw, 1, 0.22);
      } else if (line.bucketed) {
        fillBand(context, plot, line, few ? 0.2 : 0.1);
      }
    }
    for (const line of plot.lines) strokePath(context, plot, line, line.y, few ? 1.5 : 1.1, 0.95);
  });
}

/** The line under the pointer, above all others. */
export function paintHighlight(context: CanvasRenderingContext2D, plot: Plot, line: Line): void {
  clipped(context, plot, () => {
    if (plot.look.smoothing > 0) strokePath(context, plot, line, line.raw, 1, 0.4);
    else if (line.bucketed) fillBand(context, plot, line, 0.3);
    strokePath(context, plot, line, line.y, 2.2, 1);
  });
}

export function paintCrosshair(context: CanvasRenderingContext2D, plot: Plot, x: number, ink: Ink, nearest: Nearest | null): void {
  const at = Math.round(plot.x.pixel(x)) + 0.5;
  if (!(at >= MARGIN.left && at <= plot.size.width - MARGIN.right)) return;
  context.strokeStyle = ink.text;
  context.globalAlpha = 0.5;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(at, MARGIN.top);
  context.lineTo(at, plot.size.height - MARGIN.bottom);
  context.stroke();
  context.globalAlpha = 1;
  if (!nearest) return;
  const [dotX, dotY] = [plot.x.pixel(nearest.line.x[nearest.index]!), plot.y.pixel(nearest.line.y[nearest.index]!)];
  context.beginPath();
  context.arc(dotX, dotY, 3.5, 0, 7);
  context.fillStyle = nearest.line.color;
  context.fill();
  context.strokeStyle = ink.background;
  context.lineWidth = 1.5;
  context.stroke();
}

export function paintSelection(context: CanvasRenderingContext2D, plot: Plot, from: number, to: number, ink: Ink): void {
  context.globalAlpha = 0.15;
  context.fillStyle = ink.text;
  context.fillRect(Math.min(from, to), MARGIN.top, Math.abs(to - from), plot.size.height - MARGIN.top - MARGIN.bottom);
  context.globalAlpha = 1;
}

export function paintAxes(context: CanvasRenderingContext2D, plot: Plot, ink: Ink): void {
  const { width, height } = plot.size;
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeStyle = ink.grid;
  context.fillStyle = ink.text;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { at, text } of yLabels(plot)) {
    context.beginPath();
    context.moveTo(MARGIN.left, Math.round(at) + 0.5);
    context.lineTo(width - MARGIN.right, Math.round(at) + 0.5);
    context.stroke();
    context.fillText(text, MARGIN.left - 6, at);
  }
  context.textBaseline = "top";
  for (const { at, text } of xLabels(plot)) {
    const half = context.measureText(text).width / 2;
    context.textAlign = at + half > width ? "right" : "center";
    context.fillText(text, context.textAlign === "right" ? width - 2 : at, height - MARGIN.bottom + 7);
  }
}

function clipped(context: CanvasRenderingContext2D, plot: Plot, draw: () => void): void {
  const { width, height } = plot.size;
  context.save();
  context.beginPath();
  context.rect(MARGIN.left, MARGIN.top - 2, width - MARGIN.left - MARGIN.right + 2, height - MARGIN.top - MARGIN.bottom + 4);
  context.clip();
  draw();
  context.restore();
}

function strokePath(context: CanvasRenderingContext2D, plot: Plot, line: Line, values: Float64Array, width: number, alpha: number): void {
  context.beginPath();
  const single = trace(plot, line.x, values, (x, y) => context.moveTo(x, y), (x, y) => context.lineTo(x, y));
  context.globalAlpha = alpha;
  context.strokeStyle = line.color;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.stroke();
  if (single) {
    // A curve of one point has no length: it is a dot.
    context.beginPath();
    context.arc(single[0], single[1], 2.5, 0, 7);
    context.fillStyle = line.color;
    context.fill();
  }
  context.globalAlpha = 1;
}

function fillBand(context: CanvasRenderingContext2D, plot: Plot, line: Line, alpha: number): void {
  context.beginPath();
  const floor = plot.size.height;
  for (let index = 0; index < line.x.length; index++) {
    context.lineTo(plot.x.pixel(line.x[index]!), orElse(plot.y.pixel(line.high[index]!), floor));
  }
  for (let index = line.x.length - 1; index >= 0; index--) {
    context.lineTo(plot.x.pixel(line.x[index]!), orElse(plot.y.pixel(line.low[index]!), floor));
  }
  context.globalAlpha = alpha;
  context.fillStyle = line.color;
  context.fill();
  context.globalAlpha = 1;
}

const orElse = (value: number, other: number) => (Number.isNaN(value) ? other : value);

/** Walks along the points that have a place; a gap ends a stroke. Returns the place of a lone point. */
function trace(
  plot: Plot,
  xs: Float64Array,
  values: Float64Array,
  move: (x: number, y: number) => void,
  draw: (x: number, y: number) => void,
): [number, number] | null {
  let within = false;
  let drawn = 0;
  let last: [number, number] | null = null;
  for (let index = 0; index < xs.length; index++) {
    const x = plot.x.pixel(xs[index]!);
    const y = plot.y.pixel(values[index]!);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      within = false;
      continue;
    }
    (within ? draw : move)(x, y);
    within = true;
    drawn += 1;
    last = [x, y];
  }
  return drawn === 1 ? last : null;
}

/** The plot as an SVG document, with its title. */
export function toSvg(plot: Plot, ink: Ink, title: string): string {
  const { width, height } = plot.size;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + 20}" viewBox="0 -20 ${width} ${height + 20}" font-family="system-ui, sans-serif" font-size="11">`,
    `<rect y="-20" width="100%" height="100%" fill="${ink.background}"/>`,
    `<text x="8" y="-6" font-weight="600" fill="${ink.text}">${escaped(title)}</text>`,
    ...yLabels(plot).map(
      ({ at, text }) =>
        `<path d="M${MARGIN.left} ${at.toFixed(1)}H${width - MARGIN.right}" stroke="${ink.grid}"/>` +
        `<text x="${MARGIN.left - 6}" y="${(at + 4).toFixed(1)}" text-anchor="end" fill="${ink.text}">${escaped(text)}</text>`,
    ),
    ...xLabels(plot).map(
      ({ at, text }) => `<text x="${at.toFixed(1)}" y="${height - 4}" text-anchor="middle" fill="${ink.text}">${escaped(text)}</text>`,
    ),
    ...plot.lines.map((line) => {
      let path = "";
      const step = (letter: string) => (x: number, y: number) => (path += `${letter}${x.toFixed(1)} ${y.toFixed(1)}`);
      trace(plot, line.x, line.y, step("M"), step("L"));
      return `<path d="${path}" fill="none" stroke="${line.color}" stroke-width="1.3"><title>${escaped(line.name)}</title></path>`;
    }),
    "</svg>",
  ];
  return parts.join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
