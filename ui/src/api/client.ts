// How the server is asked. Knows addresses and errors; what is asked stands in the modules beside it.

import { type ColumnsAnswer, decodeColumns } from "./columns";

/** Where the pages lie: `/`, or what `--static-prefix` says, with a slash at the end. */
export const BASE = new URL(document.baseURI).pathname;

const NATIVE = `${BASE}api/runstone/v1/`;
const MLFLOW = `${BASE}api/2.0/mlflow/`;

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
  }
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is it still running?", 0, "UNREACHABLE");
  }
  if (response.ok) return response;
  const body: { message?: string; error_code?: string } = await response.json().catch(() => ({}));
  throw new ApiError(body.message ?? `The server answered ${response.status}`, response.status, body.error_code ?? "");
}

function json(body: unknown, signal?: AbortSignal): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

export async function get<T>(path: string): Promise<T> {
  return (await ask(NATIVE + path, {})).json();
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await ask(NATIVE + path, json(body, signal))).json();
}

export async function postColumns<Head>(path: string, body: unknown, signal?: AbortSignal): Promise<ColumnsAnswer<Head>> {
  return decodeColumns((await (await ask(NATIVE + path, json(body, signal))).arrayBuffer()));
}

/** MLflow's own routes, for what they already do. */
export async function postMlflow<T>(path: string, body: unknown): Promise<T> {
  return (await ask(MLFLOW + path, json(body))).json();
}

export async function getMlflow<T>(path: string, query: Record<string, string>): Promise<T> {
  return (await ask(`${MLFLOW}${path}?${new URLSearchParams(query)}`, {})).json();
}

export function nativeUrl(path: string, query: [string, string][]): string {
  return `${NATIVE}${path}?${new URLSearchParams(query)}`;
}

export function fileUrl(runId: string, path: string): string {
  return `${BASE}get-artifact?${new URLSearchParams({ run_id: runId, path })}`;
}

export async function fetchFile(runId: string, path: string, most: number): Promise<ArrayBuffer> {
  const response = await ask(fileUrl(runId, path), { headers: { Range: `bytes=0-${most - 1}` } });
  return response.arrayBuffer();
}

/** Numbers that JSON cannot hold come as texts. */
export function toNumber(value: number | string | null | undefined): number {
  return value === null || value === undefined ? Number.NaN : Number(value);
}
