// What an empty store shows: how the first run comes in.

import { CopyButton } from "../parts/small";
import { href } from "../router";

export function QuickStart() {
  const server = location.origin + href("").replace(/\/$/, "");
  const code = `import runstone as mlflow

mlflow.set_tracking_uri("${server}")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5, step=1)`;
  return (
    <section class="card quick-start">
      <h2>No runs yet. The first in three lines:</h2>
      <div class="code-box">
        <pre class="code">{code}</pre>
        <CopyButton text={code} label="Copy" />
      </div>
      <p class="soft">
        A script that uses MLflow already needs only <code>export MLFLOW_TRACKING_URI={server}</code>. This page shows the run as soon as it is there.
      </p>
    </section>
  );
}
