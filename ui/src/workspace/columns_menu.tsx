// Which columns the table has.

import { useState } from "preact/hooks";

import { Popover } from "../parts/small";
import { count } from "../pure/format";
import { type ColumnId, metricColumn } from "../pure/run_columns";
import type { Workspace } from "./state";

const MOST_SHOWN = 300;

export function ColumnsMenu({ space }: { space: Workspace }) {
  return (
    <Popover label="Columns" title="Columns" wide end>
      {() => <Choice space={space} />}
    </Popover>
  );
}

function Choice({ space }: { space: Workspace }) {
  const [wanted, setWanted] = useState("");
  const shown = new Set(space.columns.value);
  const { keys } = space;
  const flip = (id: ColumnId) => {
    const next = shown.has(id) ? space.columns.value.filter((one) => one !== id) : [...space.columns.value, id];
    space.setView({ columns: next });
  };
  const groups: [string, { name: string; ids: ColumnId[]; runs?: number }[]][] = [
    ["Params", keys.value.params.map(({ key, runs }) => ({ name: key, ids: [`params.${key}`], runs }))],
    ["Metrics", keys.value.metrics.map(({ key, runs }) => ({ name: key, ids: (["last", "min", "max"] as const).map((aggregate) => metricColumn(key, aggregate)), runs }))],
    ["Tags", keys.value.tags.filter(({ key }) => wanted || !/^(mlflow|runstone)\./.test(key)).map(({ key, runs }) => ({ name: key, ids: [`tags.${key}`], runs }))],
    ["Run", [["started", "start"], ["took", "duration"], ["status", "status"], ["user", "user"]].map(([name, id]) => ({ name: name!, ids: [id!] }))],
  ];
  return (
    <>
      <div class="row-of">
        <input type="search" placeholder="columns by name" aria-label="Columns by name" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        <button type="button" onClick={() => space.setView({ columns: null })} disabled={space.view.value.columns === null}>
          What differs
        </button>
      </div>
      <div class="scroll columns-choice">
        {groups.map(([title, members]) => {
          const found = members.filter((one) => one.name.toLowerCase().includes(wanted.toLowerCase()));
          if (!found.length) return null;
          return (
            <fieldset key={title}>
              <legend>{title}</legend>
              {found.slice(0, MOST_SHOWN).map(({ name, ids, runs }) => (
                <div key={name} class="choice">
                  <label title={name}>
                    <input type="checkbox" checked={shown.has(ids[0]!)} onChange={() => flip(ids[0]!)} />
                    <span>{name}</span>
                  </label>
                  {ids.slice(1).map((id) => (
                    <label key={id} class="aggregate">
                      <input type="checkbox" checked={shown.has(id)} aria-label={id} onChange={() => flip(id)} /> {id.slice(0, 3)}
                    </label>
                  ))}
                  {runs !== undefined && <small class="num">{count(runs)}</small>}
                </div>
              ))}
              {found.length > MOST_SHOWN && <p class="empty">{count(found.length - MOST_SHOWN)} more: type a part of the name.</p>}
            </fieldset>
          );
        })}
      </div>
    </>
  );
}
