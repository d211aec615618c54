// A line chart on canvases: axes, above them the lines, and above these what follows the pointer. Redraws what changed.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { useBoxSize } from "../parts/box_size";
import { fullNumber, shortNumber } from "../pure/format";
import type { Range } from "../pure/scales";
import { theme } from "../theme";
import { type Curve, layOut, type Look, MARGIN, type Nearest, nearestLine, type Plot, smoothed, xText } from "./model";
import { fitCanvas, paintCrosshair, paintHighlight, paintAxes, paintLines, paintSelection, themeInk } from "./paint";

/** What charts on one page share: where the pointer is, and on which run. */
export interface Pointer {
  x: Signal<number | null>;
  runId: Signal<string | null>;
}

interface Props {
  label: string;
  curves: Curve[];
  look: Look;
  pointer: Pointer;
  zoom: Range | null;
  onZoom: (zoom: Range | null) => void;
  onOpen?: (runId: string) => void;
  /** Where the plot is kept for downloads. */
  plotRef?: { current: Plot | null };
}

const NEAR_PX = 60;
const SHORTEST_DRAG_PX = 6;
/** Room that a tip wants beside its place. */
const TIP_PX = 160;

export function LineChart({ label, curves, look, pointer, zoom, onZoom, onOpen, plotRef }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const axes = useRef<HTMLCanvasElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const size = useBoxSize(box);
  const drag = useRef<{ from: number; to: number } | null>(null);
  const nearest = useSignal<Nearest | null>(null);
  const lines = useMemo(() => smoothed(curves, look.smoothing), [curves, look.smoothing]);
  const plot = useMemo(
    () => (size ? layOut(lines, look, size, zoom) : null),
    [lines, size, zoom?.low, zoom?.high, look.x, look.logX, look.logY, look.clip, look.smoothing],
  );
  if (plotRef) plotRef.current = plot;

  useLayoutEffect(() => {
    if (!plot || !axes.current || !below.current || !box.current) return;
    const { width, height } = plot.size;
    paintAxes(fitCanvas(axes.current, width, height), plot, themeInk(box.current));
    paintLines(fitCanvas(below.current, width, height), plot);
  }, [plot, theme.value]);

  useEffect(() => {
    if (!plot) return;
    let frame = 0;
    const paint = () => {
      frame = 0;
      if (above.current && below.current && box.current) paintAbove(plot, above.current, below.current, box.current);
    };
    const paintAbove = (shown: Plot, upper: HTMLCanvasElement, lower: HTMLCanvasElement, element: Element) => {
      const context = fitCanvas(upper, shown.size.width, shown.size.height);
      const ink = themeInk(element);
      const line = shown.lines.find((one) => one.runId === pointer.runId.peek());
      lower.classList.toggle("dimmed", line !== undefined && shown.lines.length > 1);
      if (line) paintHighlight(context, shown, line);
      const x = pointer.x.peek();
      if (x !== null) paintCrosshair(context, shown, x, ink, nearest.peek());
      if (drag.current) paintSelection(context, shown, drag.current.from, drag.current.to, ink);
    };
    const ask = () => {
      if (!frame) frame = requestAnimationFrame(paint);
    };
    const ends = [pointer.x.subscribe(ask), pointer.runId.subscribe(ask), nearest.subscribe(ask)];
    return () => {
      cancelAnimationFrame(frame);
      for (const end of ends) end();
    };
  }, [plot, theme.value]);

  const place = (event: PointerEvent): [number, number] => {
    const frame = box.current!.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };

  const move = (event: PointerEvent) => {
    if (!plot) return;
    const [x, y] = place(event);
    if (drag.current) drag.current.to = Math.min(Math.max(x, MARGIN.left), plot.size.width - MARGIN.right);
    const found = nearestLine(plot, x, y);
    const near = found && found.distance < NEAR_PX ? found : null;
    nearest.value = near;
    pointer.runId.value = near?.line.runId ?? null;
    pointer.x.value = plot.x.value(Math.min(Math.max(x, MARGIN.left), plot.size.width - MARGIN.right));
  };

  const leave = () => {
    nearest.value = null;
    pointer.runId.value = null;
    pointer.x.value = null;
  };

  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const [x] = place(event);
    drag.current = { from: x, to: x };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  };

  const release = () => {
    const dragged = drag.current;
    drag.current = null;
    if (!dragged || !plot) return;
    if (Math.abs(dragged.to - dragged.from) >= SHORTEST_DRAG_PX) {
      const [low, high] = [dragged.from, dragged.to].sort((a, b) => a - b).map(plot.x.value) as [number, number];
      onZoom({ low, high });
    } else if (nearest.peek()) {
      onOpen?.(nearest.peek()!.line.runId);
    }
  };

  return (
    <div
      ref={box}
      class="line-chart"
      role="img"
      aria-label={`${label}: ${curves.length} curves`}
      onPointerMove={move}
      onPointerLeave={leave}
      onPointerDown={press}
      onPointerUp={release}
      onDblClick={() => onZoom(null)}
    >
      <canvas ref={axes} />
      <canvas ref={below} />
      <canvas ref={above} />
      {plot && <Tip plot={plot} nearest={nearest} />}
    </div>
  );
}

function Tip({ plot, nearest }: { plot: Plot; nearest: Signal<Nearest | null> }) {
  const found = nearest.value;
  if (!found) return null;
  const { line, index } = found;
  const x = plot.x.pixel(line.x[index]!);
  const left = x > plot.size.width / 2;
  const place = left ? Math.max(x - 12, TIP_PX) : Math.min(x + 12, plot.size.width - TIP_PX);
  const raw = line.raw[index]!;
  return (
    <div class={`tip ${left ? "tip-left" : ""}`} style={{ left: `${place}px`, top: `${MARGIN.top}px` }}>
      <b>
        <i class="dot" style={{ background: line.color }} /> {line.name}
      </b>
      <span class="num" title={fullNumber(raw)}>
        {shortNumber(raw, 6)}
        {plot.look.smoothing > 0 && <small> ~{shortNumber(line.y[index]!, 5)}</small>}
        {line.bucketed && line.low[index] !== line.high[index] && (
          <small>
            {" "}
            {shortNumber(line.low[index]!)} … {shortNumber(line.high[index]!)}
          </small>
        )}
      </span>
      <small>
        {plot.look.x} {xText(line.x[index]!, plot.look.x)}
      </small>
    </div>
  );
}
