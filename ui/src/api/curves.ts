// Curves of many runs. Charts that ask at about the same time share a request.

import type { Curve, XKind } from "../charts/model";
import type { Range } from "../pure/scales";
import { runColor } from "../pure/colors";
import { postColumns } from "./client";
import type { Column } from "./columns";

interface Head {
  charts?: {
    key: string;
    x0?: number;
    from_x?: number;
    curves?: { run_id: string; points?: number; x: Column; min: Column; max: Column; last: Column; last_value?: number | string }[];
  }[];
}

export interface CurveRequest {
  key: string;
  runIds: string[];
  x: XKind;
  zoom: Range | null;
  buckets: number;
}

interface Waiting {
  request: CurveRequest;
  resolve: (curves: RawCurve[]) => void;
  reject: (error: unknown) => void;
}

/** A curve without the run's name, which the page knows. */
export type RawCurve = Omit<Curve, "name"> & { points: number };

const GATHER_MS = 8;
const MOST_SERIES = 1000;
let waiting: Waiting[] = [];

export function fetchCurves(request: CurveRequest): Promise<RawCurve[]> {
  return new Promise((resolve, reject) => {
    if (!waiting.length) setTimeout(flush, GATHER_MS);
    waiting.push({ request, resolve, reject });
  });
}

function flush(): void {
  const groups = new Map<string, Waiting[]>();
  for (const one of waiting) {
    const { key: _, ...shared } = one.request;
    const name = JSON.stringify(shared);
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  waiting = [];
  for (const group of groups.values()) {
    const most = Math.max(1, Math.floor(MOST_SERIES / group[0]!.request.runIds.length));
    for (let from = 0; from < group.length; from += most) void send(group.slice(from, from + most));
  }
}

async function send(group: Waiting[]): Promise<void> {
  const { runIds, x, zoom, buckets } = group[0]!.request;
  try {
    const answer = await postColumns<Head>("curves", {
      run_ids: runIds,
      keys: [...new Set(group.map((one) => one.request.key))],
      x: x === "wall" ? "time" : x,
      // The server's ranges are of whole steps and milliseconds.
      ...(zoom && { from_x: Math.floor(zoom.low), to_x: Math.ceil(zoom.high) }),
      buckets,
    });
    const charts = new Map((answer.head.charts ?? []).map((chart) => [chart.key, chart]));
    for (const { request, resolve } of group) {
      const chart = charts.get(request.key);
      resolve(
        (chart?.curves ?? []).map((curve) => ({
          runId: curve.run_id,
          color: runColor(curve.run_id),
          points: curve.points ?? 0,
          from: chart?.from_x ?? 0,
          x: Float64Array.from(answer.column(curve.x), (value) => value + (chart?.x0 ?? 0)),
          y: Float64Array.from(answer.column(curve.last)),
          low: Float64Array.from(answer.column(curve.min)),
          high: Float64Array.from(answer.column(curve.max)),
          bucketed: (curve.min.at ?? 0) !== (curve.max.at ?? 0),
        })),
      );
    }
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}
