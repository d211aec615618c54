import { expect, test } from "vitest";

import { mergeRuns, type RunTable, type TextColumn } from "../src/pure/run_table";
import { PALETTE, runColor } from "../src/pure/colors";
import { cellText, columnsThatDiffer, groupRows, meanAndSpread, metricColumn, numberAt, orderTerm, parseColumn, sortRows } from "../src/pure/run_columns";
import { toPicture, picturesAt } from "../src/pure/image_steps";
import { parseDelimited } from "../src/pure/delimited";
import { PLAIN, readView, writeView } from "../src/pure/url_state";
import { arrange } from "../src/workspace/rows";

function texts(values: string[]): TextColumn {
  const distinct = [...new Set(values.filter(Boolean))];
  const numbers = distinct.map((value) => (Number.isFinite(Number(value)) ? Number(value) : null));
  return { values: distinct, codes: Uint32Array.from(values, (value) => distinct.indexOf(value) + 1), numbers: numbers.some((one) => one !== null) ? numbers : null };
}

function table(runs: { id: string; lr?: string; opt?: string; loss?: number; parent?: string }[]): RunTable {
  return {
    rows: runs.length,
    ids: runs.map((run) => run.id),
    names: runs.map((run) => `run ${run.id}`),
    status: texts(runs.map(() => "FINISHED")),
    users: texts(runs.map(() => "")),
    parents: texts(runs.map((run) => run.parent ?? "")),
    start: Float64Array.from(runs, (_, index) => index),
    end: Float64Array.from(runs, (_, index) => index + 10),
    metrics: new Map([["last:loss", Float64Array.from(runs, (run) => run.loss ?? Number.NaN)]]),
    params: new Map([["lr", texts(runs.map((run) => run.lr ?? ""))], ["opt", texts(runs.map((run) => run.opt ?? ""))]]),
    tags: new Map(),
  };
}

const ids = (of: RunTable, rows: Uint32Array) => Array.from(rows, (row) => of.ids[row]);
const all = (of: RunTable) => Uint32Array.from({ length: of.rows }, (_, row) => row);

test("runs without a value come last, whichever way the table is sorted", () => {
  const runs = table([{ id: "a", loss: 2 }, { id: "b" }, { id: "c", loss: 1 }]);
  expect(ids(runs, sortRows(runs, all(runs), "metrics.loss", false, 0))).toEqual(["c", "a", "b"]);
  expect(ids(runs, sortRows(runs, all(runs), "metrics.loss", true, 0))).toEqual(["a", "c", "b"]);
});

test("params that are numbers sort as numbers", () => {
  const runs = table([{ id: "a", lr: "10" }, { id: "b", lr: "9" }, { id: "c", lr: "1e-3" }]);
  expect(ids(runs, sortRows(runs, all(runs), "params.lr", false, 0))).toEqual(["c", "b", "a"]);
});

test("news replace the run of the same id, new runs follow, runs that are gone go", () => {
  const old = table([{ id: "a", opt: "adam", loss: 1 }, { id: "b", opt: "sgd", loss: 2 }]);
  const merged = mergeRuns(old, table([{ id: "b", opt: "lion", loss: 3 }, { id: "c", opt: "adam", loss: 4 }]), ["a"]);
  expect(merged.ids).toEqual(["b", "c"]);
  expect([0, 1].map((row) => cellText(merged, "params.opt", row))).toEqual(["lion", "adam"]);
  expect([0, 1].map((row) => numberAt(merged, "metrics.loss", row, 0))).toEqual([3, 4]);
});

test("only params that differ get a column", () => {
  const runs = table([{ id: "a", lr: "1", opt: "adam" }, { id: "b", lr: "2", opt: "adam" }]);
  const keys = { metrics: [{ key: "loss", runs: 2 }], params: [{ key: "lr", runs: 2 }, { key: "opt", runs: 2 }], tags: [] };
  const columns = columnsThatDiffer(runs, keys, { key: "loss", aggregate: "min" });
  expect(columns).toEqual(["min(metrics.loss)", "params.lr", "start", "duration"]);
});

test("a column's name reads back, and tells the server its order", () => {
  expect(parseColumn(metricColumn("a (b)", "max"))).toEqual({ kind: "metric", key: "a (b)", aggregate: "max" });
  expect(orderTerm("min(metrics.val/loss)", true)).toBe("min(metrics.`val/loss`) DESC");
  expect(orderTerm("params.a`b", false)).toBe("params.`a``b` ASC");
});

test("groups have their runs in order, with mean and spread", () => {
  const runs = table([{ id: "a", opt: "x", loss: 1 }, { id: "b", opt: "y", loss: 5 }, { id: "c", opt: "x", loss: 3 }]);
  expect(groupRows(runs, all(runs), "params.opt").map((group) => [group.label, ids(runs, group.rows)])).toEqual([["x", ["a", "c"]], ["y", ["b"]]]);
  expect(meanAndSpread([1, 3, Number.NaN])).toEqual({ mean: 2, spread: expect.closeTo(Math.SQRT2, 10) });
});

test("nested runs stand under their parent once it is open", () => {
  const runs = table([{ id: "p" }, { id: "c1", parent: "p" }, { id: "q" }, { id: "c2", parent: "p" }]);
  const shown = (toggled: string[]) => arrange(runs, all(runs), { pinned: ["q"], group: "", nested: true, toggled: new Set(toggled) }).map((item) => (item.kind === "run" ? runs.ids[item.row] : ""));
  expect(shown([])).toEqual(["q", "p"]);
  expect(shown(["p"])).toEqual(["q", "p", "c1", "c2"]);
});

test("a view in the URL reads back, and what is as it would be anyway is not in it", () => {
  const view = { ...PLAIN, filter: "metrics.loss < 0.5 AND tags.a = 'b & c'", sort: "min(metrics.val/loss)", descending: true, columns: ["params.lr", "tags.x y"], selected: ["0123456789ab"], smoothing: 0.6, logY: true, tab: "scatter" as const, axes: ["params.lr", "metrics.loss"] };
  expect(readView(writeView(view))).toEqual(view);
  expect(writeView(PLAIN)).toBe("");
  expect(writeView({ ...PLAIN, sort: "min(metrics.val/loss)" })).toBe("?sort=min(metrics.val/loss)");
});

test("a run's colour depends on its id alone, and many runs use the whole palette", () => {
  const colors = new Set(Array.from({ length: 300 }, (_, index) => runColor(`01a20f0816327980bec062add4${index.toString(16).padStart(6, "0")}`)));
  expect(colors.size).toBe(PALETTE.length);
  expect(runColor("abc")).toBe(runColor("abc"));
});

test("pictures of one series differ in their step", () => {
  const pictures = ["s/sample_step_1.png", "s/sample_step_10.png", "s/other.png"].map(toPicture);
  expect(pictures.map((one) => one.step)).toEqual([1, 10, null]);
  expect(pictures[0]!.series).toBe(pictures[1]!.series);
  expect(picturesAt(pictures, 5).get(pictures[0]!.series)!.step).toBe(1);
});

test("CSV is read with its quotes", () => {
  expect(parseDelimited('a,"b,c"\r\n"say ""x""",2\n', ",", 10)).toEqual([["a", "b,c"], ['say "x"', "2"]]);
  expect(parseDelimited("a\nb\nc", ",", 2)).toEqual([["a"], ["b"]]);
});
