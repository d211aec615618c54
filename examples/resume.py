"""Going on with a run that was interrupted: the same run, the same curve, from the step after the last one."""

import contextlib

import runstone as mlflow

STEPS = 20


def last_step(run_id: str) -> int:
    """The last step that was recorded, -1 for none."""
    history = mlflow.MlflowClient().get_metric_history(run_id, "loss")
    return history[-1].step if history else -1


def train(run_id: str | None, stop_at: int) -> str:
    """Train from where the run stands (a new run where it is None), and stop early, as if the machine had gone."""
    with mlflow.start_run(run_id=run_id, run_name=None if run_id else "interrupted") as run:
        for step in range(last_step(run.info.run_id) + 1, STEPS):
            if step == stop_at:
                raise KeyboardInterrupt
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        return run.info.run_id


def main() -> None:
    mlflow.set_experiment("resume")
    with contextlib.suppress(KeyboardInterrupt):
        train(run_id=None, stop_at=8)

    run = mlflow.search_runs(filter_string="status = 'FAILED'", max_results=1, output_format="list")[0]
    print(f"{run.info.run_name} is {run.info.status} after step {last_step(run.info.run_id)}")

    train(run_id=run.info.run_id, stop_at=STEPS)
    run = mlflow.get_run(run.info.run_id)
    print(f"{run.info.run_name} is {run.info.status} after step {last_step(run.info.run_id)}")


if __name__ == "__main__":
    main()
