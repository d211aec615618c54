// Some runs side by side: their curves on top, what differs below, their pictures.

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { fetchRun, type RunDetail } from "../api/run";
import { ChartWall } from "../charts/chart_wall";
import { poll } from "../live";
import { Header } from "../parts/header";
import { Dot } from "../parts/small";
import { plural } from "../pure/format";
import { readView, writeView } from "../pure/url_state";
import { href, replaceSearch, search } from "../router";
import { report } from "../session";
import { DiffTable } from "../workspace/diff";
import { ImagesPanel } from "../workspace/images";

const MOST_RUNS = 50;

export function ComparePage() {
  const wanted = new URLSearchParams(search.value).get("r") ?? "";
  const ids = useMemo(() => [...new Set(wanted.split(",").filter(Boolean))].slice(0, MOST_RUNS), [wanted]);
  const runs = useSignal<RunDetail[]>([]);
  const changed = useSignal<{ runIds: string[]; turn: number }>({ runIds: [], turn: 0 });
  const isImages = useSignal(false);
  const pointerX = useSignal<number | null>(null);
  const pointerRun = useSignal<string | null>(null);
  const view = useComputed(() => readView(search.value));
  const runIds = useComputed(() => runs.value.map((run) => run.info.run_id));
  const nameOf = useComputed(() => new Map(runs.value.map((run) => [run.info.run_id, run.info.run_name])));
  const names = [...new Set(runs.value.flatMap((run) => (run.metrics ?? []).map((one) => one.key)))].join("\n");
  const metrics = useMemo(() => names.split("\n").filter(Boolean), [names]);
  const source = useMemo(() => ({ runIds, nameOf, changed, pointer: { x: pointerX, runId: pointerRun } }), []);

  useEffect(() => {
    document.title = "Compare · Runstone";
    Promise.all(ids.map(fetchRun)).then((found) => (runs.value = found), report);
    return poll(async () => {
      const live = runs.value.filter((run) => run.info.status === "RUNNING").map((run) => run.info.run_id);
      if (!live.length) return;
      const fresh = new Map((await Promise.all(live.map(fetchRun))).map((run) => [run.info.run_id, run]));
      runs.value = runs.value.map((run) => fresh.get(run.info.run_id) ?? run);
      changed.value = { runIds: live, turn: changed.value.turn + 1 };
    });
  }, [ids]);

  const change = (patch: object) => {
    const rest = writeView({ ...view.value, ...patch });
    replaceSearch(`?r=${ids.join(",")}${rest ? `&${rest.slice(1)}` : ""}`);
  };
  const experiments = new Map(runs.value.map((run) => [run.info.experiment_id, run.experiment_name]));
  return (
    <div class="page">
      <Header
        crumbs={
          <>
            {experiments.size === 1 &&
              [...experiments].map(([id, name]) => (
                <a key={id} href={href(`e/${id}`)}>
                  {name}
                </a>
              ))}
            {experiments.size === 1 && <span aria-hidden="true">/</span>}
            <b>{plural(ids.length, "run")} compared</b>
          </>
        }
      />
      {ids.length < 2 && <p class="empty tall">Select two runs or more in an experiment, then Compare.</p>}
      {runs.value.length > 0 && (
        <main class="compare-page">
          <ul class="legend" aria-label="Runs">
            {runs.value.map((run) => (
              <li key={run.info.run_id} onPointerEnter={() => (pointerRun.value = run.info.run_id)} onPointerLeave={() => (pointerRun.value = null)}>
                <a href={href(`r/${run.info.run_id}`)}>
                  <Dot runId={run.info.run_id} /> {run.info.run_name}
                </a>
                {ids.length > 2 && (
                  <button
                    type="button"
                    class="quiet"
                    aria-label={`Leave out ${run.info.run_name}`}
                    onClick={() => replaceSearch(`?r=${ids.filter((id) => id !== run.info.run_id).join(",")}`)}
                  >
                    ×
                  </button>
                )}
              </li>
            ))}
          </ul>
          <ChartWall metrics={metrics} source={source} look={view.value} wanted={view.value.charts} onChange={change} />
          <DiffTable runs={runs.value} />
          {isImages.value ? (
            <ImagesPanel runIds={runIds.value} nameOf={nameOf.value} />
          ) : (
            <button type="button" onClick={() => (isImages.value = true)}>
              Show their pictures
            </button>
          )}
        </main>
      )}
    </div>
  );
}
