"""Finding the best run by its whole curve, and drawing the curve with nothing but text."""

import math

import runstone as mlflow
from runstone.entities import Run

BLOCKS = " ▁▂▃▄▅▆▇█"


def record_some_runs() -> None:
    for rate in (0.02, 0.1, 0.5):
        for wobble in (0.0, 0.3):
            with mlflow.start_run(run_name=f"rate {rate}, wobble {wobble}"):
                mlflow.log_params({"rate": rate, "wobble": wobble})
                for step in range(60):
                    loss = math.exp(-rate * step) + wobble * math.sin(step / 4) ** 2
                    mlflow.log_metric("loss", loss, step=step)


def curve(run: Run, key: str) -> str:
    """The history of a metric as a line of blocks."""
    values = [point.value for point in mlflow.MlflowClient().get_metric_history(run.info.run_id, key)]
    low, high = min(values), max(values)
    return "".join(BLOCKS[round((value - low) / (high - low) * (len(BLOCKS) - 1))] for value in values)


def main() -> None:
    mlflow.set_experiment("best run")
    record_some_runs()

    # The lowest loss that was ever reached, among runs that are still there at the end.
    runs = mlflow.search_runs(
        filter_string="min(metrics.loss) < 0.5 AND NOT last(metrics.loss) > 0.2",
        order_by=["min(metrics.loss)"],
        output_format="list",
    )
    for run in runs:
        print(f"{run.info.run_name:22} {run.data.metrics['loss']:8.5f}  {curve(run, 'loss')}")


if __name__ == "__main__":
    main()
