// Runs as columns, and how pages and changes are put together. Pure.

export type Aggregate = "last" | "min" | "max" | "first" | "count" | "last_step";

/** Texts by code: code 0 is "has none", code k is `values[k - 1]`. */
export interface TextColumn {
  values: string[];
  codes: Uint32Array;
  /** The values as numbers, where at least one is. */
  numbers: (number | null)[] | null;
}

export interface RunTable {
  rows: number;
  ids: string[];
  names: string[];
  status: TextColumn;
  users: TextColumn;
  parents: TextColumn;
  start: Float64Array;
  end: Float64Array;
  /** By `aggregate:key`; NaN where a run has none. */
  metrics: Map<string, Float64Array>;
  params: Map<string, TextColumn>;
  tags: Map<string, TextColumn>;
}

export interface KeyCount {
  key: string;
  runs: number;
}

export interface Keys {
  metrics: KeyCount[];
  params: KeyCount[];
  tags: KeyCount[];
}

/** The runs of both tables: rows of `news` replace those of the same id and else follow; those `gone` are left out. */
export function mergeRuns(old: RunTable, news: RunTable, gone: string[] = []): RunTable {
  const away = new Set(gone);
  const places = new Map<string, number>();
  // Which table and row each row of the result comes from: a row of `news` is written as -1 - row.
  const sources: number[] = [];
  old.ids.forEach((id, row) => {
    if (away.has(id)) return;
    places.set(id, sources.length);
    sources.push(row);
  });
  news.ids.forEach((id, row) => {
    const place = places.get(id);
    if (place === undefined) sources.push(-1 - row);
    else sources[place] = -1 - row;
  });
  const pick = <T>(from: ArrayLike<T>, other: ArrayLike<T>) => sources.map((at) => (at < 0 ? other[-1 - at]! : from[at]!));
  const numbers = (from: Float64Array | undefined, other: Float64Array | undefined) =>
    Float64Array.from(sources, (at) => (at < 0 ? other?.[-1 - at] : from?.[at]) ?? Number.NaN);
  const texts = (from: TextColumn | undefined, other: TextColumn | undefined) => mergeTexts(from, other, sources);
  const union = <T>(from: Map<string, T>, other: Map<string, T>) => [...new Set([...from.keys(), ...other.keys()])];
  return {
    rows: sources.length,
    ids: pick(old.ids, news.ids),
    names: pick(old.names, news.names),
    status: texts(old.status, news.status),
    users: texts(old.users, news.users),
    parents: texts(old.parents, news.parents),
    start: numbers(old.start, news.start),
    end: numbers(old.end, news.end),
    metrics: new Map(union(old.metrics, news.metrics).map((key) => [key, numbers(old.metrics.get(key), news.metrics.get(key))])),
    params: new Map(union(old.params, news.params).map((key) => [key, texts(old.params.get(key), news.params.get(key))])),
    tags: new Map(union(old.tags, news.tags).map((key) => [key, texts(old.tags.get(key), news.tags.get(key))])),
  };
}

function mergeTexts(old: TextColumn | undefined, news: TextColumn | undefined, sources: number[]): TextColumn {
  const values = [...(old?.values ?? [])];
  const codeOf = new Map(values.map((value, index) => [value, index + 1]));
  const numbers = old?.numbers || news?.numbers ? [...(old?.numbers ?? values.map(() => null))] : null;
  const translated = [0, ...(news?.values ?? []).map((value, index) => {
    const known = codeOf.get(value);
    if (known !== undefined) return known;
    values.push(value);
    numbers?.push(news?.numbers?.[index] ?? null);
    codeOf.set(value, values.length);
    return values.length;
  })];
  const codes = Uint32Array.from(sources, (at) =>
    at < 0 ? translated[news?.codes[-1 - at] ?? 0]! : (old?.codes[at] ?? 0),
  );
  return { values, codes, numbers };
}

export function textAt(column: TextColumn | undefined, row: number): string {
  const code = column?.codes[row] ?? 0;
  return code ? column!.values[code - 1]! : "";
}
