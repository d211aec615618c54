// Columns of the runs table: their names, their values, which are worth showing, and the order by one of them.

import { textAt, type Aggregate, type Keys, type RunTable } from "./run_table";

/** `metrics.K` (its last value), `min(metrics.K)`, `max(metrics.K)`, `params.K`, `tags.K`, or one of the run's own. */
export type ColumnId = string;

export interface Reference {
  kind: "metric" | "param" | "tag" | "own";
  key: string;
  aggregate: Aggregate;
}

export const OWN = ["name", "start", "duration", "status", "user"] as const;

const AGGREGATED = /^(min|max|first|count)\(metrics\.(.*)\)$/s;

export function parseColumn(id: ColumnId): Reference {
  const match = AGGREGATED.exec(id);
  if (match) return { kind: "metric", key: match[2]!, aggregate: match[1] as Aggregate };
  if (id.startsWith("metrics.")) return { kind: "metric", key: id.slice(8), aggregate: "last" };
  if (id.startsWith("params.")) return { kind: "param", key: id.slice(7), aggregate: "last" };
  if (id.startsWith("tags.")) return { kind: "tag", key: id.slice(5), aggregate: "last" };
  return { kind: "own", key: id, aggregate: "last" };
}

export function metricColumn(key: string, aggregate: Aggregate = "last"): ColumnId {
  return aggregate === "last" ? `metrics.${key}` : `${aggregate}(metrics.${key})`;
}

/** The column's heading. */
export function heading(id: ColumnId): string {
  const { kind, key, aggregate } = parseColumn(id);
  if (kind === "own") return { name: "run", start: "started", duration: "took", status: "status", user: "user" }[key] ?? key;
  return kind === "metric" && aggregate !== "last" ? `${aggregate} ${key}` : key;
}

/** The order of the server for a column. */
export function orderTerm(id: ColumnId, descending: boolean): string {
  const { kind, key, aggregate } = parseColumn(id);
  const quote = `\`${key.replaceAll("`", "``")}\``;
  const direction = descending ? "DESC" : "ASC";
  if (kind === "metric") return `${aggregate}(metrics.${quote}) ${direction}`;
  if (kind !== "own") return `${kind}s.${quote} ${direction}`;
  return `${{ name: "run_name", start: "start_time", status: "status", user: "user_id" }[key] ?? "start_time"} ${direction}`;
}

/** The number of a cell: NaN where there is none. */
export function numberAt(table: RunTable, id: ColumnId, row: number, now: number): number {
  const { kind, key, aggregate } = parseColumn(id);
  if (kind === "metric") return table.metrics.get(`${aggregate}:${key}`)?.[row] ?? Number.NaN;
  if (kind === "own") {
    if (key === "start") return table.start[row]!;
    if (key === "duration") return (Number.isNaN(table.end[row]!) ? now : table.end[row]!) - table.start[row]!;
    return Number.NaN;
  }
  const column = (kind === "param" ? table.params : table.tags).get(key);
  const code = column?.codes[row] ?? 0;
  const number = code ? column?.numbers?.[code - 1] : null;
  return number ?? Number.NaN;
}

/** All numbers of a column, by row: one look at the column's name for all of them. */
export function numbersOf(table: RunTable, id: ColumnId, now: number): Float64Array {
  const { kind, key, aggregate } = parseColumn(id);
  if (kind === "metric") return table.metrics.get(`${aggregate}:${key}`) ?? new Float64Array(table.rows).fill(Number.NaN);
  if (kind === "own") return Float64Array.from({ length: table.rows }, (_, row) => numberAt(table, id, row, now));
  const column = (kind === "param" ? table.params : table.tags).get(key);
  const byCode = [Number.NaN, ...(column?.numbers ?? []).map((number) => number ?? Number.NaN)];
  return Float64Array.from({ length: table.rows }, (_, row) => byCode[column?.codes[row] ?? 0] ?? Number.NaN);
}

export function cellText(table: RunTable, id: ColumnId, row: number): string {
  const { kind, key } = parseColumn(id);
  if (kind === "param") return textAt(table.params.get(key), row);
  if (kind === "tag") return textAt(table.tags.get(key), row);
  if (key === "name") return table.names[row]!;
  if (key === "status") return textAt(table.status, row);
  if (key === "user") return textAt(table.users, row);
  return "";
}

/** Whether the column's cells are numbers, so that they stand to the right and have bars. */
export function isNumeric(table: RunTable, id: ColumnId): boolean {
  const { kind, key } = parseColumn(id);
  if (kind === "metric") return true;
  if (kind === "param") {
    const column = table.params.get(key);
    return !!column?.numbers && column.numbers.every((number) => number !== null);
  }
  return key === "duration";
}

const MOST_METRICS = 8;
/** Metrics that stand before the params. */
const FIRST_METRICS = 2;
const MOST_PARAMS = 24;

/** What is worth a column: the primary metric's best, the metrics that most runs have, and what differs. */
export function columnsThatDiffer(table: RunTable, keys: Keys, primary: { key: string; aggregate: Aggregate } | null): ColumnId[] {
  const metrics = wantedMetrics(keys, primary?.key ?? null);
  const differs = (column: { codes: Uint32Array } | undefined) => {
    const first = column?.codes[0];
    return column !== undefined && column.codes.some((code) => code !== first);
  };
  const params = keys.params.map((one) => one.key).filter((key) => differs(table.params.get(key)));
  const tags = [...table.tags].filter(([key, column]) => !key.startsWith("mlflow.") && differs(column) && column.values.length < table.rows);
  const users = new Set(table.users.codes).size > 1;
  const others = metrics.filter((key) => key !== primary?.key).map((key) => metricColumn(key));
  return [
    ...(primary ? [metricColumn(primary.key, primary.aggregate)] : []),
    ...others.slice(0, FIRST_METRICS),
    ...params.slice(0, MOST_PARAMS).map((key) => `params.${key}`),
    ...others.slice(FIRST_METRICS),
    ...tags.slice(0, 6).map(([key]) => `tags.${key}`),
    "start",
    "duration",
    ...(users ? ["user"] : []),
  ];
}

/** The metrics to ask for at first: the primary, then those of most runs, no machine's own. */
export function wantedMetrics(keys: Keys, primary: string | null): string[] {
  const own = keys.metrics.filter((one) => !one.key.startsWith("system/"));
  const ranked = [...own].sort((a, b) => b.runs - a.runs).slice(0, MOST_METRICS);
  const names = ranked.map((one) => one.key).sort();
  return primary && !names.includes(primary) ? [primary, ...names.slice(0, MOST_METRICS - 1)] : names;
}

/** The rows in order by a column; rows without a value come last either way. Ties keep the newest first. */
export function sortRows(table: RunTable, rows: Uint32Array, id: ColumnId, descending: boolean, now: number): Uint32Array {
  const sign = descending ? -1 : 1;
  const numbers = numbersOf(table, id, now);
  const texts = isNumeric(table, id) || id === "start" ? null : Array.from({ length: table.rows }, (_, row) => cellText(table, id, row));
  const newest = (a: number, b: number) => table.start[b]! - table.start[a]! || (table.ids[a]! < table.ids[b]! ? 1 : -1);
  return rows.slice().sort((a, b) => {
    const [first, second] = [numbers[a]!, numbers[b]!];
    if (texts) {
      const [one, other] = [texts[a]!, texts[b]!];
      if (!one || !other) return one ? -1 : other ? 1 : newest(a, b);
      if (!Number.isNaN(first) && !Number.isNaN(second)) return sign * (first - second) || newest(a, b);
      return sign * (one < other ? -1 : one > other ? 1 : 0) || newest(a, b);
    }
    const [noFirst, noSecond] = [Number.isNaN(first), Number.isNaN(second)];
    if (noFirst || noSecond) return noFirst && noSecond ? newest(a, b) : noFirst ? 1 : -1;
    return sign * (first - second) || newest(a, b);
  });
}

export interface Group {
  label: string;
  rows: Uint32Array;
}

/** Rows by the text of a column, in the order in which the groups' first rows come. */
export function groupRows(table: RunTable, rows: Uint32Array, id: ColumnId): Group[] {
  const groups = new Map<string, number[]>();
  for (const row of rows) {
    const label = cellText(table, id, row) || "—";
    const group = groups.get(label);
    if (group) group.push(row);
    else groups.set(label, [row]);
  }
  return [...groups].map(([label, members]) => ({ label, rows: Uint32Array.from(members) }));
}

/** Mean and sample standard deviation of the finite numbers. */
export function meanAndSpread(values: Iterable<number>): { mean: number; spread: number } {
  let [seen, mean, squares] = [0, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    seen += 1;
    const delta = value - mean;
    mean += delta / seen;
    squares += delta * (value - mean);
  }
  return { mean: seen ? mean : Number.NaN, spread: seen > 1 ? Math.sqrt(squares / (seen - 1)) : 0 };
}
