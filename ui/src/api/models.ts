// Registered models and their versions, by MLflow's own routes.

import { getMlflow } from "./client";

export interface RegisteredModel {
  name: string;
  description?: string;
  last_updated_timestamp?: number;
  aliases?: { alias: string; version: string }[];
  tags?: { key: string; value: string }[];
}

export interface ModelVersion {
  name: string;
  version: string;
  creation_timestamp?: number;
  description?: string;
  run_id?: string;
  source?: string;
  status?: string;
  aliases?: string[];
}

export async function fetchModels(): Promise<RegisteredModel[]> {
  return pages<RegisteredModel>("registered-models/search", "registered_models", {});
}

export async function fetchVersions(name: string): Promise<ModelVersion[]> {
  const versions = await pages<ModelVersion>("model-versions/search", "model_versions", { filter: `name='${name.replaceAll("'", "''")}'` });
  return versions.sort((a, b) => Number(b.version) - Number(a.version));
}

async function pages<T>(path: string, field: string, query: Record<string, string>): Promise<T[]> {
  const all: T[] = [];
  let token = "";
  do {
    const answer: Record<string, unknown> = await getMlflow(path, { ...query, max_results: "200", ...(token && { page_token: token }) });
    all.push(...((answer[field] as T[] | undefined) ?? []));
    token = (answer["next_page_token"] as string | undefined) ?? "";
  } while (token);
  return all;
}
