// An experiment: its runs on the left; what moves them, and their curves, on the right.

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { ChartWall } from "../charts/chart_wall";
import { Header } from "../parts/header";
import { Notes } from "../parts/notes";
import { count, plural } from "../pure/format";
import { type Tab } from "../pure/url_state";
import { go, href } from "../router";
import { setExperimentTag } from "../api/experiments";
import { canWrite, report } from "../session";
import { BarsPanel } from "./bars";
import { ColumnsMenu } from "./columns_menu";
import { DiffPanel } from "./diff";
import { ExperimentMenu } from "./experiment_menu";
import { FilterBox } from "./filter_box";
import { Grid } from "./grid";
import { ImagesPanel } from "./images";
import { ImportancePanel } from "./importance";
import { ParallelPanel } from "./parallel";
import { ScatterPanel } from "./scatter";
import { SelectionBar } from "./selection_bar";
import { isLive, openWorkspace, type Workspace } from "./state";
import { ViewsMenu } from "./views_menu";

const TABS: [Tab, string][] = [
  ["charts", "Charts"],
  ["parallel", "Parallel"],
  ["scatter", "Scatter"],
  ["bars", "Bars"],
  ["images", "Images"],
  ["diff", "Diff"],
];

export function WorkspacePage({ experimentId }: { experimentId: string }) {
  const space = useMemo(() => openWorkspace(experimentId), [experimentId]);
  useEffect(() => () => space.close(), [space]);
  const width = useSignal(Number(localStorage.getItem("runstone.split")) || 55);
  const live = useComputed(() => {
    const table = space.table.value;
    return table ? table.ids.reduce((sum, _, row) => sum + Number(isLive(table, row)), 0) : 0;
  });
  useEffect(() => {
    document.title = `${space.experiment.value?.name ?? "Experiment"} · Runstone`;
  }, [space.experiment.value?.name]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "c" || event.ctrlKey || event.metaKey || (event.target as Element).closest("input,textarea,select")) return;
      if (space.selected.value.size > 1) go(compareLink(space));
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [space]);

  const rows = space.table.value?.rows ?? 0;
  return (
    <div class="page workspace">
      <Header crumbs={<ExperimentMenu space={space} />}>
        <FilterBox value={space.view.value.filter} keys={space.keys.value} experimentIds={[experimentId]} onApply={(filter) => space.setView({ filter })} />
      </Header>
      <div class="sub-bar" role="toolbar" aria-label="Runs">
        <span class="num" data-testid="run-count">
          {space.count.value > rows && space.table.value ? `${count(rows)} of ${plural(space.count.value, "run")}` : plural(space.count.value, "run")}
        </span>
        {live.value > 0 && <span class="status live">{live.value} live</span>}
        {space.view.value.deleted && <span class="status soft">deleted runs</span>}
        {space.busy.value && <span class="busy" role="status" aria-label="Loading" />}
        <span class="grow" />
        <GroupChoice space={space} />
        <ColumnsMenu space={space} />
        <ViewsMenu space={space} />
      </div>
      <div class="split" style={{ "--left": `${width.value}%` }}>
        <main class="left">
          {space.table.value && rows === 0 && !space.busy.value ? <NoRuns space={space} /> : <Grid space={space} />}
          <SelectionBar space={space} />
        </main>
        <Divider width={width} />
        <aside class="right" aria-label="Charts of the runs">
          <Notes
            text={space.experiment.value?.tags?.["mlflow.note.content"] ?? ""}
            label="About this experiment"
            onSave={canWrite() ? (text) => saveNote(space, text) : undefined}
          />
          <ImportancePanel space={space} />
          <div class="tabs" role="tablist" aria-label="How the runs are shown">
            {TABS.map(([tab, label]) => (
              <button key={tab} type="button" role="tab" aria-selected={space.view.value.tab === tab} onClick={() => space.setView({ tab })}>
                {label}
              </button>
            ))}
            <span class="grow" />
            {["charts", "bars"].includes(space.view.value.tab) && <Charted space={space} />}
          </div>
          <TabPanel space={space} />
        </aside>
      </div>
    </div>
  );
}

function TabPanel({ space }: { space: Workspace }) {
  const view = space.view.value;
  const metrics = useMemo(() => space.keys.value.metrics.map((one) => one.key), [space.keys.value]);
  const source = useMemo(
    () => ({ runIds: space.charted, nameOf: space.nameOf, changed: space.changed, pointer: space.pointer }),
    [space],
  );
  switch (view.tab) {
    case "parallel":
      return <ParallelPanel space={space} />;
    case "scatter":
      return <ScatterPanel space={space} />;
    case "bars":
      return <BarsPanel space={space} />;
    case "images":
      return <ImagesPanel runIds={space.charted.value} nameOf={space.nameOf.value} />;
    case "diff":
      return <DiffPanel runIds={space.charted.value} />;
    default:
      return (
        <ChartWall metrics={metrics} source={source} look={view} wanted={view.charts} first={space.experiment.value?.primary?.key} onChange={space.setView} />
      );
  }
}

function Charted({ space }: { space: Workspace }) {
  const shown = space.charted.value.length;
  if (!shown) return null;
  return (
    <small class="charted" title="The first runs of the table, or those that you select">
      {space.selected.value.size ? `${plural(shown, "selected run")}` : `first ${plural(shown, "run")}`}
    </small>
  );
}

function GroupChoice({ space }: { space: Workspace }) {
  const { keys, view } = space;
  const isKept = (key: string) => !key.startsWith("mlflow.") && !key.startsWith("runstone.");
  return (
    <>
      <label>
        group
        <select aria-label="Group by" value={view.value.group} onChange={(event) => space.setView({ group: event.currentTarget.value })}>
          <option value="">none</option>
          <option value="status">status</option>
          <option value="user">user</option>
          {keys.value.params.map(({ key }) => (
            <option key={`params.${key}`} value={`params.${key}`}>
              {key}
            </option>
          ))}
          {keys.value.tags.filter(({ key }) => isKept(key)).map(({ key }) => (
            <option key={`tags.${key}`} value={`tags.${key}`}>
              tag {key}
            </option>
          ))}
        </select>
      </label>
      {hasParents(space) && (
        <button type="button" class={`toggle ${view.value.nested ? "on" : ""}`} aria-pressed={view.value.nested} onClick={() => space.setView({ nested: !view.value.nested })}>
          nested
        </button>
      )}
    </>
  );
}

function hasParents(space: Workspace): boolean {
  return (space.table.value?.parents.values.length ?? 0) > 0;
}

function NoRuns({ space }: { space: Workspace }) {
  const { filter, deleted } = space.view.value;
  if (filter || deleted) {
    return (
      <div class="empty tall">
        <p>{filter ? "No run matches this filter." : "No run of this experiment is deleted."}</p>
        <button type="button" onClick={() => space.setView({ filter: "", deleted: false })}>
          Show all runs
        </button>
      </div>
    );
  }
  return (
    <div class="empty tall">
      <p>No runs yet. To record one:</p>
      <pre class="code">{`import runstone as mlflow

mlflow.set_tracking_uri("${location.origin}${href("").replace(/\/$/, "")}")
mlflow.set_experiment("${space.experiment.value?.name ?? ""}")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5, step=1)`}</pre>
    </div>
  );
}

function Divider({ width }: { width: { value: number } }) {
  const box = useRef<HTMLDivElement>(null);
  const set = (percent: number) => {
    width.value = Math.min(80, Math.max(20, percent));
    localStorage.setItem("runstone.split", String(width.value));
  };
  return (
    <div
      ref={box}
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the table"
      aria-valuenow={Math.round(width.value)}
      aria-valuemin={20}
      aria-valuemax={80}
      tabIndex={0}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") set(width.value - 2);
        if (event.key === "ArrowRight") set(width.value + 2);
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const frame = box.current!.parentElement!.getBoundingClientRect();
        set(((event.clientX - frame.left) / frame.width) * 100);
      }}
    />
  );
}

async function saveNote(space: Workspace, text: string): Promise<void> {
  try {
    await setExperimentTag(space.experimentId, "mlflow.note.content", text);
    const old = space.experiment.value;
    if (old) space.experiment.value = { ...old, tags: { ...old.tags, "mlflow.note.content": text } };
  } catch (error) {
    report(error);
  }
}

export function compareLink(space: Workspace): string {
  return `compare?r=${[...space.selected.value].slice(0, 50).join(",")}`;
}

