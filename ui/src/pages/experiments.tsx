// The list of experiments: what there is, and what is going on.

import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { toNumber } from "../api/client";
import { createExperiment, deleteExperiment, type Experiment, fetchExperiments, restoreExperiment } from "../api/experiments";
import { poll } from "../live";
import { OneField } from "../parts/forms";
import { Header } from "../parts/header";
import { Icon, Popover, Sparkline } from "../parts/small";
import { age, count, moment, plural, shortNumber } from "../pure/format";
import { go, href } from "../router";
import { canWrite, report, say } from "../session";
import { QuickStart } from "./quick_start";

type Sort = "activity" | "name" | "runs";
const PERIOD_MS = 1500;

export function ExperimentsPage() {
  const all = useSignal<Experiment[] | null>(null);
  const wanted = useSignal("");
  const sort = useSignal<Sort>("activity");
  const isDeleted = useSignal(false);
  const load = async () => {
    all.value = await fetchExperiments(isDeleted.value ? "DELETED_ONLY" : "ACTIVE_ONLY");
  };
  useEffect(() => {
    document.title = "Experiments · Runstone";
    all.value = null;
    load().catch(report);
    return poll(load, PERIOD_MS);
  }, [isDeleted.value]);

  const shown = useComputed(() => sorted(all.value ?? [], sort.value).filter((one) => one.name.toLowerCase().includes(wanted.value.toLowerCase())));
  const list = all.value;
  const runs = (list ?? []).reduce((sum, one) => sum + (one.runs ?? 0), 0);
  const live = (list ?? []).reduce((sum, one) => sum + (one.live ?? 0), 0);
  const isFresh = list !== null && !isDeleted.value && runs === 0 && list.length <= 1;

  const remove = async (one: Experiment) => {
    await deleteExperiment(one.experiment_id);
    await load();
    say(`"${one.name}" is deleted`, { label: "Undo", act: () => void restoreExperiment(one.experiment_id).then(load, report) });
  };

  const head = (label: string, kind: Sort, number = false) => (
    <th scope="col" class={number ? "num" : ""} aria-sort={sort.value === kind ? (kind === "name" ? "ascending" : "descending") : "none"}>
      <button type="button" onClick={() => (sort.value = kind)}>
        {label} {sort.value === kind && <em>{kind === "name" ? "▲" : "▼"}</em>}
      </button>
    </th>
  );

  return (
    <div class="page">
      <Header>
        {!isFresh && (
          <input type="search" class="wide-search" placeholder="Experiments by name" aria-label="Experiments by name" value={wanted.value} onInput={(event) => (wanted.value = event.currentTarget.value)} />
        )}
      </Header>
      <main class="list-page">
        <div class="list-head">
          <h1>{isDeleted.value ? "Deleted experiments" : "Experiments"}</h1>
          {list && !isFresh && (
            <span class="soft num">
              {plural(list.length, "experiment")}, {plural(runs, "run")}
            </span>
          )}
          {live > 0 && <span class="status live">{live} live</span>}
          <span class="grow" />
          <button type="button" class="quiet" onClick={() => (isDeleted.value = !isDeleted.value)}>
            {isDeleted.value ? "back to the active ones" : "deleted"}
          </button>
          {canWrite() && !isDeleted.value && (
            <Popover label="New experiment" title="New experiment" end primary>
              {() => (
                <OneField
                  label="Name"
                  action="Create"
                  onSubmit={async (name) => {
                    const { experiment_id } = await createExperiment(name);
                    go(`e/${experiment_id}`);
                  }}
                />
              )}
            </Popover>
          )}
        </div>
        {isFresh && <QuickStart />}
        {list && !isFresh && shown.value.length === 0 && <p class="empty tall">{wanted.value ? `No experiment's name contains "${wanted.value}".` : "There are none."}</p>}
        {shown.value.length > 0 && !isFresh && (
          <table class="list">
            <thead>
              <tr>
                {head("Experiment", "name")}
                {head("Runs", "runs", true)}
                <th scope="col">Best</th>
                <th scope="col" class="num" />
                <th scope="col">Over its runs</th>
                {head("Last activity", "activity")}
                <th scope="col" aria-label="Actions" />
              </tr>
            </thead>
            <tbody>
              {shown.value.map((one) => (
                <Row key={one.experiment_id} one={one} onDelete={() => void remove(one).catch(report)} onRestore={() => void restoreExperiment(one.experiment_id).then(load, report)} />
              ))}
            </tbody>
          </table>
        )}
      </main>
    </div>
  );
}

function Row({ one, onDelete, onRestore }: { one: Experiment; onDelete: () => void; onRestore: () => void }) {
  const { primary } = one;
  const note = one.tags?.["mlflow.note.content"]?.split("\n").find((line) => line.trim());
  const isDeleted = one.stage === "deleted";
  return (
    <tr>
      <td class="list-name">
        <a href={href(`e/${one.experiment_id}`)}>{one.name}</a>
        {note && <small>{note.replace(/^#+\s*/, "")}</small>}
      </td>
      <td class="num">
        {count(one.runs ?? 0)}
        {(one.live ?? 0) > 0 && <span class="status live">{one.live} live</span>}
      </td>
      <td class="list-metric">{primary && <span title={`${primary.direction === "min" ? "least" : "largest"} ${primary.key}`}>{primary.key}</span>}</td>
      <td class="num">
        {primary?.best !== undefined &&
          (primary.best_run_id ? <a href={href(`r/${primary.best_run_id}`)} title="The best run">{shortNumber(toNumber(primary.best))}</a> : shortNumber(toNumber(primary.best)))}
      </td>
      <td>{primary?.sparkline && <Sparkline values={primary.sparkline.map(toNumber)} label={`${primary.key} of its runs, oldest first`} width={120} />}</td>
      <td title={one.last_activity ? moment(one.last_activity) : undefined}>{one.last_activity ? age(one.last_activity, Date.now()) : <span class="soft">no run yet</span>}</td>
      <td class="list-acts">
        {canWrite() && one.experiment_id !== "0" && (
          <button type="button" class="quiet" onClick={isDeleted ? onRestore : onDelete} aria-label={`${isDeleted ? "Restore" : "Delete"} ${one.name}`} title={isDeleted ? "Restore" : "Delete"}>
            {isDeleted ? "restore" : <Icon name="close" />}
          </button>
        )}
      </td>
    </tr>
  );
}

function sorted(list: Experiment[], by: Sort): Experiment[] {
  const order: Record<Sort, (a: Experiment, b: Experiment) => number> = {
    name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
    runs: (a, b) => (b.runs ?? 0) - (a.runs ?? 0),
    activity: (a, b) => (b.last_activity ?? 0) - (a.last_activity ?? 0),
  };
  return [...list].sort(order[by]);
}
