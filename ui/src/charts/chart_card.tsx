// One metric's chart: it asks for its curves when it comes near the viewport, and again for what one zooms into.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { fetchCurves, type RawCurve } from "../api/curves";
import { DataTable } from "../parts/data_table";
import { download, Icon, Popover } from "../parts/small";
import { csv, shortNumber } from "../pure/format";
import type { Range } from "../pure/scales";
import { go } from "../router";
import { report } from "../session";
import { LineChart, type Pointer } from "./line_chart";
import { type Curve, type Look, type Plot, xText } from "./model";
import { themeInk, toSvg } from "./paint";

export interface ChartSource {
  runIds: ReadonlySignal<string[]>;
  nameOf: ReadonlySignal<Map<string, string>>;
  /** Runs that have news, with each turn. */
  changed: ReadonlySignal<{ runIds: string[]; turn: number }>;
  pointer: Pointer;
}

const NEAR = "400px 0px";

export function ChartCard({ metric, source, look }: { metric: string; source: ChartSource; look: Look }) {
  const card = useRef<HTMLElement>(null);
  const plot = useRef<Plot | null>(null);
  const isNear = useNear(card);
  const [zoom, setZoom] = useState<Range | null>(null);
  const [asTable, setAsTable] = useState(false);
  const { curves: raw, isLoading } = useCurves(metric, source, look.x, zoom, isNear, card);
  const names = source.nameOf.value;
  const curves: Curve[] = useMemo(() => raw.map((curve) => ({ ...curve, name: names.get(curve.runId) ?? curve.runId })), [raw, names]);
  useEffect(() => setZoom(null), [look.x]);

  const saveSvg = () => {
    if (plot.current && card.current) {
      download(`${fileName(metric)}.svg`, new Blob([toSvg(plot.current, themeInk(card.current), metric)], { type: "image/svg+xml" }));
    }
  };
  const savePng = () => {
    const canvas = document.createElement("canvas");
    const [axes, lines] = card.current?.querySelectorAll("canvas") ?? [];
    if (!axes || !lines || !card.current) return;
    canvas.width = axes.width;
    canvas.height = axes.height;
    const context = canvas.getContext("2d")!;
    context.fillStyle = themeInk(card.current).background;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(axes, 0, 0);
    context.drawImage(lines, 0, 0);
    canvas.toBlob((blob) => blob && download(`${fileName(metric)}.png`, blob));
  };
  const saveCsv = () => {
    const rows = curves.flatMap((curve) =>
      Array.from(curve.x, (x, index) => [curve.runId, curve.name, x, curve.y[index]!, curve.low[index]!, curve.high[index]!]),
    );
    download(`${fileName(metric)}.csv`, new Blob([csv([["run_id", "run", look.x, "last", "min", "max"], ...rows])], { type: "text/csv" }));
  };

  return (
    <section ref={card} class="card chart-card" aria-label={metric}>
      <header>
        <h3 title={metric}>{metric}</h3>
        {zoom && (
          <button type="button" class="quiet" onClick={() => setZoom(null)}>
            reset zoom
          </button>
        )}
        <button type="button" class="quiet" aria-label={`${metric}: full screen`} title="Full screen" onClick={() => void toggleFull(card.current)}>
          <Icon name="expand" />
        </button>
        <Popover label={<Icon name="more" />} title={`${metric}: more`} end>
          {(close) => (
            <div class="menu">
              {(
                [
                  [asTable ? "Show as chart" : "Show as table", () => setAsTable(!asTable)],
                  ["Download PNG", savePng],
                  ["Download SVG", saveSvg],
                  ["Download CSV", saveCsv],
                ] as [string, () => void][]
              ).map(([label, act]) => (
                <button key={label} type="button" onClick={() => (act(), close())}>
                  {label}
                </button>
              ))}
            </div>
          )}
        </Popover>
      </header>
      <div class="chart-place">
        {!isNear || (isLoading && !curves.length) ? (
          <div class="chart-wait" aria-hidden="true" />
        ) : !curves.length ? (
          <p class="empty">No points of these runs{zoom ? " here" : ""}.</p>
        ) : asTable ? (
          <CurveTable metric={metric} curves={curves} look={look} />
        ) : (
          <LineChart label={metric} curves={curves} look={look} pointer={source.pointer} zoom={zoom} onZoom={setZoom} onOpen={(id) => go(`r/${id}`)} plotRef={plot} />
        )}
      </div>
    </section>
  );
}

function CurveTable({ metric, curves, look }: { metric: string; curves: Curve[]; look: Look }) {
  return (
    <DataTable
      label={metric}
      heads={["run", "last", "at", "min", "max"]}
      rows={curves.map((curve) => [
        curve.name,
        shortNumber(curve.y.at(-1), 6),
        xText(curve.x.at(-1) ?? 0, look.x),
        shortNumber(least(curve.low, 1), 6),
        shortNumber(least(curve.high, -1), 6),
      ])}
    />
  );
}

function least(values: Float64Array, sign: number): number {
  return sign * values.reduce((best, value) => (sign * value < best ? sign * value : best), Infinity);
}

/** The curves of the runs in question; those of runs with news are asked for anew. */
function useCurves(key: string, source: ChartSource, x: Look["x"], zoom: Range | null, isNear: boolean, card: { current: HTMLElement | null }) {
  const [state, setState] = useState<{ curves: RawCurve[]; isLoading: boolean }>({ curves: [], isLoading: true });
  const runIds = source.runIds.value;
  const wanted = runIds.join();
  const turn = source.changed.value;
  const seen = useRef(turn.turn);
  const buckets = Math.max(100, Math.min(1200, Math.round((card.current?.clientWidth ?? 500) / 100) * 100));

  useEffect(() => {
    if (!isNear) return;
    if (!runIds.length) return setState({ curves: [], isLoading: false });
    let isOver = false;
    setState((old) => ({ ...old, isLoading: true }));
    fetchCurves({ key, runIds, x, zoom, buckets }).then(
      (curves) => !isOver && setState({ curves, isLoading: false }),
      (error) => {
        if (!isOver) setState({ curves: [], isLoading: false });
        report(error);
      },
    );
    return () => {
      isOver = true;
    };
  }, [isNear, wanted, x, zoom?.low, zoom?.high, key]);

  useEffect(() => {
    if (turn.turn === seen.current || !isNear) return;
    seen.current = turn.turn;
    const news = runIds.filter((id) => turn.runIds.includes(id));
    if (!news.length) return;
    let isOver = false;
    fetchCurves({ key, runIds: news, x, zoom, buckets }).then((fresh) => {
      if (isOver) return;
      const byId = new Map(fresh.map((curve) => [curve.runId, curve]));
      setState((old) => {
        const all = new Map([...old.curves, ...fresh].map((curve) => [curve.runId, byId.get(curve.runId) ?? curve]));
        return { ...old, curves: runIds.flatMap((id) => all.get(id) ?? []) };
      });
    }, report);
    return () => {
      isOver = true;
    };
  }, [turn, isNear]);

  return state;
}

function useNear(card: { current: HTMLElement | null }): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setNear(entries.some((entry) => entry.isIntersecting)), { rootMargin: NEAR });
    observer.observe(card.current!);
    return () => observer.disconnect();
  }, []);
  return isNear;
}

async function toggleFull(element: HTMLElement | null): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await element?.requestFullscreen();
}

function fileName(metric: string): string {
  return metric.replace(/[^\w.-]+/g, "_");
}
