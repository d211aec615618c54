// A column as an axis: where each run lies between 0 and 1, and what stands beside it.

import type { RunTable } from "../pure/run_table";
import { shortNumber } from "../pure/format";
import { type ColumnId, cellText, isNumeric, numbersOf } from "../pure/run_columns";
import { extent, makeScale, padded, ticks } from "../pure/scales";

export interface Axis {
  column: ColumnId;
  /** 0 to 1 by row of the table; NaN where the run has no value. */
  places: Float64Array;
  labels: { place: number; text: string }[];
}

const MOST_LABELS = 12;
const MOST_DISTINCT = 6;

export function makeAxis(table: RunTable, rows: ArrayLike<number>, column: ColumnId, wantedLabels = 5): Axis | null {
  return isNumeric(table, column) || column === "start" ? numberAxis(table, rows, column, wantedLabels) : textAxis(table, rows, column);
}

function numberAxis(table: RunTable, rows: ArrayLike<number>, column: ColumnId, wantedLabels: number): Axis | null {
  const now = Date.now();
  const values = new Float64Array(table.rows).fill(Number.NaN);
  const numbers = numbersOf(table, column, now);
  for (let index = 0; index < rows.length; index++) values[rows[index]!] = numbers[rows[index]!]!;
  const range = extent([values]);
  if (!range) return null;
  // A span of more than two powers of ten is read by its logarithm: learning rates, sizes.
  const log = range.low > 0 && range.high / range.low > 100;
  const scale = makeScale(padded(range, log, 0.03), 0, 1, log);
  return {
    column,
    places: values.map((value) => scale.pixel(value)),
    labels: (few(values) ?? ticks(scale.range, wantedLabels, log)).map((value) => ({
      place: scale.pixel(value),
      text: column === "start" ? new Date(value).toLocaleDateString(undefined, { month: "short", day: "numeric" }) : shortNumber(value),
    })),
  };
}

/** The values themselves, where there are so few that each can have its label. */
function few(values: Float64Array): number[] | null {
  const distinct = new Set<number>();
  for (const value of values) {
    if (Number.isFinite(value)) distinct.add(value);
    if (distinct.size > MOST_DISTINCT) return null;
  }
  return [...distinct];
}

function textAxis(table: RunTable, rows: ArrayLike<number>, column: ColumnId): Axis | null {
  const texts = Array.from(rows, (row) => cellText(table, column, row));
  const values = [...new Set(texts.filter(Boolean))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (!values.length) return null;
  const place = new Map(values.map((value, index) => [value, (index + 0.5) / values.length]));
  const places = new Float64Array(table.rows).fill(Number.NaN);
  texts.forEach((text, index) => {
    places[rows[index]!] = place.get(text) ?? Number.NaN;
  });
  const each = Math.ceil(values.length / MOST_LABELS);
  return {
    column,
    places,
    labels: values.filter((_, index) => index % each === 0).map((text) => ({ place: place.get(text)!, text })),
  };
}
