// What could come next in a filter. The server judges the text; this only helps to write it.

export interface Option {
  label: string;
  insert: string;
  detail: string;
}

export interface Completion {
  /** The part of the text that an option replaces. */
  from: number;
  to: number;
  options: Option[];
  /** Set where the values of a param or tag are wanted, which only the server knows. */
  values?: { kind: "param" | "tag"; key: string; prefix: string };
}

export interface KnownKeys {
  metrics: { key: string; runs: number }[];
  params: { key: string; runs: number }[];
  tags: { key: string; runs: number }[];
}

const ATTRIBUTES = ["run_name", "status", "start_time", "end_time", "user_id", "run_id"];
const STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"];
const AGGREGATES = ["min", "max", "first", "last", "count"];
const NUMBER_OPERATORS = ["<", "<=", ">", ">=", "=", "!="];
const TEXT_OPERATORS = ["=", "!=", "LIKE", "ILIKE", "RLIKE", "IN (", "IS NULL"];
const JOINERS = new Set(["and", "or", "not", "("]);
const MOST = 12;

const TOKEN = /'[^']*'?|"[^"]*"?|(?:[\w.\-/:]|`[^`]*`?)+|[=!<>]+|[(),]/g;

/** A reference to a key, in backticks where it is no plain word. */
export function reference(kind: "metrics" | "params" | "tags", key: string): string {
  return `${kind}.${/^[^\W\d][\w.\-/:]*$/.test(key) ? key : `\`${key.replaceAll("`", "``")}\``}`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** What may stand at the cursor, best first. */
export function complete(text: string, cursor: number, keys: KnownKeys): Completion {
  const before = [...text.slice(0, cursor).matchAll(TOKEN)];
  const last = before.at(-1);
  const touching = last !== undefined && last.index + last[0].length === cursor && !/^[(),]$/.test(last[0]);
  const word = touching ? last[0] : "";
  const earlier = (touching ? before.slice(0, -1) : before).map((match) => match[0]);
  const place = { from: cursor - word.length, to: cursor };
  const previous = earlier.at(-1);
  const field = earlier.at(-2) === ")" ? earlier.at(-3) : earlier.at(-2);
  if (previous !== undefined && field !== undefined && /^([=!<>]+|i?like|rlike)$/i.test(previous)) {
    return valuesOf(place, field, word);
  }
  if (previous === undefined || JOINERS.has(previous.toLowerCase())) return { ...place, options: fieldsLike(word, keys) };
  if (isField(previous) || previous === ")") return { ...place, options: operators(previous, earlier, word) };
  return { ...place, options: startingWith(["AND", "OR"], word, "") };
}

function isField(token: string): boolean {
  return /^(metrics|params|tags|attributes|datasets)\./.test(token) || ATTRIBUTES.includes(token);
}

function operators(previous: string, earlier: string[], word: string): Option[] {
  const isNumber = previous.startsWith("metrics.") || (previous === ")" && AGGREGATES.includes(earlier.at(-4) ?? ""));
  const fits = previous === ")" && !isNumber ? ["AND", "OR"] : isNumber ? NUMBER_OPERATORS : [...TEXT_OPERATORS, ...NUMBER_OPERATORS.slice(0, 4)];
  return startingWith(fits, word, "");
}

function valuesOf(place: { from: number; to: number }, field: string, word: string): Completion {
  const typed = word.replace(/^'/, "").replace(/'$/, "");
  if (/^(attributes\.)?status$/.test(field)) {
    return { ...place, options: startingWith(STATUSES, typed, "").map((option) => ({ ...option, insert: `'${option.label}' ` })) };
  }
  const match = /^(param|tag)s\.(`?)(.+)\2$/.exec(field);
  if (!match) return { ...place, options: [] };
  return { ...place, options: [], values: { kind: match[1] as "param" | "tag", key: match[3]!, prefix: typed } };
}

function startingWith(words: string[], typed: string, detail: string): Option[] {
  return words
    .filter((word) => word.toLowerCase().startsWith(typed.toLowerCase()))
    .map((word) => ({ label: word, insert: `${word}${word.endsWith("(") ? "" : " "}`, detail }));
}

function fieldsLike(typed: string, keys: KnownKeys): Option[] {
  const wanted = typed.replaceAll("`", "").toLowerCase();
  const found: (Option & { score: number })[] = [];
  for (const kind of ["metrics", "params", "tags"] as const) {
    for (const { key, runs } of keys[kind]) {
      if (kind === "tags" && key.startsWith("mlflow.") && !wanted.includes("mlflow")) continue;
      const full = `${kind}.${key}`.toLowerCase();
      const score = matchScore(full, key.toLowerCase(), wanted);
      if (score > 0) found.push({ label: `${kind}.${key}`, insert: `${reference(kind, key)} `, detail: `${runs} runs`, score });
    }
  }
  for (const name of ATTRIBUTES) {
    const score = matchScore(`attributes.${name}`, name, wanted);
    if (score > 0) found.push({ label: name, insert: `${name} `, detail: "of the run", score });
  }
  if (wanted) {
    for (const name of AGGREGATES.filter((one) => one.startsWith(wanted))) {
      found.push({ label: `${name}(…)`, insert: `${name}(`, detail: "of a metric's history", score: 1 });
    }
    if ("not".startsWith(wanted)) found.push({ label: "NOT", insert: "NOT ", detail: "", score: 1 });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, MOST);
}

/** 0 for no match; more for a match at the beginning than within. */
function matchScore(full: string, key: string, wanted: string): number {
  if (key.startsWith(wanted)) return 3;
  if (full.startsWith(wanted)) return 2.5;
  return full.includes(wanted) ? 2 : 0;
}

/** The filter with one more condition. */
export function conjoin(filter: string, condition: string): string {
  if (!filter.trim()) return condition;
  return /\bor\b/i.test(filter) ? `(${filter.trim()}) AND ${condition}` : `${filter.trim()} AND ${condition}`;
}
