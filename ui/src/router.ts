// Where the reader is. Links are plain links; a click on one within the UI loads no page.

import { computed, signal } from "@preact/signals";

import { BASE } from "./api/client";

const place = signal(read());

function read() {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path: path.replace(/\/$/, ""), search: location.search };
}

export const path = computed(() => place.value.path);
export const search = computed(() => place.value.search);

window.addEventListener("popstate", () => {
  place.value = read();
});

/** The address of a page, given without a leading slash. */
export function href(page: string): string {
  return BASE + page;
}

export function go(page: string): void {
  history.pushState(null, "", href(page));
  place.value = read();
  window.scrollTo(0, 0);
}

/** Another query for the same page; it takes the place of the last one, so that "back" leaves the page. */
export function replaceSearch(query: string): void {
  if (query === location.search) return;
  history.replaceState(null, "", location.pathname + query);
  place.value = read();
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(BASE) || link.pathname.startsWith(`${BASE}api/`) || link.pathname.startsWith(`${BASE}get-artifact`)) return;
  event.preventDefault();
  go(link.pathname.slice(BASE.length) + link.search);
});
