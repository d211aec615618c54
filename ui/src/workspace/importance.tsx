// What moves the metric: how much of its variance each param explains alone.

import { useEffect, useState } from "preact/hooks";

import { fetchImportance, type Importance } from "../api/run";
import { plural } from "../pure/format";
import { parseColumn } from "../pure/run_columns";
import { report } from "../session";
import type { Workspace } from "./state";

const SHOWN = 6;
const SETTLE_MS = 5000;
const WORTH_SHOWING = 0.005;

export function ImportancePanel({ space }: { space: Workspace }) {
  const [found, setFound] = useState<Importance | null>(null);
  const { column } = space.sort.value;
  const { kind, key, aggregate } = parseColumn(isMetric(column) ? column : (space.best.value?.column ?? ""));
  const { filter, deleted } = space.view.value;
  const isAsked = kind === "metric" && ["last", "min", "max"].includes(aggregate);
  // News of runs change it little: it is asked again when some have gathered.
  const turn = useSettled(space.changed.value.turn);

  useEffect(() => {
    if (!isAsked) return setFound(null);
    const stop = new AbortController();
    const body = {
      experiment_ids: [space.experimentId],
      metric: key,
      aggregate,
      ...(filter && { filter }),
      run_view_type: deleted ? "DELETED_ONLY" : "ACTIVE_ONLY",
    };
    fetchImportance(body, stop.signal).then(setFound, report);
    return () => stop.abort();
  }, [isAsked, key, aggregate, filter, deleted, turn, space.experimentId]);

  const params = (found?.params ?? []).filter((one) => (one.share ?? 0) >= WORTH_SHOWING).slice(0, SHOWN);
  if (!isAsked || !found) return null;
  return (
    <section class="card importance" aria-label={`What moves ${key}`}>
      <header>
        <h3>
          What moves {key}
          {aggregate !== "last" && <small> ({aggregate})</small>}
        </h3>
        <small
          class="about"
          title="Each param alone: the part of the variance of the runs' ranks that it explains (Kruskal-Wallis' H as epsilon squared). Params that vary together share it, so the parts may add up to more than 100 %."
        >
          variance of ranks explained, {plural(found.runs, "run")}
          {found.is_sample && " (a sample)"}
        </small>
      </header>
      {params.length === 0 && <p class="empty">No param explains it: too few runs, or too few values.</p>}
      <ul>
        {params.map((one) => {
          const share = Math.round((one.share ?? 0) * 100);
          return (
            <li key={one.key}>
              <button
                type="button"
                title={`Scatter plot of ${key} by ${one.key}`}
                onClick={() => space.setView({ tab: "scatter", axes: [`params.${one.key}`, column] })}
              >
                {one.key}
              </button>
              <span class="meter" aria-hidden="true">
                <i style={{ width: `${share}%` }} />
              </span>
              <span class="num">
                {share}%
                <small title={one.correlation === undefined ? "" : `Spearman's correlation ${one.correlation.toFixed(2)}`}>{trend(one.correlation)}</small>
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function isMetric(column: string): boolean {
  return parseColumn(column).kind === "metric";
}

/** Which way the metric goes as the param grows, where it goes any one way. */
function trend(correlation: number | undefined): string {
  if (correlation === undefined || Math.abs(correlation) < 0.3) return "";
  return correlation > 0 ? " ↑" : " ↓";
}

function useSettled(value: number): number {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
