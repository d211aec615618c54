// What a workspace shows, and how it stands in the URL: short names, and nothing that is as it would be anyway.

export type Tab = "charts" | "parallel" | "scatter" | "bars" | "images" | "diff";

export interface View {
  filter: string;
  /** A column, such as `min(metrics.loss)`; empty: the primary metric's best. */
  sort: string;
  descending: boolean;
  /** Shown columns; null: what differs. */
  columns: string[] | null;
  group: string;
  tab: Tab;
  selected: string[];
  pinned: string[];
  hidden: string[];
  /** Runs under their parents. */
  nested: boolean;
  deleted: boolean;
  x: "step" | "relative" | "wall";
  logX: boolean;
  logY: boolean;
  smoothing: number;
  clip: boolean;
  /** A regular expression for the names of charts. */
  charts: string;
  /** Axes of the scatter plot: x, y and colour. */
  axes: string[];
}

export const PLAIN: View = {
  filter: "", sort: "", descending: false, columns: null, group: "", tab: "charts", selected: [], pinned: [], hidden: [],
  nested: false, deleted: false, x: "step", logX: false, logY: false, smoothing: 0, clip: false, charts: "", axes: [],
};

const TABS: Tab[] = ["charts", "parallel", "scatter", "bars", "images", "diff"];
const ID_CHARACTERS = 12;

/** The end of an id, where its chance lies: enough to tell the runs of a page apart. */
export function shortId(runId: string): string {
  return runId.slice(-ID_CHARACTERS);
}

export function readView(search: string): View {
  const query = new URLSearchParams(search);
  const list = (name: string) => (query.get(name) ? query.get(name)!.split("~").filter(Boolean) : []);
  const sort = query.get("sort") ?? "";
  const x = query.get("x");
  const smoothing = Number(query.get("smooth") ?? 0);
  return {
    filter: query.get("q") ?? "",
    sort: sort.replace(/^-/, ""),
    descending: sort.startsWith("-"),
    columns: query.has("cols") ? list("cols") : null,
    group: query.get("group") ?? "",
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "charts",
    selected: list("sel"),
    pinned: list("pin"),
    hidden: list("hide"),
    nested: query.has("nested"),
    deleted: query.has("deleted"),
    x: x === "relative" || x === "wall" ? x : "step",
    logX: (query.get("log") ?? "").includes("x"),
    logY: (query.get("log") ?? "").includes("y"),
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    clip: query.has("clip"),
    charts: query.get("charts") ?? "",
    axes: list("axes"),
  };
}

export function writeView(view: View): string {
  const query: [string, string][] = [];
  const put = (name: string, value: string) => value && query.push([name, value]);
  put("q", view.filter);
  put("sort", view.sort && (view.descending ? `-${view.sort}` : view.sort));
  if (view.columns) query.push(["cols", view.columns.join("~")]);
  put("group", view.group);
  put("tab", view.tab === "charts" ? "" : view.tab);
  put("sel", view.selected.map(shortId).join("~"));
  put("pin", view.pinned.map(shortId).join("~"));
  put("hide", view.hidden.map(shortId).join("~"));
  put("nested", view.nested ? "1" : "");
  put("deleted", view.deleted ? "1" : "");
  put("x", view.x === "step" ? "" : view.x);
  put("log", `${view.logX ? "x" : ""}${view.logY ? "y" : ""}`);
  put("smooth", view.smoothing ? String(view.smoothing) : "");
  put("clip", view.clip ? "1" : "");
  put("charts", view.charts);
  put("axes", view.axes.join("~"));
  const text = query.map(([name, value]) => `${name}=${readable(value)}`).join("&");
  return text && `?${text}`;
}

/** Percent-encoding of no more than must be: a URL is read by people too. */
function readable(value: string): string {
  return encodeURIComponent(value).replace(/%(2F|3A|2C|28|29|3D|3C|3E|60|27)/g, (code) => {
    const character = decodeURIComponent(code);
    return "/:,()=".includes(character) ? character : code;
  }).replaceAll("%20", "+");
}
