// Light or dark: the system's choice, until the reader makes another.

import { computed, signal } from "@preact/signals";

const KEY = "runstone.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
const chosen = signal<string | null>(localStorage.getItem(KEY));

system.addEventListener("change", (event) => {
  systemDark.value = event.matches;
});

export const theme = computed(() => chosen.value ?? (systemDark.value ? "dark" : "light"));

theme.subscribe((value) => {
  document.documentElement.dataset.theme = value;
});

export function toggleTheme(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, chosen.value);
}
