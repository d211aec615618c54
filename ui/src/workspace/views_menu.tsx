// Saved views: they stand on the experiment as tags, so that a team shares them.

import { deleteExperimentTag, setExperimentTag } from "../api/experiments";
import { nativeUrl } from "../api/client";
import { OneField } from "../parts/forms";
import { Popover } from "../parts/small";
import { orderTerm } from "../pure/run_columns";
import { PLAIN, readView, writeView } from "../pure/url_state";
import { canWrite, report, say } from "../session";
import type { Workspace } from "./state";

const PREFIX = "runstone.view.";

export function ViewsMenu({ space }: { space: Workspace }) {
  return (
    <Popover label="View" title="View" end>
      {(close) => <Menu space={space} close={close} />}
    </Popover>
  );
}

function Menu({ space, close }: { space: Workspace; close: () => void }) {
  const { experiment, view } = space;
  const tags = experiment.value?.tags ?? {};
  const saved = Object.entries(tags).filter(([key]) => key.startsWith(PREFIX));
  const keep = (change: Record<string, string | undefined>) => {
    const next = Object.entries({ ...tags, ...change }).filter((entry): entry is [string, string] => entry[1] !== undefined);
    experiment.value = { ...experiment.value!, tags: Object.fromEntries(next) };
  };
  const save = async (name: string) => {
    const value = JSON.stringify({ search: writeView({ ...view.value, selected: [] }) });
    await setExperimentTag(space.experimentId, PREFIX + name, value);
    keep({ [PREFIX + name]: value });
    say(`The view "${name}" is saved`);
  };
  const remove = (key: string) => {
    deleteExperimentTag(space.experimentId, key).then(() => keep({ [key]: undefined }), report);
  };
  const open = (value: string) => {
    space.setView(savedView(value));
    close();
  };
  const csvQuery: [string, string][] = [
    ["experiment_ids", space.experimentId],
    ...(view.value.filter ? [["filter", view.value.filter] as [string, string]] : []),
    ["run_view_type", view.value.deleted ? "DELETED_ONLY" : "ACTIVE_ONLY"],
    ["order_by", orderTerm(space.sort.value.column, space.sort.value.descending)],
  ];
  return (
    <>
      {saved.length > 0 && (
        <div class="menu">
          {saved.map(([key, value]) => (
            <div key={key} class="row-of">
              <button type="button" class="grow" onClick={() => open(value)}>
                {key.slice(PREFIX.length)}
              </button>
              {canWrite() && (
                <button type="button" class="quiet" aria-label={`Delete the view ${key.slice(PREFIX.length)}`} onClick={() => remove(key)}>
                  ×
                </button>
              )}
            </div>
          ))}
        </div>
      )}
      {canWrite() && <OneField label="Save this view as" action="Save" onSubmit={save} />}
      <hr />
      <div class="menu">
        <button type="button" onClick={() => (space.setView({ ...PLAIN, tab: view.value.tab }), close())}>
          Everything as at first
        </button>
        <button type="button" onClick={() => (space.setView({ deleted: !view.value.deleted, selected: [] }), close())}>
          {view.value.deleted ? "Back to the active runs" : "Show deleted runs"}
        </button>
        {view.value.hidden.length > 0 && (
          <button type="button" onClick={() => (space.setView({ hidden: [] }), close())}>
            Show {view.value.hidden.length} hidden
          </button>
        )}
        <a href={nativeUrl("runs.csv", csvQuery)} download>
          Download all runs as CSV
        </a>
      </div>
    </>
  );
}

function savedView(value: string) {
  try {
    const { search } = JSON.parse(value) as { search?: string };
    return readView(typeof search === "string" ? search : "");
  } catch {
    return PLAIN;
  }
}
