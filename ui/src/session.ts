// What holds for the whole page: what the server can do, and messages to the reader.

import { signal } from "@preact/signals";

import { ApiError } from "./api/client";
import { type Capabilities, fetchCapabilities } from "./api/run";

export const capabilities = signal<Capabilities | null>(null);

/** Whether controls that change something are shown. */
export const canWrite = () => capabilities.value !== null && !capabilities.value.read_only;

export async function loadCapabilities(): Promise<void> {
  try {
    capabilities.value = await fetchCapabilities();
  } catch (error) {
    report(error);
  }
}

export interface Notice {
  text: string;
  isError: boolean;
  action?: { label: string; act: () => void };
}

export const notice = signal<Notice | null>(null);
let timer = 0;

export function say(text: string, action?: Notice["action"]): void {
  show({ text, isError: false, action }, action ? 12_000 : 4000);
}

export function report(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  show({ text: error instanceof Error ? error.message : String(error), isError: true }, 12_000);
  if (!(error instanceof ApiError)) throw error;
}

function show(next: Notice, shownMs: number): void {
  clearTimeout(timer);
  notice.value = next;
  timer = window.setTimeout(() => {
    notice.value = null;
  }, shownMs);
}
