// One run, its files, and what is done to runs.

import { get, getMlflow, post } from "./client";

export interface MetricSummary {
  key: string;
  count: number;
  last: number | string;
  last_step: number;
  last_timestamp: number;
  first: number | string;
  first_step: number;
  min: number | string;
  min_step: number;
  max: number | string;
  max_step: number;
}

export interface Related {
  run_id: string;
  run_name: string;
  status: string;
  start_time?: number;
}

export interface RunDetail {
  info: {
    run_id: string;
    experiment_id: string;
    run_name: string;
    status: string;
    stage: string;
    user_id?: string;
    start_time?: number;
    end_time?: number;
    artifact_uri?: string;
  };
  experiment_name: string;
  params?: Record<string, string>;
  tags?: Record<string, string>;
  metrics?: MetricSummary[];
  inputs?: { name: string; digest: string; source_type?: string; context?: string }[];
  models?: { inputs?: string[]; outputs?: string[] };
  parent?: Related;
  children?: Related[];
  more_children?: boolean;
}

export const fetchRun = (runId: string) => get<RunDetail>(`runs/${encodeURIComponent(runId)}`);

export interface FileEntry {
  path: string;
  is_dir?: boolean;
  file_size?: number;
}

export async function fetchFolder(runId: string, path: string): Promise<FileEntry[]> {
  const answer = await getMlflow<{ files?: FileEntry[] }>("artifacts/list", path ? { run_id: runId, path } : { run_id: runId });
  return answer.files ?? [];
}

export interface BulkAnswer {
  done?: number;
  errors?: { run_id: string; message: string }[];
}

export const deleteRuns = (run_ids: string[]) => post<BulkAnswer>("runs/delete-many", { run_ids });
export const restoreRuns = (run_ids: string[]) => post<BulkAnswer>("runs/restore-many", { run_ids });
export const tagRuns = (run_ids: string[], tags: Record<string, string>, deleted_tags: string[] = []) =>
  post<BulkAnswer>("runs/tag-many", { run_ids, tags, deleted_tags });

export interface Importance {
  runs: number;
  is_sample?: boolean;
  params?: { key: string; share?: number; kind: string; runs: number; distinct: number; correlation?: number; p_value?: number }[];
}

export const fetchImportance = (body: unknown, signal?: AbortSignal) => post<Importance>("importance", body, signal);

export interface FilterCheck {
  ok: boolean;
  message?: string;
  column?: number;
  expected?: string;
}

export const checkFilter = (filter: string) => post<FilterCheck>("filters/check", { filter });

export async function fetchValues(experimentIds: string[], kind: "param" | "tag", key: string, prefix: string): Promise<string[]> {
  const answer = await post<{ values?: { value: string }[] }>("values", { experiment_ids: experimentIds, kind, key, prefix, max_results: 20 });
  return (answer.values ?? []).map((one) => one.value);
}

export interface Capabilities {
  version: string;
  read_only?: boolean;
}

export const fetchCapabilities = () => get<Capabilities>("capabilities");
