// One run: what it is, what it was given, what came of it, live while it runs.

import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { fetchExperiments } from "../api/experiments";
import { deleteRuns, fetchRun, restoreRuns, type RunDetail, tagRuns } from "../api/run";
import { ChartWall } from "../charts/chart_wall";
import { FileBrowser } from "../files/browser";
import { poll } from "../live";
import { OneField } from "../parts/forms";
import { Header } from "../parts/header";
import { Notes } from "../parts/notes";
import { CopyButton, Dot, Popover, StatusMark } from "../parts/small";
import { age, duration, moment } from "../pure/format";
import { readView, writeView } from "../pure/url_state";
import { go, href, replaceSearch, search } from "../router";
import { canWrite, report, say } from "../session";
import { recentRuns } from "../workspace/recent";
import { AgainstBest } from "./run_against_best";
import { Params, Related, RunMetrics, Tags } from "./run_tables";

interface Props {
  runId: string;
  /** The chosen file, where files are shown; else null. */
  file: string | null;
}

export function RunPage({ runId, file }: Props) {
  const run = useSignal<RunDetail | null>(null);
  const problem = useSignal("");
  const changed = useSignal<{ runIds: string[]; turn: number }>({ runIds: [], turn: 0 });

  const load = async () => {
    const found = await fetchRun(runId);
    const isNews = run.value !== null && pointsOf(found) !== pointsOf(run.value);
    run.value = found;
    if (isNews) changed.value = { runIds: [runId], turn: changed.value.turn + 1 };
  };
  useEffect(() => {
    load().catch((error: unknown) => {
      problem.value = error instanceof Error ? error.message : String(error);
    });
    return poll(async () => {
      // A run that has ended changes by hand alone, but may be taken up again.
      if (run.value) await load();
    });
  }, [runId]);
  useEffect(() => {
    document.title = `${run.value?.info.run_name ?? "Run"} · Runstone`;
  }, [run.value?.info.run_name]);
  useNeighbourKeys(runId);

  const shown = run.value;
  return (
    <div class="page">
      <Header crumbs={shown && <Crumbs run={shown} />} />
      {problem.value && <p class="empty tall">{problem.value}</p>}
      {shown && (
        <div class="run-page">
          <RunHead run={shown} reload={load} />
          <div class="run-split">
            <main class="run-facts">
              <Notes
                text={shown.tags?.["mlflow.note.content"] ?? ""}
                label="Notes"
                onSave={canWrite() ? async (text) => void (await tagRuns([runId], { "mlflow.note.content": text }).then(load, report)) : undefined}
              />
              <RunMetrics run={shown} changed={changed} />
              <Params params={shown.params ?? {}} />
              <Tags run={shown} reload={load} />
              <Related run={shown} />
            </main>
            <RunSide run={shown} file={file} changed={changed} />
          </div>
        </div>
      )}
    </div>
  );
}

function pointsOf(run: RunDetail): number {
  return (run.metrics ?? []).reduce((sum, metric) => sum + metric.count, 0);
}

function Crumbs({ run }: { run: RunDetail }) {
  return (
    <>
      <a href={href(`e/${run.info.experiment_id}`)}>{run.experiment_name}</a>
      <span aria-hidden="true">/</span>
      {run.parent && (
        <>
          <a href={href(`r/${run.parent.run_id}`)}>{run.parent.run_name}</a>
          <span aria-hidden="true">/</span>
        </>
      )}
      <b>{run.info.run_name}</b>
    </>
  );
}

function RunHead({ run, reload }: { run: RunDetail; reload: () => Promise<void> }) {
  const { info } = run;
  const tags = run.tags ?? {};
  const now = Date.now();
  const commit = tags["mlflow.source.git.commit"];
  const script = tags["mlflow.source.name"];
  const command = reproduceCommand(run);
  const isDeleted = info.stage === "deleted";
  const toggleDeleted = async () => {
    await (isDeleted ? restoreRuns : deleteRuns)([info.run_id]);
    await reload();
    if (!isDeleted) say(`"${info.run_name}" is deleted`, { label: "Undo", act: () => void restoreRuns([info.run_id]).then(reload, report) });
  };
  return (
    <div class="run-head">
      <h1>
        <Dot runId={info.run_id} /> {info.run_name}
      </h1>
      <span class={`status ${{ RUNNING: "live", FINISHED: "good", FAILED: "bad", KILLED: "bad" }[info.status] ?? "soft"}`}>{info.status.toLowerCase()}</span>
      {isDeleted && <StatusMark status="KILLED" />}
      <dl class="facts">
        {info.start_time !== undefined && <Fact name="started" value={age(info.start_time, now)} title={moment(info.start_time)} />}
        {info.start_time !== undefined && <Fact name="took" value={duration((info.end_time ?? now) - info.start_time)} />}
        {info.user_id && <Fact name="by" value={info.user_id} />}
        {commit && <Fact name="commit" value={commit.slice(0, 8) + (tags["mlflow.source.git.branch"] ? ` (${tags["mlflow.source.git.branch"]})` : "")} title={commit} />}
        {script && <Fact name="script" value={script.split("/").at(-1)!} title={script} />}
        {(run.inputs ?? []).map((one) => (
          <Fact key={one.digest} name={one.context ?? "data"} value={one.name} title={one.digest} />
        ))}
      </dl>
      <span class="grow" />
      <Popover label="Use it" title="Code to load this run" wide end>
        {() => (
          <>
            {command && <CodeLine label="Run it again" text={command} />}
            <CodeLine label="Load it" text={`import runstone as mlflow\n\nrun = mlflow.get_run("${info.run_id}")\nrun.data.params, run.data.metrics`} />
            <CodeLine label="Its curves" text={`mlflow.MlflowClient().get_metric_history("${info.run_id}", "${run.metrics?.[0]?.key ?? "loss"}")`} />
            <CodeLine label="Its id" text={info.run_id} />
            {info.artifact_uri && <CodeLine label="Its files" text={info.artifact_uri} />}
          </>
        )}
      </Popover>
      {canWrite() && (
        <Popover label="Edit" title="Edit this run" end>
          {(close) => (
            <>
              <OneField
                label="Name"
                value={info.run_name}
                action="Rename"
                onSubmit={async (name) => {
                  await tagRuns([info.run_id], { "mlflow.runName": name });
                  await reload();
                  close();
                }}
              />
              <div class="menu">
                <button type="button" class={isDeleted ? "" : "danger"} onClick={() => (close(), void toggleDeleted().catch(report))}>
                  {isDeleted ? "Restore this run" : "Delete this run"}
                </button>
              </div>
            </>
          )}
        </Popover>
      )}
    </div>
  );
}

function Fact({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function CodeLine({ label, text }: { label: string; text: string }) {
  return (
    <div class="code-line">
      <small>{label}</small>
      <div class="code-box">
        <pre class="code">{text}</pre>
        <CopyButton text={text} label={`Copy: ${label}`} />
      </div>
    </div>
  );
}

/** How the run was started, as far as its tags tell; null where they do not. */
function reproduceCommand(run: RunDetail): string | null {
  const tags = run.tags ?? {};
  const script = tags["mlflow.source.name"];
  if (!script?.endsWith(".py")) return null;
  const commit = tags["mlflow.source.git.commit"];
  return `${commit ? `git checkout ${commit} && ` : ""}python ${/\s/.test(script) ? `'${script}'` : script}`;
}

type Side = "charts" | "files" | "best";

function RunSide({ run, file, changed }: { run: RunDetail; file: string | null; changed: Signal<{ runIds: string[]; turn: number }> }) {
  const { run_id, run_name, experiment_id } = run.info;
  const isBest = useSignal(false);
  const best = useSignal<string | null>(null);
  const pointerX = useSignal<number | null>(null);
  const pointerRun = useSignal<string | null>(null);
  const view = useComputed(() => readView(search.value));
  const runIds = useComputed(() => [run_id]);
  const nameOf = useComputed(() => new Map([[run_id, run_name]]));
  const metrics = (run.metrics ?? []).map((one) => one.key);
  const names = metrics.join("\n");
  const keys = useMemo(() => metrics, [names]);
  const source = useMemo(() => ({ runIds, nameOf, changed, pointer: { x: pointerX, runId: pointerRun } }), []);
  useEffect(() => {
    fetchExperiments("ALL").then((all) => {
      best.value = all.find((one) => one.experiment_id === experiment_id)?.primary?.best_run_id ?? null;
    }, report);
  }, [experiment_id]);

  const side: Side = file !== null ? "files" : isBest.value ? "best" : "charts";
  const choose = (next: Side) => {
    isBest.value = next === "best";
    go(next === "files" ? `r/${run_id}/files` : `r/${run_id}`);
  };
  const tabs: [Side, string][] = [["charts", "Charts"], ["files", "Files"]];
  if (best.value && best.value !== run_id) tabs.push(["best", "Against the best"]);
  return (
    <aside class="run-side" aria-label="Charts and files">
      <div class="tabs" role="tablist" aria-label="Of this run">
        {tabs.map(([name, label]) => (
          <button key={name} type="button" role="tab" aria-selected={side === name} onClick={() => choose(name)}>
            {label}
          </button>
        ))}
        {best.value === run_id && (
          <>
            <span class="grow" />
            <span class="status good">the best run of its experiment</span>
          </>
        )}
      </div>
      {side === "charts" && (
        <ChartWall metrics={keys} source={source} look={view.value} wanted={view.value.charts} onChange={(patch) => replaceSearch(writeView({ ...view.value, ...patch }))} />
      )}
      {side === "files" && <FileBrowser runId={run_id} path={file ?? ""} />}
      {side === "best" && best.value && <AgainstBest run={run} bestRunId={best.value} />}
    </aside>
  );
}

/** `[` and `]` go to the runs before and after in the table that one came from. */
function useNeighbourKeys(runId: string): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.key !== "[" && event.key !== "]") || (event.target as Element).closest("input,textarea,select")) return;
      const at = recentRuns.value.indexOf(runId);
      const next = at < 0 ? undefined : recentRuns.value[at + (event.key === "]" ? 1 : -1)];
      if (next) go(`r/${next}`);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [runId]);
}
