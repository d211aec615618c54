// Asks again and again, while the page can be seen.

import { ApiError } from "./api/client";
import { signal } from "@preact/signals";

const PERIOD_MS = 1200;
const PATIENCE_MS = 5000;

/** Whether the last question of any kind was answered. */
export const reachable = signal(true);

/** Calls `ask` every second or so until the function it returns is called; never twice at a time. */
export function poll(ask: () => Promise<void>, periodMs = PERIOD_MS): () => void {
  let ended = false;
  let timer = 0;
  const turn = async () => {
    let wait = periodMs;
    try {
      if (!document.hidden) await ask();
      reachable.value = true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) reachable.value = false;
      wait = PATIENCE_MS;
    }
    if (!ended) timer = window.setTimeout(turn, wait);
  };
  const onVisible = () => {
    if (document.hidden || ended) return;
    clearTimeout(timer);
    timer = window.setTimeout(turn, 0);
  };
  timer = window.setTimeout(turn, periodMs);
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onVisible);
  };
}
