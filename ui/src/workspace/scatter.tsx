// Two columns against each other, a dot a run.

import { useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { MARGIN } from "../charts/model";
import { fitCanvas, themeInk } from "../charts/paint";
import { DataTable } from "../parts/data_table";
import { rampColor, runColor } from "../pure/colors";
import { shortNumber } from "../pure/format";
import { cellText, heading, isNumeric, numberAt } from "../pure/run_columns";
import { go } from "../router";
import { theme } from "../theme";
import { type Axis, makeAxis } from "./axis";
import { AxisChoice } from "./axis_choice";
import type { Workspace } from "./state";
import { useBoxSize } from "../parts/box_size";

const NEAR_PX = 24;

export function ScatterPanel({ space }: { space: Workspace }) {
  const table = space.table.value;
  const [asTable, setAsTable] = useState(false);
  const axes = space.view.value.axes;
  const x = axes[0] ?? `params.${space.keys.value.params[0]?.key ?? ""}`;
  const y = axes[1] ?? space.best.value?.column ?? "duration";
  const color = axes[2] ?? "";
  const set = (next: string[]) => space.setView({ axes: next });
  const rows = space.order.value;
  const [xAxis, yAxis, colorAxis] = useMemo(
    () => (table ? [makeAxis(table, rows, x), makeAxis(table, rows, y), color ? makeAxis(table, rows, color) : null] : [null, null, null]),
    [table, rows, x, y, color],
  );
  return (
    <section class="card">
      <header class="axes">
        <AxisChoice space={space} label="x" value={x} onChange={(column) => set([column, y, color])} />
        <AxisChoice space={space} label="y" value={y} onChange={(column) => set([x, column, color])} />
        <AxisChoice space={space} label="colour" value={color} none="run" onChange={(column) => set([x, y, column])} />
        <span class="grow" />
        <button type="button" class="quiet" onClick={() => setAsTable(!asTable)}>
          {asTable ? "show as chart" : "show as table"}
        </button>
      </header>
      {!table || !xAxis || !yAxis ? (
        <p class="empty">No run has values of both.</p>
      ) : asTable ? (
        <DataTable
          label={`${heading(y)} by ${heading(x)}`}
          heads={["run", heading(x), heading(y)]}
          rows={Array.from(rows.slice(0, 1000), (row) => [table.names[row]!, shown(space, x, row), shown(space, y, row)])}
        />
      ) : (
        <Dots space={space} rows={rows} x={xAxis} y={yAxis} color={colorAxis} />
      )}
    </section>
  );
}

function shown(space: Workspace, column: string, row: number): string {
  const table = space.table.value!;
  return isNumeric(table, column) ? shortNumber(numberAt(table, column, row, Date.now()), 6) : cellText(table, column, row);
}

function Dots({ space, rows, x, y, color }: { space: Workspace; rows: Uint32Array; x: Axis; y: Axis; color: Axis | null }) {
  const box = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const size = useBoxSize(box);
  const table = space.table.value!;
  const [tip, setTip] = useState<number | null>(null);
  const place = (row: number): [number, number] => [
    MARGIN.left + x.places[row]! * (size!.width - MARGIN.left - MARGIN.right),
    size!.height - MARGIN.bottom - y.places[row]! * (size!.height - MARGIN.top - MARGIN.bottom),
  ];
  const ink = (row: number) => (color ? rampColor(color.places[row]!) : runColor(table.ids[row]!));

  useLayoutEffect(() => {
    if (!size || !below.current || !box.current) return;
    const context = fitCanvas(below.current, size.width, size.height);
    const { text, grid } = themeInk(box.current);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = text;
    context.strokeStyle = grid;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const label of y.labels) {
      const at = Math.round(size.height - MARGIN.bottom - label.place * (size.height - MARGIN.top - MARGIN.bottom)) + 0.5;
      context.beginPath();
      context.moveTo(MARGIN.left, at);
      context.lineTo(size.width - MARGIN.right, at);
      context.stroke();
      context.fillText(label.text.slice(0, 8), MARGIN.left - 6, at);
    }
    context.textAlign = "center";
    for (const label of x.labels) {
      context.fillText(label.text.slice(0, 14), MARGIN.left + label.place * (size.width - MARGIN.left - MARGIN.right), size.height - 8);
    }
    const many = rows.length > 1500;
    context.globalAlpha = many ? 0.45 : 0.8;
    for (const row of rows) {
      const [left, top] = place(row);
      if (!Number.isFinite(left) || !Number.isFinite(top)) continue;
      context.fillStyle = ink(row);
      context.beginPath();
      context.arc(left, top, many ? 2.5 : 4, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
  }, [size, x, y, color, rows, theme.value]);

  useSignalEffect(() => {
    const runId = space.pointer.runId.value;
    if (!size || !above.current || !box.current) return;
    const context = fitCanvas(above.current, size.width, size.height);
    const row = runId ? table.ids.indexOf(runId) : -1;
    if (row < 0) return;
    const [left, top] = place(row);
    context.beginPath();
    context.arc(left, top, 6.5, 0, 7);
    context.fillStyle = ink(row);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = themeInk(box.current).background;
    context.stroke();
  });

  const move = (event: PointerEvent) => {
    if (!size) return;
    const frame = box.current!.getBoundingClientRect();
    const [left, top] = [event.clientX - frame.left, event.clientY - frame.top];
    let best = -1;
    let least = NEAR_PX;
    for (const row of rows) {
      const [a, b] = place(row);
      const distance = Math.hypot(a - left, b - top);
      if (distance < least) [best, least] = [row, distance];
    }
    space.pointer.runId.value = best < 0 ? null : table.ids[best]!;
    setTip(best < 0 ? null : best);
  };

  return (
    <div
      ref={box}
      class="line-chart tall"
      role="img"
      aria-label={`${rows.length} runs: ${heading(y.column)} by ${heading(x.column)}`}
      onPointerMove={move}
      onPointerLeave={() => ((space.pointer.runId.value = null), setTip(null))}
      onClick={() => tip !== null && go(`r/${table.ids[tip]}`)}
    >
      <canvas ref={below} />
      <canvas ref={above} />
      {tip !== null && size && table.ids[tip] && (
        <div class={`tip ${place(tip)[0] > size.width / 2 ? "tip-left" : ""}`} style={{ left: `${place(tip)[0]}px`, top: `${Math.min(place(tip)[1], size.height - 70)}px` }}>
          <b>{table.names[tip]}</b>
          {[x, y, ...(color ? [color] : [])].map((axis) => (
            <span key={axis.column} class="num">
              <small>{heading(axis.column)}</small> {shown(space, axis.column, tip)}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
