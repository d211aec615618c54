// This run beside the best of its experiment: only what differs.

import { useEffect, useState } from "preact/hooks";

import { fetchRun, type RunDetail } from "../api/run";
import { report } from "../session";
import { DiffTable } from "../workspace/diff";

export function AgainstBest({ run, bestRunId }: { run: RunDetail; bestRunId: string }) {
  const [best, setBest] = useState<RunDetail | null>(null);
  useEffect(() => {
    fetchRun(bestRunId).then(setBest, report);
  }, [bestRunId]);
  return best ? <DiffTable runs={[best, run]} /> : <div class="chart-wait" aria-hidden="true" />;
}
