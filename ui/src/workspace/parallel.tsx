// Parallel coordinates: an axis a column, a line a run; a drag along an axis keeps the runs within.

import { useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { fitCanvas, themeInk } from "../charts/paint";
import { DataTable } from "../parts/data_table";
import { useBoxSize } from "../parts/box_size";
import { rampColor } from "../pure/colors";
import { shortNumber } from "../pure/format";
import { cellText, heading, isNumeric, numberAt, parseColumn } from "../pure/run_columns";
import { theme } from "../theme";
import { type Axis, makeAxis } from "./axis";
import type { Workspace } from "./state";

const TOP = 34;
const BOTTOM = 14;
const SIDE = 52;
const MOST_AXES = 9;
const MOST_LINES = 3000;
const NEAR_PX = 12;

type Brush = Record<string, [number, number]>;

export function ParallelPanel({ space }: { space: Workspace }) {
  const table = space.table.value;
  const [asTable, setAsTable] = useState(false);
  const rows = space.order.value.subarray(0, MOST_LINES);
  const columns = useMemo(() => parallelColumns(space), [space.columns.value, space.sort.value.column]);
  const axes = useMemo(() => (table ? columns.flatMap((column) => makeAxis(table, rows, column) ?? []) : []), [table, rows, columns]);
  if (!table || axes.length < 2) return <p class="empty">Nothing differs between these runs.</p>;
  return (
    <section class="card">
      <header class="axes">
        <small>
          Coloured by {heading(axes.at(-1)!.column)}. Drag along an axis to keep the runs within.
          {space.order.value.length > MOST_LINES && ` The first ${MOST_LINES} runs.`}
        </small>
        <span class="grow" />
        <button type="button" class="quiet" onClick={() => setAsTable(!asTable)}>
          {asTable ? "show as chart" : "show as table"}
        </button>
      </header>
      {asTable ? (
        <DataTable
          label="Parallel coordinates"
          heads={["run", ...axes.map((axis) => heading(axis.column))]}
          rows={Array.from(rows.subarray(0, 1000), (row) => [
            table.names[row]!,
            ...axes.map(({ column }) => (isNumeric(table, column) ? shortNumber(numberAt(table, column, row, Date.now())) : cellText(table, column, row))),
          ])}
        />
      ) : (
        <Lines space={space} rows={rows} axes={axes} />
      )}
    </section>
  );
}

/** Params that differ, and the metric by which the table is sorted, at the right. */
function parallelColumns(space: Workspace): string[] {
  const { column } = space.sort.value;
  const target = parseColumn(column).kind === "metric" ? column : space.best.value?.column;
  const params = space.columns.value.filter((id) => parseColumn(id).kind === "param").slice(0, MOST_AXES - 1);
  return target ? [...params, target] : params;
}

function Lines({ space, rows, axes }: { space: Workspace; rows: Uint32Array; axes: Axis[] }) {
  const box = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const size = useBoxSize(box);
  const [brush, setBrush] = useState<Brush>({});
  const drag = useRef<{ axis: Axis; from: number } | null>(null);
  const table = space.table.value!;
  const x = (index: number) => SIDE + (index * (size!.width - 2 * SIDE)) / (axes.length - 1);
  const y = (place: number) => size!.height - BOTTOM - place * (size!.height - TOP - BOTTOM);
  const color = axes.at(-1)!;
  const isKept = (row: number) =>
    axes.every((axis) => {
      const kept = brush[axis.column];
      return !kept || (axis.places[row]! >= kept[0] && axis.places[row]! <= kept[1]);
    });

  const stroke = (context: CanvasRenderingContext2D, row: number) => {
    context.beginPath();
    let within = false;
    axes.forEach((axis, index) => {
      const place = axis.places[row]!;
      if (Number.isNaN(place)) {
        within = false;
        return;
      }
      if (within) context.lineTo(x(index), y(place));
      else context.moveTo(x(index), y(place));
      within = true;
    });
    context.stroke();
  };

  useLayoutEffect(() => {
    if (!size || !below.current || !box.current) return;
    const context = fitCanvas(below.current, size.width, size.height);
    const { text, grid } = themeInk(box.current);
    const anyBrush = Object.keys(brush).length > 0;
    context.lineWidth = 1.1;
    for (const row of rows) {
      const kept = isKept(row);
      context.globalAlpha = !kept ? 0.05 : rows.length > 500 && !anyBrush ? 0.25 : 0.7;
      context.strokeStyle = kept ? rampColor(color.places[row]!) : text;
      stroke(context, row);
    }
    context.globalAlpha = 1;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    axes.forEach((axis, index) => {
      const left = Math.round(x(index)) + 0.5;
      context.strokeStyle = text;
      context.lineWidth = 1;
      context.globalAlpha = 0.6;
      context.beginPath();
      context.moveTo(left, TOP);
      context.lineTo(left, size.height - BOTTOM);
      context.stroke();
      context.globalAlpha = 1;
      context.fillStyle = text;
      context.fillText(clip(context, heading(axis.column), (size.width - 2 * SIDE) / (axes.length - 1)), left, 16);
      for (const label of axis.labels) {
        const words = label.text.slice(0, 12);
        context.textAlign = "left";
        // A plate behind the words keeps them readable above the lines.
        const { background } = themeInk(box.current!);
        context.fillStyle = background;
        context.globalAlpha = 0.8;
        context.fillRect(left + 3, y(label.place) - 7, context.measureText(words).width + 4, 13);
        context.globalAlpha = 1;
        context.fillStyle = text;
        context.fillText(words, left + 5, y(label.place) + 4);
        context.textAlign = "center";
      }
      const kept = brush[axis.column];
      if (kept) {
        context.fillStyle = grid;
        context.globalAlpha = 0.7;
        context.fillRect(left - 7, y(kept[1]), 14, y(kept[0]) - y(kept[1]));
        context.globalAlpha = 1;
      }
    });
  }, [size, axes, rows, brush, theme.value]);

  useSignalEffect(() => {
    const runId = space.pointer.runId.value;
    if (!size || !above.current) return;
    const context = fitCanvas(above.current, size.width, size.height);
    const row = runId ? table.ids.indexOf(runId) : -1;
    below.current?.classList.toggle("dimmed", row >= 0);
    if (row < 0) return;
    context.lineWidth = 3;
    context.strokeStyle = rampColor(color.places[row]!);
    stroke(context, row);
  });

  const at = (event: PointerEvent): [number, number] => {
    const frame = box.current!.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const placeOf = (pixel: number) => Math.min(1, Math.max(0, (size!.height - BOTTOM - pixel) / (size!.height - TOP - BOTTOM)));

  const move = (event: PointerEvent) => {
    if (!size) return;
    const [left, top] = at(event);
    if (drag.current) {
      const { axis, from } = drag.current;
      const to = placeOf(top);
      if (Math.abs(to - from) > 0.01) setBrush({ ...brush, [axis.column]: [Math.min(from, to), Math.max(from, to)] });
      return;
    }
    const step = (size.width - 2 * SIDE) / (axes.length - 1);
    const index = Math.max(0, Math.min(axes.length - 2, Math.floor((left - SIDE) / step)));
    const part = (left - x(index)) / step;
    let best: string | null = null;
    let least = NEAR_PX;
    for (const row of rows) {
      if (!isKept(row)) continue;
      const height = y(axes[index]!.places[row]! * (1 - part) + axes[index + 1]!.places[row]! * part);
      if (Math.abs(height - top) < least) [best, least] = [table.ids[row]!, Math.abs(height - top)];
    }
    space.pointer.runId.value = best;
  };

  const press = (event: PointerEvent) => {
    if (!size) return;
    const [left, top] = at(event);
    const index = axes.findIndex((_, one) => Math.abs(x(one) - left) < 14);
    if (index < 0) return;
    drag.current = { axis: axes[index]!, from: placeOf(top) };
    const { [axes[index]!.column]: _, ...rest } = brush;
    setBrush(rest);
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  };

  return (
    <div
      ref={box}
      class="line-chart tall"
      role="img"
      aria-label={`${rows.length} runs over ${axes.map((axis) => heading(axis.column)).join(", ")}`}
      onPointerMove={move}
      onPointerDown={press}
      onPointerUp={() => (drag.current = null)}
      onPointerLeave={() => (space.pointer.runId.value = null)}
    >
      <canvas ref={below} />
      <canvas ref={above} />
    </div>
  );
}

function clip(context: CanvasRenderingContext2D, text: string, room: number): string {
  let shown = text;
  while (shown.length > 4 && context.measureText(shown).width > room - 8) shown = `${shown.slice(0, -2).replace(/…$/, "")}…`;
  return shown;
}
