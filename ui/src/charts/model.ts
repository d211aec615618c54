// What a line chart shows, before any pixel: lines, ranges and axes. Pure.

import { duration, shortNumber } from "../pure/format";
import { extent, innerExtent, makeScale, nearestIndex, padded, type Range, type Scale, ticks } from "../pure/scales";
import { smooth } from "../pure/smoothing";

export type XKind = "step" | "relative" | "wall";

/** A run's curve as the server answers it: a bucket an entry, ascending by x; `low` and `high` are its bounds. */
export interface Curve {
  runId: string;
  name: string;
  color: string;
  /** Where the axis begins: the first bucket's point may lie further on. */
  from: number;
  x: Float64Array;
  y: Float64Array;
  low: Float64Array;
  high: Float64Array;
  /** Whether an entry stands for several points. */
  bucketed: boolean;
}

/** A curve as it is drawn: `y` is smoothed, `raw` is not. */
export interface Line extends Curve {
  raw: Float64Array;
}

export interface Look {
  x: XKind;
  logX: boolean;
  logY: boolean;
  /** 0 to below 1: the weight of what came before. */
  smoothing: number;
  /** Leave outliers out of the vertical range. */
  clip: boolean;
}

export interface Size {
  width: number;
  height: number;
}

export interface Plot {
  lines: Line[];
  look: Look;
  size: Size;
  x: Scale;
  y: Scale;
}

export const MARGIN = { left: 52, right: 12, top: 8, bottom: 22 };

export function smoothed(curves: Curve[], weight: number): Line[] {
  return curves.map((curve) => ({ ...curve, raw: curve.y, y: weight > 0 ? smooth(curve.y, weight) : curve.y }));
}

/** The axes that show all lines, or what lies in `zoom`; null where nothing can be drawn. */
export function layOut(lines: Line[], look: Look, size: Size, zoom: Range | null): Plot | null {
  const inner = { right: size.width - MARGIN.right, bottom: size.height - MARGIN.bottom };
  const xRange = zoom ?? extent(lines.flatMap((line) => [line.x, [line.from]]), look.logX);
  if (!xRange || inner.right <= MARGIN.left) return null;
  const parts = lines.flatMap((line) => visibleParts(line, zoom, look));
  const yRange = (look.clip ? innerExtent : extent)(parts, look.logY);
  if (!yRange) return null;
  return {
    lines,
    look,
    size,
    x: makeScale(zoom ?? (xRange.low === xRange.high ? padded(xRange, look.logX) : xRange), MARGIN.left, inner.right, look.logX),
    y: makeScale(padded(yRange, look.logY), inner.bottom, MARGIN.top, look.logY),
  };
}

/** The values that the vertical axis must hold: the bounds of buckets too, so that no spike is cut off. */
function visibleParts(line: Line, zoom: Range | null, look: Look): Float64Array[] {
  const from = zoom ? Math.max(0, nearestIndex(line.x, zoom.low) - 1) : 0;
  const to = zoom ? nearestIndex(line.x, zoom.high) + 2 : line.x.length;
  const arrays = look.smoothing > 0 ? [line.y, line.raw] : line.bucketed ? [line.low, line.high] : [line.y];
  return arrays.map((array) => array.subarray(from, to));
}

export interface Nearest {
  line: Line;
  index: number;
  distance: number;
}

/** The line that passes nearest to a pixel, by its height at that place. */
export function nearestLine(plot: Plot, pixelX: number, pixelY: number): Nearest | null {
  const wanted = plot.x.value(pixelX);
  let best: Nearest | null = null;
  for (const line of plot.lines) {
    const index = nearestIndex(line.x, wanted);
    if (index < 0) continue;
    const aside = Math.abs(plot.x.pixel(line.x[index]!) - pixelX);
    const distance = Math.abs(plot.y.pixel(heightAt(line, wanted, index)) - pixelY) + Math.max(0, aside - 30);
    if (distance < (best?.distance ?? Infinity)) best = { line, index, distance };
  }
  return best;
}

function heightAt(line: Line, wanted: number, index: number): number {
  const other = line.x[index]! < wanted ? index + 1 : index - 1;
  if (other < 0 || other >= line.x.length) return line.y[index]!;
  const part = (wanted - line.x[index]!) / (line.x[other]! - line.x[index]! || 1);
  const height = line.y[index]! + (line.y[other]! - line.y[index]!) * part;
  return Number.isFinite(height) ? height : line.y[index]!;
}

export function xLabels(plot: Plot): { at: number; text: string }[] {
  const room = Math.max(2, Math.floor((plot.size.width - MARGIN.left) / 60));
  return ticks(plot.x.range, room, plot.look.logX).map((value) => ({ at: plot.x.pixel(value), text: xText(value, plot.look.x) }));
}

export function yLabels(plot: Plot): { at: number; text: string }[] {
  const room = Math.max(2, Math.floor(plot.size.height / 45));
  return ticks(plot.y.range, room, plot.look.logY).map((value) => ({ at: plot.y.pixel(value), text: axisNumber(value) }));
}

/** A place on the horizontal axis in words. */
export function xText(value: number, kind: XKind): string {
  if (kind === "relative") return value < 0 ? `−${duration(-value)}` : duration(value);
  if (kind === "wall") return new Date(value).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  return axisNumber(value);
}

function axisNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${shortNumber(value / 1e9)}G`;
  if (size >= 1e6) return `${shortNumber(value / 1e6)}M`;
  if (size >= 1e4) return `${shortNumber(value / 1e3)}k`;
  return shortNumber(value);
}

