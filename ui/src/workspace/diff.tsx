// What differs between runs: params, metrics, tags, code.

import { useEffect, useMemo, useState } from "preact/hooks";

import { toNumber } from "../api/client";
import { fetchRun, type RunDetail } from "../api/run";
import { Dot } from "../parts/small";
import { shortNumber } from "../pure/format";
import { href } from "../router";
import { report } from "../session";

const MOST_RUNS = 12;

export function DiffPanel({ runIds }: { runIds: string[] }) {
  const ids = useMemo(() => runIds.slice(0, MOST_RUNS), [runIds.join()]);
  const [runs, setRuns] = useState<RunDetail[]>([]);
  useEffect(() => {
    let isOver = false;
    Promise.all(ids.map(fetchRun)).then((found) => !isOver && setRuns(found), report);
    return () => {
      isOver = true;
    };
  }, [ids]);
  if (runs.length < 2) return <p class="empty">Select two runs or more to see what differs.</p>;
  return <DiffTable runs={runs} />;
}

export function DiffTable({ runs }: { runs: RunDetail[] }) {
  const [isAll, setAll] = useState(false);
  const sections: [string, (run: RunDetail) => Record<string, string>][] = [
    ["Params", (run) => run.params ?? {}],
    ["Metrics (last)", (run) => Object.fromEntries((run.metrics ?? []).filter((one) => !one.key.startsWith("system/")).map((one) => [one.key, shortNumber(toNumber(one.last), 5)]))],
    ["Code", codeOf],
    ["Tags", (run) => Object.fromEntries(Object.entries(run.tags ?? {}).filter(([key]) => !key.startsWith("mlflow.") && !key.startsWith("runstone.")))],
  ];
  return (
    <section class="card diff">
      <header>
        <h3>{isAll ? "All values" : "What differs"}</h3>
        <span class="grow" />
        <label>
          <input type="checkbox" checked={isAll} onChange={() => setAll(!isAll)} /> what is equal, too
        </label>
      </header>
      <div class="table-box" tabIndex={0} role="region" aria-label="What differs">
        <table class="plain diff-table">
          <thead>
            <tr>
              <th scope="col" />
              {runs.map(({ info }) => (
                <th key={info.run_id} scope="col">
                  <a href={href(`r/${info.run_id}`)}>
                    <Dot runId={info.run_id} /> {info.run_name}
                  </a>
                </th>
              ))}
            </tr>
          </thead>
          {sections.map(([title, of]) => (
            <DiffSection key={title} title={title} values={runs.map(of)} isAll={isAll} />
          ))}
        </table>
      </div>
    </section>
  );
}

function DiffSection({ title, values, isAll }: { title: string; values: Record<string, string>[]; isAll: boolean }) {
  const keys = [...new Set(values.flatMap(Object.keys))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const differs = (key: string) => new Set(values.map((one) => one[key])).size > 1;
  const shown = isAll ? keys : keys.filter(differs);
  if (!shown.length) return null;
  return (
    <tbody>
      <tr class="section">
        <th scope="rowgroup" colSpan={values.length + 1}>
          {title}
        </th>
      </tr>
      {shown.map((key) => {
        const common = mostCommon(values.map((one) => one[key]));
        return (
          <tr key={key}>
            <th scope="row">{key}</th>
            {values.map((one, index) => (
              <td key={index} class={one[key] === common ? "" : "differs"}>
                {one[key] === undefined ? <small>none</small> : one[key]}
              </td>
            ))}
          </tr>
        );
      })}
    </tbody>
  );
}

/** The value that most have; no value at all where no two agree. */
function mostCommon(values: (string | undefined)[]): string | undefined | symbol {
  const counts = new Map<string | undefined, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
  return !first || first[1] === 1 || first[1] === second?.[1] ? Symbol("none") : first[0];
}

function codeOf(run: RunDetail): Record<string, string> {
  const tags = run.tags ?? {};
  const found: [string, string | undefined][] = [
    ["commit", tags["mlflow.source.git.commit"]?.slice(0, 12)],
    ["branch", tags["mlflow.source.git.branch"]],
    ["script", tags["mlflow.source.name"]],
  ];
  return Object.fromEntries(found.filter((one): one is [string, string] => one[1] !== undefined));
}
