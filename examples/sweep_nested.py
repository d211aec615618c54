"""A sweep: a run for each try, nested in one run for all. A try that fails does not stop the others."""

import itertools
import math

import runstone as mlflow


def objective(x: float, y: float) -> float:
    """What is to be small. It is not defined everywhere."""
    return math.sqrt(x + 1) + (y - 2) ** 2


def run_try(x: float, y: float) -> None:
    with mlflow.start_run(run_name=f"x={x} y={y}", nested=True):
        mlflow.log_params({"x": x, "y": y})
        mlflow.log_metric("objective", objective(x, y))


def main() -> None:
    mlflow.set_experiment("sweep")
    with mlflow.start_run(run_name="grid") as sweep:
        for x, y in itertools.product((-2.0, -1.0, 0.5), (1.0, 2.0, 3.0)):
            try:
                run_try(x, y)
            except ValueError as error:
                print(f"x={x} y={y}: {error}")

    tries = f"tags.mlflow.parentRunId = '{sweep.info.run_id}'"
    best = mlflow.search_runs(
        filter_string=f"{tries} AND status = 'FINISHED'",
        order_by=["metrics.objective"],
        max_results=1,
        output_format="list",
    )[0]
    failed = mlflow.search_runs(filter_string=f"{tries} AND status = 'FAILED'", output_format="list")
    print(f"best: {best.info.run_name} with {best.data.metrics['objective']}; failed: {len(failed)}")


if __name__ == "__main__":
    main()
