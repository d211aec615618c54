"""A training loop in plain NumPy: logistic regression by gradient descent, a point of each curve every epoch."""

import numpy as np

import runstone as mlflow

EPOCHS = 200


def make_data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of points that overlap a little, and which cloud each point is of."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 2, 400)
    points = chance.normal(size=(400, 2)) + 2.0 * labels[:, None]
    return np.column_stack([points, np.ones(400)]), labels


def train(learning_rate: float) -> None:
    points, labels = make_data(seed=0)
    weights = np.zeros(3)
    with mlflow.start_run(run_name=f"learning rate {learning_rate}"):
        mlflow.log_params({"learning_rate": learning_rate, "epochs": EPOCHS})
        for epoch in range(EPOCHS):
            guesses = 1 / (1 + np.exp(-points @ weights))
            gradient = points.T @ (guesses - labels) / len(labels)
            weights -= learning_rate * gradient
            right = np.where(labels == 1, guesses, 1 - guesses)
            mlflow.log_metrics(
                {
                    "loss": -np.log(right).mean(),
                    "accuracy": (right > 0.5).mean(),
                    "gradient_norm": np.linalg.norm(gradient),
                },
                step=epoch,
            )


def main() -> None:
    mlflow.set_experiment("training loop")
    for learning_rate in (0.01, 0.1, 1.0):
        train(learning_rate)

    runs = mlflow.search_runs(order_by=["min(metrics.loss)"], max_results=3)
    print(runs[["params.learning_rate", "metrics.loss", "metrics.accuracy"]].to_string(index=False))


if __name__ == "__main__":
    main()
