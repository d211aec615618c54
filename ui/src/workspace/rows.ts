// The lines of the runs table: runs, headings of groups, and runs under their parents. Pure.

import { textAt, type RunTable } from "../pure/run_table";
import { type ColumnId, groupRows } from "../pure/run_columns";
import { shortId } from "../pure/url_state";

export type Item =
  | { kind: "run"; row: number; depth: number; children: number; open: boolean }
  | { kind: "group"; label: string; rows: Uint32Array; open: boolean };

interface Arrangement {
  pinned: string[];
  group: ColumnId;
  nested: boolean;
  /** Groups that are closed, and parents that are open, by label and id. */
  toggled: Set<string>;
}

export function arrange(table: RunTable, order: Uint32Array, { pinned, group, nested, toggled }: Arrangement): Item[] {
  const isPinned = new Set(pinned);
  const first: Item[] = [];
  const rest: number[] = [];
  for (const row of order) {
    if (isPinned.has(shortId(table.ids[row]!))) first.push(plain(row));
    else rest.push(row);
  }
  if (group) {
    return [...first, ...groupRows(table, Uint32Array.from(rest), group).flatMap(({ label, rows }): Item[] => {
      const open = !toggled.has(`group:${label}`);
      return [{ kind: "group", label, rows, open }, ...(open ? Array.from(rows, plain) : [])];
    })];
  }
  return [...first, ...(nested ? nest(table, rest, toggled) : rest.map(plain))];
}

function plain(row: number): Item {
  return { kind: "run", row, depth: 0, children: 0, open: false };
}

function nest(table: RunTable, rows: number[], toggled: Set<string>): Item[] {
  const here = new Set(rows.map((row) => table.ids[row]!));
  const childrenOf = new Map<string, number[]>();
  const roots: number[] = [];
  for (const row of rows) {
    const parent = textAt(table.parents, row);
    if (!parent || !here.has(parent)) roots.push(row);
    else childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), row]);
  }
  const items: Item[] = [];
  const walk = (row: number, depth: number) => {
    const children = childrenOf.get(table.ids[row]!) ?? [];
    const open = toggled.has(table.ids[row]!);
    items.push({ kind: "run", row, depth, children: children.length, open });
    if (open && depth < 20) for (const child of children) walk(child, depth + 1);
  };
  for (const row of roots) walk(row, 0);
  return items;
}
