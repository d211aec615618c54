// One experiment's workspace: its runs, how they are shown, and what changes while one looks.

import { batch, computed, effect, type ReadonlySignal, signal, type Signal } from "@preact/signals";

import { ApiError } from "../api/client";
import { type Experiment, fetchExperiments, type Primary } from "../api/experiments";
import { fetchChanges, fetchKeys, fetchRuns, type RunQuery } from "../api/runs";
import { type Aggregate, type Keys, mergeRuns, type RunTable, textAt } from "../pure/run_table";
import { poll } from "../live";
import { type ColumnId, columnsThatDiffer, metricColumn, orderTerm, parseColumn, sortRows, wantedMetrics } from "../pure/run_columns";
import { readView, shortId, type View, writeView } from "../pure/url_state";
import { replaceSearch, search } from "../router";
import { report } from "../session";
import { recentRuns } from "./recent";

const FIRST_PAGE = 1000;
const NEXT_PAGE = 10_000;
/** Runs that a page holds; the rest is reached by a filter, and the page says so. */
const MOST_RUNS = 50_000;
const CHARTED_RUNS = 20;
const MOST_NEIGHBOURS = 1000;

export interface Workspace {
  experimentId: string;
  experiment: Signal<Experiment | null>;
  keys: Signal<Keys>;
  table: Signal<RunTable | null>;
  count: Signal<number>;
  busy: Signal<boolean>;
  filterError: Signal<{ message: string } | null>;
  view: ReadonlySignal<View>;
  /** The primary metric's best as a column. */
  best: ReadonlySignal<{ column: ColumnId; descending: boolean } | null>;
  sort: ReadonlySignal<{ column: ColumnId; descending: boolean }>;
  columns: ReadonlySignal<ColumnId[]>;
  /** Rows of the table in their order. */
  order: ReadonlySignal<Uint32Array>;
  selected: Signal<Set<string>>;
  /** Runs whose curves are shown. */
  charted: ReadonlySignal<string[]>;
  nameOf: ReadonlySignal<Map<string, string>>;
  /** Run ids and the moment their news came. */
  changed: Signal<{ runIds: string[]; turn: number }>;
  pointer: { x: Signal<number | null>; runId: Signal<string | null> };
  setView(patch: Partial<View>): void;
  reload(): Promise<void>;
  close(): void;
}

export function openWorkspace(experimentId: string): Workspace {
  const experiment = signal<Experiment | null>(null);
  const keys = signal<Keys>({ metrics: [], params: [], tags: [] });
  const table = signal<RunTable | null>(null);
  const count = signal(0);
  const busy = signal(true);
  const filterError = signal<{ message: string } | null>(null);
  const changed = signal<{ runIds: string[]; turn: number }>({ runIds: [], turn: 0 });
  const view = computed(() => readView(search.value));
  let revision = 0;
  let asked: RunQuery | null = null;
  let running = new AbortController();

  const best = computed(() => bestColumn(experiment.value?.primary));
  const sort = computed(() => {
    if (view.value.sort) return { column: view.value.sort, descending: view.value.descending };
    return best.value ?? { column: "start", descending: true };
  });
  const differing = computed(() => {
    const current = table.value;
    const primary = experiment.value?.primary;
    return current ? columnsThatDiffer(current, keys.value, primary ? { key: primary.key, aggregate: primary.direction } : null) : [];
  });
  const columns = computed(() => view.value.columns ?? differing.value);
  const order = computed(() => {
    const current = table.value;
    if (!current) return new Uint32Array();
    const rows = Uint32Array.from({ length: current.rows }, (_, row) => row);
    return sortRows(current, rows, sort.value.column, sort.value.descending, Date.now());
  });
  const idOf = computed(() => new Map(table.value?.ids.map((id) => [shortId(id), id]) ?? []));
  const selected = signal(new Set<string>());
  const charted = computed(() => chartedRuns(table.value, order.value, selected.value, view.value));
  const nameOf = computed(() => new Map(table.value?.ids.map((id, row) => [id, table.value!.names[row]!]) ?? []));

  const query = (): RunQuery => {
    const shown = [...(view.value.columns ?? []), sort.value.column, ...view.value.axes].map(parseColumn);
    const primary = experiment.value?.primary;
    const metrics = new Set(wantedMetrics(keys.value, primary?.key ?? null));
    const aggregates = new Set<Aggregate>(["last"]);
    if (primary) aggregates.add(primary.direction);
    for (const { kind, key, aggregate } of shown) {
      if (kind !== "metric") continue;
      metrics.add(key);
      aggregates.add(aggregate);
    }
    return {
      experiment_ids: [experimentId],
      ...(view.value.filter && { filter: view.value.filter }),
      run_view_type: view.value.deleted ? "DELETED_ONLY" : "ACTIVE_ONLY",
      metrics: [...metrics],
      aggregates: [...aggregates],
    };
  };

  async function reload(): Promise<void> {
    running.abort();
    running = new AbortController();
    const { signal: stop } = running;
    busy.value = true;
    try {
      const wanted = query();
      const ordered = { ...wanted, order_by: [orderTerm(sort.value.column, sort.value.descending)] };
      const first = await fetchRuns({ ...ordered, max_results: FIRST_PAGE, count: true }, stop);
      batch(() => {
        asked = wanted;
        revision = first.revision;
        count.value = first.count;
        filterError.value = null;
        table.value = first.table;
      });
      let next = first.nextPage;
      while (next && table.value!.rows < MOST_RUNS) {
        const page = await fetchRuns({ ...ordered, max_results: NEXT_PAGE, page_token: next }, stop);
        table.value = mergeRuns(table.value!, page.table);
        next = page.nextPage;
      }
      busy.value = false;
    } catch (error) {
      if (stop.aborted) return;
      busy.value = false;
      if (error instanceof ApiError && error.status === 400 && view.value.filter) filterError.value = { message: error.message };
      else report(error);
    }
  }

  async function follow(): Promise<void> {
    if (!asked || !table.value || busy.value) return;
    const question = asked;
    const news = await fetchChanges({ ...question, since: revision });
    if (asked !== question) return;
    revision = news.revision;
    if (!news.table.rows && !news.gone.length) return;
    const known = new Set(table.value.ids);
    batch(() => {
      const gone = news.gone.filter((id) => known.has(id));
      count.value += news.table.ids.filter((id) => !known.has(id)).length - gone.length;
      table.value = mergeRuns(table.value!, news.table, gone);
      changed.value = { runIds: news.table.ids, turn: changed.value.turn + 1 };
    });
    if (!experiment.value?.primary || keys.value.metrics.length === 0) await loadExperiment();
  }

  async function loadExperiment(): Promise<void> {
    const [all, found] = await Promise.all([fetchExperiments("ALL"), fetchKeys([experimentId])]);
    const own = all.find((one) => one.experiment_id === experimentId);
    if (!own) throw new ApiError(`There is no experiment ${experimentId}`, 404, "RESOURCE_DOES_NOT_EXIST");
    batch(() => {
      experiment.value = own;
      keys.value = found;
    });
  }

  // What must be asked of the server again; sorting is done here once all runs are here.
  const question = computed(() => (experiment.value ? JSON.stringify(query()) : ""));
  const ends = [
    effect(() => {
      if (question.value) void reload();
    }),
    effect(() => {
      const ids = view.value.selected.map((short) => idOf.value.get(short)).filter((id) => id !== undefined);
      const kept = [...selected.peek()].filter((id) => view.value.selected.length > MOST_IN_URL && idOf.peek().has(shortId(id)));
      const next = new Set([...ids, ...kept]);
      if (next.size !== selected.peek().size || ids.some((id) => !selected.peek().has(id))) selected.value = next;
    }),
    effect(() => {
      const current = table.value;
      if (current) recentRuns.value = Array.from(order.value.subarray(0, MOST_NEIGHBOURS), (row) => current.ids[row]!);
    }),
    poll(follow),
  ];
  loadExperiment().catch((error) => {
    busy.value = false;
    report(error);
  });

  return {
    experimentId, experiment, keys, table, count, busy, filterError, view, best, sort, columns, order, selected, charted,
    nameOf, changed,
    pointer: { x: signal<number | null>(null), runId: signal<string | null>(null) },
    setView: (patch) => replaceSearch(writeView({ ...view.value, ...patch })),
    reload,
    close: () => {
      running.abort();
      for (const end of ends) end();
    },
  };
}

/** A selection of more than this stays on the page, and out of its URL. */
export const MOST_IN_URL = 50;

export function select(space: Workspace, runIds: Iterable<string>): void {
  space.selected.value = new Set(runIds);
  space.setView({ selected: space.selected.value.size > MOST_IN_URL ? [] : [...space.selected.value] });
}

function bestColumn(primary: Primary | undefined) {
  return primary ? { column: metricColumn(primary.key, primary.direction), descending: primary.direction === "max" } : null;
}

/** The selected runs, or else the first of the table; pinned ones always, hidden ones never. */
function chartedRuns(table: RunTable | null, order: Uint32Array, selected: Set<string>, view: View): string[] {
  if (!table) return [];
  const hidden = new Set(view.hidden);
  const pinned = new Set(view.pinned);
  const shown: string[] = [];
  const most = selected.size ? MOST_IN_URL : CHARTED_RUNS;
  for (const row of order) {
    const id = table.ids[row]!;
    if (hidden.has(shortId(id))) continue;
    const isWanted = selected.size ? selected.has(id) : shown.length < most;
    if (pinned.has(shortId(id)) || (isWanted && shown.length < most)) shown.push(id);
  }
  return shown;
}

export function isLive(table: RunTable, row: number): boolean {
  return textAt(table.status, row) === "RUNNING";
}
