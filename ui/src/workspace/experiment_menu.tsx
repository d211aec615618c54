// The experiment's name in the bar: the way to the others, and what can be done with this one.

import { useState } from "preact/hooks";

import { deleteExperiment, type Experiment, fetchExperiments, renameExperiment, restoreExperiment } from "../api/experiments";
import { OneField } from "../parts/forms";
import { Popover } from "../parts/small";
import { count } from "../pure/format";
import { go, href } from "../router";
import { canWrite, report, say } from "../session";
import type { Workspace } from "./state";

export function ExperimentMenu({ space }: { space: Workspace }) {
  const experiment = space.experiment.value;
  return (
    <>
      <Popover label={<b class="crumb-name">{experiment?.name ?? "…"} ▾</b>} title="Experiment">
        {(close) => <Menu space={space} experiment={experiment} close={close} />}
      </Popover>
      {experiment?.stage === "deleted" && <span class="status bad">deleted</span>}
    </>
  );
}

function Menu({ space, experiment, close }: { space: Workspace; experiment: Experiment | null; close: () => void }) {
  const [others, setOthers] = useState<Experiment[] | null>(null);
  const [wanted, setWanted] = useState("");
  if (others === null) {
    setOthers([]);
    fetchExperiments().then(setOthers, report);
  }
  const rename = async (name: string) => {
    await renameExperiment(space.experimentId, name);
    space.experiment.value = { ...experiment!, name };
    close();
  };
  const remove = async () => {
    await deleteExperiment(space.experimentId);
    go("");
    say(`"${experiment!.name}" is deleted`, { label: "Undo", act: () => void restoreExperiment(space.experimentId).then(() => go(`e/${space.experimentId}`), report) });
  };
  return (
    <>
      <input type="search" placeholder="other experiments" aria-label="Other experiments" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      <div class="menu scroll">
        {(others ?? [])
          .filter((one) => one.name.toLowerCase().includes(wanted.toLowerCase()))
          .map((one) => (
            <a key={one.experiment_id} href={href(`e/${one.experiment_id}`)} onClick={close} aria-current={one.experiment_id === space.experimentId ? "page" : undefined}>
              {one.name} <small>{count(one.runs ?? 0)}</small>
            </a>
          ))}
      </div>
      {canWrite() && experiment?.stage === "active" && (
        <>
          <hr />
          <OneField label="Name" value={experiment.name} action="Rename" onSubmit={rename} />
          {experiment.experiment_id !== "0" && (
            <div class="menu">
              <button type="button" class="danger" onClick={() => void remove().catch(report)}>
                Delete this experiment
              </button>
            </div>
          )}
        </>
      )}
    </>
  );
}
