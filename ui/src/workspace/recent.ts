// The order of the table that one came from, so that a run's page knows its neighbours.

import { signal } from "@preact/signals";

export const recentRuns = signal<string[]>([]);
