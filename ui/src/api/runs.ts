// Asks for runs as columns, and for what has changed.

import { post, postColumns } from "./client";
import type { Aggregate, Keys, RunTable, TextColumn } from "../pure/run_table";
import type { Column, ColumnsAnswer, Texts } from "./columns";

export interface RunQuery {
  experiment_ids: string[];
  filter?: string;
  run_view_type?: "ACTIVE_ONLY" | "DELETED_ONLY";
  metrics?: string[];
  aggregates?: Aggregate[];
  params?: string[];
  tags?: string[];
}

interface Head {
  rows?: number;
  run_ids?: string[];
  names?: string[];
  status: Texts;
  users: Texts;
  parents: Texts;
  start_time: Column;
  end_time: Column;
  metrics?: { key: string; values: Partial<Record<Aggregate, Column>> }[];
  params?: (Texts & { key: string; numbers?: (number | null)[] })[];
  tags?: (Texts & { key: string })[];
  next_page_token?: string;
  revision: number;
  count?: number;
  count_is_estimate?: boolean;
  gone?: string[];
  more?: boolean;
}

export interface RunPage {
  table: RunTable;
  nextPage: string | null;
  revision: number;
  count: number;
  estimated: boolean;
  gone: string[];
  more: boolean;
}

export async function fetchRuns(
  query: RunQuery & { order_by?: string[]; max_results: number; page_token?: string; count?: boolean },
  signal?: AbortSignal,
): Promise<RunPage> {
  return toPage(await postColumns<Head>("runs/columns", query, signal));
}

export async function fetchChanges(query: RunQuery & { since: number }, signal?: AbortSignal): Promise<RunPage> {
  return toPage(await postColumns<Head>("runs/changes", { ...query, max_results: 1000 }, signal));
}

export async function fetchKeys(experimentIds: string[]): Promise<Keys> {
  const keys = await post<Partial<Keys>>("keys", { experiment_ids: experimentIds });
  return { metrics: keys.metrics ?? [], params: keys.params ?? [], tags: keys.tags ?? [] };
}

function toPage({ head, column }: ColumnsAnswer<Head>): RunPage {
  const rows = head.rows ?? 0;
  const texts = (of: Texts | undefined, numbers: (number | null)[] | null = null): TextColumn => ({
    values: of?.values ?? [],
    codes: of ? Uint32Array.from(column(of.codes)) : new Uint32Array(rows),
    numbers,
  });
  const metrics = new Map<string, Float64Array>();
  for (const { key, values } of head.metrics ?? []) {
    for (const [aggregate, of] of Object.entries(values)) metrics.set(`${aggregate}:${key}`, Float64Array.from(column(of)));
  }
  return {
    table: {
      rows,
      ids: head.run_ids ?? [],
      names: head.names ?? [],
      status: texts(head.status),
      users: texts(head.users),
      parents: texts(head.parents),
      start: Float64Array.from(column(head.start_time)),
      end: Float64Array.from(column(head.end_time)),
      metrics,
      params: new Map((head.params ?? []).map((param) => [param.key, texts(param, param.numbers ?? null)])),
      tags: new Map((head.tags ?? []).map((tag) => [tag.key, texts(tag)])),
    },
    nextPage: head.next_page_token ?? null,
    revision: head.revision,
    count: head.count ?? 0,
    estimated: head.count_is_estimate ?? false,
    gone: head.gone ?? [],
    more: head.more ?? false,
  };
}
