// All metrics' charts, in groups by the first part of their names, with what applies to all of them.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { count } from "../pure/format";
import { ChartCard, type ChartSource } from "./chart_card";
import type { Look } from "./model";

interface Props {
  metrics: string[];
  source: ChartSource;
  look: Look;
  /** A regular expression that names must match. */
  wanted: string;
  onChange: (patch: { x?: Look["x"]; logX?: boolean; logY?: boolean; smoothing?: number; clip?: boolean; charts?: string }) => void;
  /** Metrics that come before all others. */
  first?: string | null;
}

const MOST_AT_ONCE = 60;

export function ChartWall({ metrics, source, look, wanted, onChange, first }: Props) {
  const flipped = useSignal(new Set<string>());
  const shown = useSignal<Record<string, number>>({});
  const groups = useMemo(() => groupMetrics(metrics.filter(matcher(wanted)), first ?? null), [metrics, wanted, first]);
  const flip = (name: string) => {
    const next = new Set(flipped.value);
    if (!next.delete(name)) next.add(name);
    flipped.value = next;
  };
  return (
    <div class="chart-wall">
      <LookBar look={look} wanted={wanted} onChange={onChange} />
      {!groups.length && <p class="empty">{metrics.length ? "No metric has such a name." : "No metrics yet."}</p>}
      {groups.map(([name, members]) => {
        // What a machine says of itself is closed at first.
        const isOpen = flipped.value.has(name) !== (name !== "system");
        const most = shown.value[name] ?? MOST_AT_ONCE;
        return (
          <section key={name} class="chart-group">
            {(groups.length > 1 || name !== "metrics") && (
              <h2>
                <button type="button" class="twist" aria-expanded={isOpen} onClick={() => flip(name)}>
                  {isOpen ? "▾" : "▸"} {name} <small>{count(members.length)}</small>
                </button>
              </h2>
            )}
            {isOpen && (
              <div class="chart-columns">
                {members.slice(0, most).map((metric) => (
                  <ChartCard key={metric} metric={metric} source={source} look={look} />
                ))}
              </div>
            )}
            {isOpen && members.length > most && (
              <button type="button" onClick={() => (shown.value = { ...shown.value, [name]: most + MOST_AT_ONCE })}>
                Show more of {count(members.length)}
              </button>
            )}
          </section>
        );
      })}
    </div>
  );
}

function LookBar({ look, wanted, onChange }: Pick<Props, "look" | "wanted" | "onChange">) {
  return (
    <div class="look-bar" role="toolbar" aria-label="Charts">
      <input type="search" class="chart-filter" placeholder="find charts" aria-label="Charts by name (regular expression)" value={wanted} onInput={(event) => onChange({ charts: event.currentTarget.value })} />
      <label class="slider">
        smooth
        <input type="range" min="0" max="0.99" step="0.01" value={look.smoothing} aria-label="Smoothing" onInput={(event) => onChange({ smoothing: Number(event.currentTarget.value) })} />
        <output class="num">{look.smoothing ? look.smoothing.toFixed(2) : "off"}</output>
      </label>
      <label>
        x
        <select value={look.x} aria-label="Horizontal axis" onChange={(event) => onChange({ x: event.currentTarget.value as Look["x"] })}>
          <option value="step">step</option>
          <option value="relative">time</option>
          <option value="wall">clock</option>
        </select>
      </label>
      <Toggle label="log y" isOn={look.logY} onFlip={() => onChange({ logY: !look.logY })} />
      {look.x !== "wall" && <Toggle label="log x" isOn={look.logX} onFlip={() => onChange({ logX: !look.logX })} />}
      <Toggle label="no outliers" isOn={look.clip} onFlip={() => onChange({ clip: !look.clip })} />
    </div>
  );
}

function Toggle({ label, isOn, onFlip }: { label: string; isOn: boolean; onFlip: () => void }) {
  return (
    <button type="button" class={`toggle ${isOn ? "on" : ""}`} aria-pressed={isOn} onClick={onFlip}>
      {label}
    </button>
  );
}

function matcher(wanted: string): (name: string) => boolean {
  if (!wanted) return () => true;
  try {
    const pattern = new RegExp(wanted, "i");
    return (name) => pattern.test(name);
  } catch {
    return (name) => name.includes(wanted);
  }
}

function groupMetrics(metrics: string[], first: string | null): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const metric of metrics) {
    const slash = metric.indexOf("/");
    const name = slash > 0 ? metric.slice(0, slash) : "metrics";
    const group = groups.get(name);
    if (group) group.push(metric);
    else groups.set(name, [metric]);
  }
  const weight = ([name, members]: [string, string[]]) => (first && members.includes(first) ? 0 : name === "system" ? 2 : 1);
  const sorted = [...groups].map(([name, members]): [string, string[]] => [
    name,
    members.sort((a, b) => Number(b === first) - Number(a === first) || a.localeCompare(b, "en", { numeric: true })),
  ]);
  return sorted.sort((a, b) => weight(a) - weight(b) || a[0].localeCompare(b[0]));
}
