// The runs table: only the rows and columns within sight are in the page, however many there are.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { textAt, type RunTable } from "../pure/run_table";
import { Dot, Icon, StatusMark } from "../parts/small";
import { age, count, duration, fullNumber, moment, shortNumber } from "../pure/format";
import { extent } from "../pure/scales";
import { type ColumnId, cellText, heading, isNumeric, meanAndSpread, numberAt, numbersOf, parseColumn } from "../pure/run_columns";
import { shortId } from "../pure/url_state";
import { go, href } from "../router";
import { arrange, type Item } from "./rows";
import { select, type Workspace } from "./state";

const ROW = 26;
const NAME_WIDTH = 230;
const WIDTH = 104;
const SPARE_ROWS = 8;
const MOST_KEPT = 300;

export function Grid({ space }: { space: Workspace }) {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const left = useSignal(0);
  const size = useSignal({ width: 900, height: 700 });
  const active = useSignal(0);
  const toggled = useSignal(new Set<string>());
  const lastPicked = useRef<number | null>(null);
  const { table, order, view, columns, sort, selected } = space;

  const items = useComputed(() =>
    table.value ? arrange(table.value, order.value, { ...view.value, toggled: toggled.value }) : [],
  );
  const bars = useComputed(() => barScales(table.value, columns.value));

  useLayoutEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => {
      size.value = { width: element.clientWidth, height: element.clientHeight };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useSignalEffect(() => {
    // The row of the line under the pointer, marked without drawing the table anew.
    const runId = space.pointer.runId.value;
    for (const row of box.current?.querySelectorAll(".row.lit") ?? []) row.classList.remove("lit");
    if (runId) box.current?.querySelector(`[data-run="${CSS.escape(runId)}"]`)?.classList.add("lit");
  });

  const current = table.value;
  const shownColumns = columns.value;
  const firstRow = Math.max(0, Math.floor(top.value / ROW) - SPARE_ROWS);
  const lastRow = Math.min(items.value.length, Math.ceil((top.value + size.value.height) / ROW) + SPARE_ROWS);
  const firstColumn = Math.max(0, Math.floor(left.value / WIDTH) - 1);
  const lastColumn = Math.min(shownColumns.length, Math.ceil((left.value + size.value.width - NAME_WIDTH) / WIDTH) + 1);
  const visible = useMemo(() => shownColumns.slice(firstColumn, lastColumn), [shownColumns, firstColumn, lastColumn]);
  const sight: Sight = useMemo(() => ({ columns: visible, first: firstColumn }), [visible, firstColumn]);
  const kept = useKept();
  const hovered = useSignal<string | null>(null);
  const pinned = new Set(view.value.pinned);
  const hidden = new Set(view.value.hidden);
  const charted = new Set(space.charted.value);

  const pick = (index: number, through: boolean) => {
    const item = items.value[index];
    if (!item || item.kind !== "run" || !current) return;
    const next = new Set(selected.value);
    const from = through && lastPicked.current !== null ? lastPicked.current : index;
    const add = !next.has(current.ids[item.row]!) || through;
    for (let at = Math.min(from, index); at <= Math.max(from, index); at++) {
      const one = items.value[at];
      if (one?.kind !== "run") continue;
      if (add) next.add(current.ids[one.row]!);
      else next.delete(current.ids[one.row]!);
    }
    lastPicked.current = index;
    select(space, next);
  };

  const moveTo = (index: number) => {
    active.value = Math.max(0, Math.min(items.value.length - 1, index));
    const element = box.current!;
    const place = active.value * ROW;
    if (place < element.scrollTop) element.scrollTop = place;
    else if (place > element.scrollTop + element.clientHeight - 2 * ROW - 8) element.scrollTop = place - element.clientHeight + 2 * ROW + 8;
    const item = items.value[active.value];
    space.pointer.runId.value = item?.kind === "run" && current ? current.ids[item.row]! : null;
  };

  const flip = (name: string) => {
    const next = new Set(toggled.value);
    if (!next.delete(name)) next.add(name);
    toggled.value = next;
  };

  const press = (event: KeyboardEvent) => {
    const item = items.value[active.value];
    const id = item?.kind === "run" && current ? current.ids[item.row]! : null;
    const page = Math.floor(size.value.height / ROW) - 2;
    const moves: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) moveTo(active.value + moves[event.key]!);
    else if (event.key === "Enter" && id) go(`r/${id}`);
    else if (event.key === "Enter" && item?.kind === "group") flip(`group:${item.label}`);
    else if (event.key === "x" || event.key === " ") pick(active.value, event.shiftKey);
    else if (event.key === "p" && id) togglePin(space, id);
    else if (event.key === "h" && id) toggleHidden(space, id);
    else if (event.key === "Escape") select(space, []);
    else return;
    event.preventDefault();
  };

  useEffect(() => {
    const take = (event: KeyboardEvent) => {
      if ((event.key === "j" || event.key === "k") && document.activeElement === document.body) {
        box.current?.focus();
        press(event);
      }
    };
    document.addEventListener("keydown", take);
    return () => document.removeEventListener("keydown", take);
  });

  return (
    <div
      ref={box}
      class="grid"
      role="grid"
      aria-label="Runs"
      aria-rowcount={items.value.length + 1}
      aria-colcount={shownColumns.length + 1}
      aria-multiselectable="true"
      tabIndex={0}
      onKeyDown={press}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
        left.value = event.currentTarget.scrollLeft;
      }}
      onPointerLeave={() => (space.pointer.runId.value = null)}
    >
      <div role="rowgroup" class="grid-body" style={{ height: `${(items.value.length + 1) * ROW}px`, width: `${NAME_WIDTH + shownColumns.length * WIDTH}px` }}>
        <Head space={space} sight={sight} sort={sort.value} />
        {current &&
          items.value.slice(firstRow, lastRow).map((item, offset) => {
            const index = firstRow + offset;
            const isActive = active.value === index;
            const shared = { space, table: current, sight, index, isActive };
            if (item.kind === "group") {
              return <GroupRow key={`group:${item.label}`} {...shared} item={item} onFlip={() => flip(`group:${item.label}`)} />;
            }
            const id = current.ids[item.row]!;
            const isSelected = selected.value.has(id);
            const marks = {
              isPinned: pinned.has(shortId(id)),
              isHidden: hidden.has(shortId(id)),
              isCharted: charted.has(id),
              isHovered: hovered.value === id,
            };
            return kept(id, [item, index, isActive, isSelected, sight, bars.value, current, ...Object.values(marks)], () => (
              <RunRow
                key={id}
                {...shared}
                item={item}
                bars={bars.value}
                isSelected={isSelected}
                {...marks}
                onHover={() => {
                  hovered.value = id;
                  space.pointer.runId.value = id;
                }}
                onPick={(through) => {
                  active.value = index;
                  pick(index, through);
                }}
                onFlip={() => flip(id)}
              />
            ));
          })}
      </div>
    </div>
  );
}

interface Sight {
  columns: ColumnId[];
  first: number;
}

/** Rows as they were drawn before, while nothing that they show has changed: Preact passes over what is the same. */
function useKept() {
  const rows = useRef(new Map<string, { of: unknown[]; row: VNode }>());
  return (id: string, of: unknown[], draw: () => VNode): VNode => {
    const old = rows.current.get(id);
    if (old && of.every((one, index) => one === old.of[index])) return old.row;
    if (rows.current.size > MOST_KEPT) rows.current.clear();
    const row = draw();
    rows.current.set(id, { of, row });
    return row;
  };
}

function Head({ space, sight, sort }: { space: Workspace; sight: Sight; sort: { column: ColumnId; descending: boolean } }) {
  const { table, selected, order } = space;
  const all = table.value?.rows ?? 0;
  const some = selected.value.size;
  const header = (id: ColumnId, index: number) => {
    const isSorted = sort.column === id;
    const numeric = table.value ? isNumeric(table.value, id) : false;
    const { key, aggregate } = parseColumn(id);
    return (
      <div
        key={id}
        role="columnheader"
        aria-colindex={index + 2}
        aria-sort={isSorted ? (sort.descending ? "descending" : "ascending") : "none"}
        class={`cell ${numeric ? "num" : ""} ${isSorted ? "sorted" : ""}`}
        style={{ left: `${NAME_WIDTH + index * WIDTH}px` }}
        title={id}
      >
        <button type="button" tabIndex={-1} onClick={() => space.setView(nextSort(id, sort))}>
          {aggregate !== "last" && <small>{aggregate}</small>}
          <span>{aggregate === "last" ? heading(id) : key}</span>
          {isSorted && <em>{sort.descending ? "▼" : "▲"}</em>}
        </button>
      </div>
    );
  };
  return (
    <div role="row" aria-rowindex={1} class="row head">
      <div role="columnheader" class={`cell name ${sort.column === "name" ? "sorted" : ""}`} aria-colindex={1} aria-sort={sort.column !== "name" ? "none" : sort.descending ? "descending" : "ascending"}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label="Select all runs"
          checked={some > 0 && some === all}
          indeterminate={some > 0 && some < all}
          onChange={() => select(space, some ? [] : Array.from(order.value, (row) => table.value!.ids[row]!))}
        />
        <button type="button" tabIndex={-1} onClick={() => space.setView(nextSort("name", sort))}>
          <span>run</span>
          {sort.column === "name" && <em>{sort.descending ? "▼" : "▲"}</em>}
        </button>
      </div>
      {sight.columns.map((id, offset) => header(id, sight.first + offset))}
    </div>
  );
}

/** A first click sorts by the column, a second the other way round. */
function nextSort(id: ColumnId, sort: { column: ColumnId; descending: boolean }) {
  const startsDown = id === "start" || id.startsWith("max(");
  return { sort: id, descending: sort.column === id ? !sort.descending : startsDown };
}

interface RowProps {
  space: Workspace;
  table: RunTable;
  sight: Sight;
  index: number;
  isActive: boolean;
}

function RunRow(
  props: RowProps & {
    item: Item & { kind: "run" };
    bars: Bars;
    isSelected: boolean;
    isPinned: boolean;
    isHidden: boolean;
    isCharted: boolean;
    isHovered: boolean;
    onHover: () => void;
    onPick: (through: boolean) => void;
    onFlip: () => void;
  },
) {
  const { space, table, sight, index, item, bars, isSelected, isActive } = props;
  const { row } = item;
  const id = table.ids[row]!;
  const { isPinned, isHidden, isCharted } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-run={id}
      class={`row ${isSelected ? "selected" : ""} ${isActive ? "active" : ""} ${isHidden ? "away" : ""}`}
      style={{ top: `${(index + 1) * ROW}px` }}
      onPointerEnter={props.onHover}
      onClick={(event) => {
        if (!(event.target as Element).closest("a,button,input")) props.onPick(event.shiftKey);
      }}
    >
      <div role="gridcell" class="cell name" aria-colindex={1} style={{ paddingLeft: `${8 + item.depth * 14}px` }}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Select ${table.names[row]}`}
          checked={isSelected}
          onClick={(event) => {
            props.onPick(event.shiftKey);
            // With Shift a run that is selected stays so, whatever the box has made of the click.
            event.currentTarget.checked = space.selected.value.has(id);
          }}
        />
        {item.children > 0 && (
          <button type="button" tabIndex={-1} class="twist" aria-expanded={item.open} aria-label={`${item.children} nested runs`} onClick={props.onFlip}>
            {item.open ? "▾" : "▸"}
          </button>
        )}
        <Dot runId={id} hollow={!isCharted} />
        <a href={href(`r/${id}`)} tabIndex={-1} title={table.names[row]}>
          {table.names[row] || shortId(id)}
        </a>
        {item.children > 0 && <small>{item.children}</small>}
        <StatusMark status={textAt(table.status, row)} />
        {(isPinned || isHidden || isActive || props.isHovered) && (
          <span class={`row-acts ${isPinned || isHidden ? "kept" : ""}`}>
            <button type="button" tabIndex={-1} class={isPinned ? "on" : ""} aria-pressed={isPinned} aria-label="Pin" title="Pin (p)" onClick={() => togglePin(space, id)}>
              <Icon name="pin" />
            </button>
            <button type="button" tabIndex={-1} class={isHidden ? "on" : ""} aria-pressed={isHidden} aria-label="Hide from charts" title="Hide from charts (h)" onClick={() => toggleHidden(space, id)}>
              <Icon name="eye" />
            </button>
          </span>
        )}
      </div>
      {sight.columns.map((column, offset) => (
        <Cell key={column} table={table} column={column} row={row} bar={bars.get(column)} index={sight.first + offset} />
      ))}
    </div>
  );
}

function Cell({ table, column, row, bar, index }: { table: RunTable; column: ColumnId; row: number; bar: Bar | undefined; index: number }) {
  const value = bar || column === "start" || column === "duration" ? numberAt(table, column, row, Date.now()) : Number.NaN;
  const style: Record<string, string> = { left: `${NAME_WIDTH + index * WIDTH}px` };
  if (bar && Number.isFinite(value)) style["--bar-width"] = `${(bar.part(value) * 100).toFixed(1)}%`;
  const [text, title] = shownCell(table, column, row, value);
  return (
    <div role="gridcell" aria-colindex={index + 2} class={`cell ${bar ? "num bar" : column === "duration" ? "num" : ""}`} style={style} title={title}>
      {text}
    </div>
  );
}

function shownCell(table: RunTable, column: ColumnId, row: number, value: number): [string, string] {
  if (column === "start") return Number.isNaN(value) ? ["", ""] : [age(value, Date.now()), moment(value)];
  if (column === "duration") return Number.isNaN(value) ? ["", ""] : [duration(value), `${value} ms`];
  if (parseColumn(column).kind === "metric") return Number.isNaN(value) ? ["", ""] : [shortNumber(value), fullNumber(value)];
  const text = cellText(table, column, row);
  return [text, text];
}

function GroupRow({ space, table, sight, index, isActive, item, onFlip }: RowProps & { item: Item & { kind: "group" }; onFlip: () => void }) {
  return (
    <div role="row" aria-rowindex={index + 2} class={`row group ${isActive ? "active" : ""}`} style={{ top: `${(index + 1) * ROW}px` }}>
      <div role="gridcell" class="cell name" aria-colindex={1}>
        <button type="button" tabIndex={-1} class="twist" aria-expanded={item.open} onClick={onFlip}>
          {item.open ? "▾" : "▸"} {heading(space.view.value.group)} <b>{item.label}</b>
        </button>
        <small>{count(item.rows.length)}</small>
      </div>
      {sight.columns.map((column, offset) => {
        const at = sight.first + offset;
        if (!isNumeric(table, column)) return <div key={column} role="gridcell" class="cell" aria-colindex={at + 2} style={{ left: `${NAME_WIDTH + at * WIDTH}px` }} />;
        const { mean, spread } = meanAndSpread(Array.from(item.rows, (row) => numberAt(table, column, row, Date.now())));
        const shown = (value: number, digits: number) => (column === "duration" ? duration(value) : shortNumber(value, digits));
        return (
          <div key={column} role="gridcell" class="cell num" aria-colindex={at + 2} style={{ left: `${NAME_WIDTH + at * WIDTH}px` }} title={`mean ${mean} ± ${spread}`}>
            {Number.isNaN(mean) ? "" : shown(mean, 3)}
            {spread > 0 && <small> ±{shown(spread, 1)}</small>}
          </div>
        );
      })}
    </div>
  );
}

interface Bar {
  part(value: number): number;
}
type Bars = Map<ColumnId, Bar>;

/** How long the bar of a value is; by the logarithm where a column spans more than two powers of ten. */
function barScales(table: RunTable | null, columns: ColumnId[]): Bars {
  const bars: Bars = new Map();
  if (!table) return bars;
  for (const column of columns) {
    if (!isNumeric(table, column) || column === "duration") continue;
    const range = extent([numbersOf(table, column, 0)]);
    if (!range) continue;
    const log = range.low > 0 && range.high / range.low > 100;
    const of = log ? Math.log : (value: number) => value;
    const [low, high] = [of(range.low), of(range.high)];
    bars.set(column, { part: (value) => (high === low ? 0 : (of(value) - low) / (high - low)) });
  }
  return bars;
}

function toggled(list: string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

function togglePin(space: Workspace, runId: string): void {
  space.setView({ pinned: toggled(space.view.value.pinned, shortId(runId)) });
}

function toggleHidden(space: Workspace, runId: string): void {
  space.setView({ hidden: toggled(space.view.value.hidden, shortId(runId)) });
}
