// A run's params, metrics, tags and relatives as small tables.

import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { toNumber } from "../api/client";
import { fetchCurves } from "../api/curves";
import { type RunDetail, tagRuns } from "../api/run";
import { TagForm } from "../parts/forms";
import { Dot, Popover, Sparkline, StatusMark } from "../parts/small";
import { count, fullNumber, plural, shortNumber } from "../pure/format";
import { href } from "../router";
import { canWrite, report } from "../session";

const SPARK_BUCKETS = 60;
const MOST_SPARKS = 200;
const SEARCHED_FROM = 8;

export function RunMetrics({ run, changed }: { run: RunDetail; changed: Signal<{ runIds: string[]; turn: number }> }) {
  const metrics = run.metrics ?? [];
  const [wanted, setWanted] = useState("");
  const curves = useSparks(run, changed.value.turn);
  if (!metrics.length) return null;
  const shown = metrics.filter((one) => one.key.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <section class="card facts-table" aria-label="Metrics">
      <header>
        <h2>Metrics</h2>
        <small class="num">{count(metrics.length)}</small>
        <span class="grow" />
        {metrics.length > SEARCHED_FROM && <Search label="Metrics by name" value={wanted} onInput={setWanted} />}
      </header>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">metric</th>
            <th scope="col" aria-label="curve" />
            <th scope="col" class="num">last</th>
            <th scope="col" class="num">min</th>
            <th scope="col" class="num">max</th>
            <th scope="col" class="num">step</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={one.key}>
              <th scope="row" title={one.key}>
                {one.key}
              </th>
              <td class="spark">{curves.get(one.key) && <Sparkline values={curves.get(one.key)!} label={`curve of ${one.key}`} width={72} height={18} />}</td>
              <Value value={one.last} />
              <Value value={one.min} title={`at step ${one.min_step}`} />
              <Value value={one.max} title={`at step ${one.max_step}`} />
              <td class="num" title={plural(one.count, "point")}>
                {count(one.last_step)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Value({ value, title }: { value: number | string; title?: string }) {
  const number = toNumber(value);
  return (
    <td class="num" title={`${fullNumber(number)}${title ? ` ${title}` : ""}`}>
      {shortNumber(number)}
    </td>
  );
}

function useSparks(run: RunDetail, turn: number): Map<string, number[]> {
  const [curves, setCurves] = useState<Map<string, number[]>>(new Map());
  const { run_id } = run.info;
  const keys = (run.metrics ?? []).filter((one) => one.count > 1).map((one) => one.key).slice(0, MOST_SPARKS);
  useEffect(() => {
    let isOver = false;
    const asked = keys.map(async (key): Promise<[string, number[]]> => {
      const [curve] = await fetchCurves({ key, runIds: [run_id], x: "step", zoom: null, buckets: SPARK_BUCKETS });
      return [key, curve ? Array.from(curve.y) : []];
    });
    Promise.all(asked).then((found) => !isOver && setCurves(new Map(found)), report);
    return () => {
      isOver = true;
    };
  }, [run_id, turn, keys.length]);
  return curves;
}

interface Leaf {
  key: string;
  label: string;
  depth: number;
  value: string | null;
}

export function Params({ params }: { params: Record<string, string> }) {
  const [wanted, setWanted] = useState("");
  const total = Object.keys(params).length;
  if (!total) return null;
  const found = Object.entries(params).filter(([key, value]) => `${key} ${value}`.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <section class="card facts-table" aria-label="Params">
      <header>
        <h2>Params</h2>
        <small class="num">{count(total)}</small>
        <span class="grow" />
        {total > SEARCHED_FROM && <Search label="Params by name or value" value={wanted} onInput={setWanted} />}
      </header>
      <table class="plain">
        <tbody>
          {nested(found).map((leaf) => (
            <tr key={leaf.key} class={leaf.value === null ? "branch" : ""}>
              <th scope="row" title={leaf.key} style={{ paddingLeft: `${8 + leaf.depth * 14}px` }}>
                {leaf.label}
              </th>
              <td class="value">{leaf.value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Dotted keys under a heading of their own, where several share a beginning. */
function nested(params: [string, string][]): Leaf[] {
  const sorted = [...params].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  const groups = new Map<string, number>();
  for (const [key] of sorted) {
    const head = key.split(".")[0]!;
    if (key.includes(".")) groups.set(head, (groups.get(head) ?? 0) + 1);
  }
  const leaves: Leaf[] = [];
  let open = "";
  for (const [key, value] of sorted) {
    const head = key.split(".")[0]!;
    const isNested = key.includes(".") && (groups.get(head) ?? 0) > 1;
    if (isNested && head !== open) leaves.push({ key: `${head}.`, label: head, depth: 0, value: null });
    open = isNested ? head : "";
    leaves.push({ key, label: isNested ? key.slice(head.length + 1) : key, depth: isNested ? 1 : 0, value });
  }
  return leaves;
}

export function Tags({ run, reload }: { run: RunDetail; reload: () => Promise<void> }) {
  const tags = Object.entries(run.tags ?? {}).filter(([key]) => !key.startsWith("mlflow.") && !key.startsWith("runstone."));
  const id = run.info.run_id;
  if (!tags.length && !canWrite()) return null;
  return (
    <section class="card tags" aria-label="Tags">
      <header>
        <h2>Tags</h2>
        <span class="grow" />
        {canWrite() && (
          <Popover label="Set a tag" title="Set a tag" end>
            {(close) => (
              <TagForm
                onSubmit={async (key, value) => {
                  await tagRuns([id], { [key]: value });
                  await reload();
                  close();
                }}
              />
            )}
          </Popover>
        )}
      </header>
      {tags.length > 0 && (
        <ul class="tag-list">
          {tags.map(([key, value]) => (
            <li key={key}>
              <small>{key}</small> {value}
              {canWrite() && (
                <button type="button" class="quiet" aria-label={`Delete the tag ${key}`} onClick={() => void tagRuns([id], {}, [key]).then(reload, report)}>
                  ×
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Related({ run }: { run: RunDetail }) {
  const children = run.children ?? [];
  if (!children.length) return null;
  return (
    <section class="card" aria-label="Nested runs">
      <header>
        <h2>Nested runs</h2>
        <small class="num">
          {count(children.length)}
          {run.more_children && "+"}
        </small>
        <span class="grow" />
        <a href={href(`compare?r=${children.slice(0, 50).map((one) => one.run_id).join(",")}`)}>Compare them</a>
      </header>
      <ul class="children">
        {children.map((one) => (
          <li key={one.run_id}>
            <a href={href(`r/${one.run_id}`)}>
              <Dot runId={one.run_id} /> {one.run_name}
            </a>
            <StatusMark status={one.status} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Search({ label, value, onInput }: { label: string; value: string; onInput: (text: string) => void }) {
  return <input type="search" placeholder="find" aria-label={label} value={value} onInput={(event) => onInput(event.currentTarget.value)} />;
}
