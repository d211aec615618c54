"""Many runs at once in one asyncio program: each task has an active run of its own."""

import asyncio
import random

import runstone as mlflow


async def simulate(seed: int) -> str:
    """One run: a random walk whose steps are awaited."""
    chance = random.Random(seed)
    position = 0.0
    with mlflow.start_run(run_name=f"walk {seed}", nested=True) as run:
        mlflow.log_param("seed", seed)
        for step in range(50):
            await asyncio.sleep(0)
            position += chance.gauss(0, 1)
            mlflow.log_metric("position", position, step=step)
    return run.info.run_id


async def simulate_all(count: int) -> list[str]:
    with mlflow.start_run(run_name="walks"):
        return await asyncio.gather(*(simulate(seed) for seed in range(count)))


def main() -> None:
    mlflow.set_experiment("asyncio")
    asyncio.run(simulate_all(10))

    far = mlflow.search_runs(
        filter_string="max(metrics.position) > 5 OR min(metrics.position) < -5", output_format="list"
    )
    print(f"{len(far)} of 10 walks went further than 5 from where they began")


if __name__ == "__main__":
    main()
