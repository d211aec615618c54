// What can be done with the selected runs.

import { deleteRuns, restoreRuns, tagRuns } from "../api/run";
import { textAt } from "../pure/run_table";
import { TagForm } from "../parts/forms";
import { download, Popover } from "../parts/small";
import { csv, plural } from "../pure/format";
import { cellText, isNumeric, numberAt, parseColumn } from "../pure/run_columns";
import { href } from "../router";
import { canWrite, report, say } from "../session";
import { compareLink } from "./page";
import { select, type Workspace } from "./state";

export function SelectionBar({ space }: { space: Workspace }) {
  const chosen = space.selected.value;
  if (!chosen.size) return null;
  const ids = [...chosen];
  const isDeleted = space.view.value.deleted;
  const act = async (doIt: (ids: string[]) => Promise<unknown>, undo: (ids: string[]) => Promise<unknown>, what: string) => {
    await doIt(ids);
    select(space, []);
    await space.reload();
    say(`${plural(ids.length, "run")} ${what}`, { label: "Undo", act: () => void undo(ids).then(space.reload, report) });
  };
  return (
    <div class="selection-bar" role="toolbar" aria-label="Selected runs">
      <b class="num">{plural(chosen.size, "run")} selected</b>
      {chosen.size > 1 && (
        <a class="button primary" href={href(compareLink(space))} title="Compare (c)">
          Compare{chosen.size > 50 ? " the first 50" : ""}
        </a>
      )}
      {canWrite() && !isDeleted && (
        <Popover label="Tag" title="Tag the selected runs">
          {(close) => (
            <TagForm
              onSubmit={async (key, value) => {
                await tagRuns(ids, { [key]: value });
                say(`${plural(ids.length, "run")} tagged`);
                close();
              }}
            />
          )}
        </Popover>
      )}
      <button type="button" onClick={() => download("runs.csv", new Blob([selectedCsv(space, chosen)], { type: "text/csv" }))}>
        CSV
      </button>
      {canWrite() &&
        (isDeleted ? (
          <button type="button" onClick={() => void act(restoreRuns, deleteRuns, "restored").catch(report)}>
            Restore
          </button>
        ) : (
          <button type="button" class="danger" onClick={() => void act(deleteRuns, restoreRuns, "deleted").catch(report)}>
            Delete
          </button>
        ))}
      <span class="grow" />
      <button type="button" class="quiet" onClick={() => select(space, [])}>
        Clear
      </button>
    </div>
  );
}

function selectedCsv(space: Workspace, chosen: Set<string>): string {
  const table = space.table.value!;
  const columns = space.columns.value.filter((id) => id !== "start" && id !== "duration");
  const head = ["run_id", "name", "status", "start_time", ...columns];
  const rows = Array.from(space.order.value)
    .filter((row) => chosen.has(table.ids[row]!))
    .map((row) => [
      table.ids[row]!,
      table.names[row]!,
      textAt(table.status, row),
      Number.isNaN(table.start[row]) ? "" : new Date(table.start[row]!).toISOString(),
      ...columns.map((id) => {
        if (parseColumn(id).kind !== "metric" && !isNumeric(table, id)) return cellText(table, id, row);
        const value = numberAt(table, id, row, 0);
        return Number.isNaN(value) ? "" : value;
      }),
    ]);
  return csv([head, ...rows]);
}
