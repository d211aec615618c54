// Experiments: the list, and what is done with one.

import { post, postMlflow } from "./client";

export interface Primary {
  key: string;
  direction: "min" | "max";
  best?: number | string;
  best_run_id?: string;
  sparkline?: (number | string)[];
}

export interface Experiment {
  experiment_id: string;
  name: string;
  stage: "active" | "deleted";
  creation_time?: number;
  artifact_location?: string;
  tags?: Record<string, string>;
  runs?: number;
  live?: number;
  last_activity?: number;
  primary?: Primary;
}

export async function fetchExperiments(view: "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL" = "ACTIVE_ONLY"): Promise<Experiment[]> {
  const all: Experiment[] = [];
  let page: string | null = null;
  do {
    const answer: { experiments?: Experiment[]; next_page_token?: string } = await post("experiments/overview", {
      view_type: view,
      max_results: 200,
      page_token: page,
    });
    all.push(...(answer.experiments ?? []));
    page = answer.next_page_token ?? null;
  } while (page);
  return all;
}

export const createExperiment = (name: string) => postMlflow<{ experiment_id: string }>("experiments/create", { name });
export const renameExperiment = (experiment_id: string, new_name: string) =>
  postMlflow("experiments/update", { experiment_id, new_name });
export const deleteExperiment = (experiment_id: string) => postMlflow("experiments/delete", { experiment_id });
export const restoreExperiment = (experiment_id: string) => postMlflow("experiments/restore", { experiment_id });
export const setExperimentTag = (experiment_id: string, key: string, value: string) =>
  postMlflow("experiments/set-experiment-tag", { experiment_id, key, value });
export const deleteExperimentTag = (experiment_id: string, key: string) =>
  postMlflow("experiments/delete-experiment-tag", { experiment_id, key });
