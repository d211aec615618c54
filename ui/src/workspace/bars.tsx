// One column as bars: the charted runs, or the groups of the table with mean and spread.

import { useState } from "preact/hooks";

import { Dot } from "../parts/small";
import { runColor } from "../pure/colors";
import { plural, shortNumber } from "../pure/format";
import { groupRows, meanAndSpread, numberAt } from "../pure/run_columns";
import { href } from "../router";
import { AxisChoice } from "./axis_choice";
import type { Workspace } from "./state";

const MOST_BARS = 60;

interface Entry {
  label: string;
  runId: string | null;
  value: number;
  spread: number;
  runs: number;
}

export function BarsPanel({ space }: { space: Workspace }) {
  const table = space.table.value;
  const { group } = space.view.value;
  const { column: sorted } = space.sort.value;
  const [column, setColumn] = useState("");
  const shown = column || (sorted.includes("metrics.") ? sorted : (space.best.value?.column ?? sorted));
  if (!table) return null;
  const entries = group ? groupEntries(space, shown) : runEntries(space, shown);
  const finite = entries.filter((one) => Number.isFinite(one.value));
  const high = Math.max(0, ...finite.map((one) => one.value + one.spread));
  const low = Math.min(0, ...finite.map((one) => one.value - one.spread));
  const part = (value: number) => `${(((value - low) / (high - low || 1)) * 100).toFixed(2)}%`;
  return (
    <section class="card bars">
      <header class="axes">
        <AxisChoice space={space} label="value" value={shown} onChange={setColumn} />
        <small>{group ? "mean ± standard deviation of each group" : `${plural(entries.length, "run")}`}</small>
      </header>
      <table class="bar-table" aria-label="Bars">
        <tbody>
          {finite.slice(0, MOST_BARS).map((one) => (
            <tr key={one.runId ?? one.label} onPointerEnter={() => (space.pointer.runId.value = one.runId)}>
              <th scope="row" title={one.label}>
                {one.runId ? (
                  <a href={href(`r/${one.runId}`)}>
                    <Dot runId={one.runId} /> {one.label}
                  </a>
                ) : (
                  <>
                    {one.label} <small>{one.runs}</small>
                  </>
                )}
              </th>
              <td class="bar-place">
                <i
                  class="bar-value"
                  style={{
                    left: part(Math.min(0, one.value)),
                    width: `calc(${part(Math.max(0, one.value))} - ${part(Math.min(0, one.value))})`,
                    ...(one.runId && { background: runColor(one.runId) }),
                  }}
                />
                {one.spread > 0 && (
                  <i class="bar-spread" style={{ left: part(one.value - one.spread), width: `calc(${part(one.value + one.spread)} - ${part(one.value - one.spread)})` }} />
                )}
              </td>
              <td class="num">
                {shortNumber(one.value)}
                {one.spread > 0 && <small> ±{shortNumber(one.spread, 2)}</small>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {!finite.length && <p class="empty">No run here has this value.</p>}
    </section>
  );
}

function runEntries(space: Workspace, column: string): Entry[] {
  const table = space.table.value!;
  const charted = new Set(space.charted.value);
  return Array.from(space.order.value)
    .filter((row) => charted.has(table.ids[row]!))
    .map((row) => ({ label: table.names[row]!, runId: table.ids[row]!, value: numberAt(table, column, row, Date.now()), spread: 0, runs: 1 }));
}

function groupEntries(space: Workspace, column: string): Entry[] {
  const table = space.table.value!;
  return groupRows(table, space.order.value, space.view.value.group).map(({ label, rows }) => {
    const { mean, spread } = meanAndSpread(Array.from(rows, (row) => numberAt(table, column, row, Date.now())));
    return { label, runId: null, value: mean, spread, runs: rows.length };
  });
}

