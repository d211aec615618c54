"""A small sweep on scikit-learn's digits, recorded run by run: what `runstone demo` runs, and sample code to read.

In a script of your own, the first line below is `import runstone as mlflow`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from runstone import fluent as mlflow

__all__ = ["EXPERIMENT", "GRID", "TOTAL_EPOCHS", "train_all"]

EXPERIMENT = "digits demo"
EPOCHS = 30

GRID: list[dict[str, Any]] = [
    {"model": "logistic", "alpha": 0.0001, "learning_rate": 0.01},
    {"model": "logistic", "alpha": 0.01, "learning_rate": 0.01},
    {"model": "mlp", "hidden": 16, "learning_rate": 0.001},
    {"model": "mlp", "hidden": 64, "learning_rate": 0.001},
    {"model": "mlp", "hidden": 64, "learning_rate": 0.03},
    {"model": "forest", "max_depth": 4},
    {"model": "forest", "max_depth": 12},
]
TOTAL_EPOCHS = EPOCHS * len(GRID)


def train_all(on_epoch: Callable[[str], None]) -> str:
    """Train each model of the grid in a run of its own, nested in one for the sweep, whose id is returned.

    `on_epoch` is called with the run's name after each epoch.
    """
    mlflow.set_experiment(EXPERIMENT)
    digits = load_digits()
    data = train_test_split(digits.data / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target)
    with mlflow.start_run(run_name="sweep", description="A small grid of models on 8 x 8 digits.") as sweep:
        mlflow.log_params({"epochs": EPOCHS, "models": len(GRID), "train_images": len(data[0])})
        best = max(train(params, data, on_epoch) for params in GRID)
        mlflow.log_metric("best_val_accuracy", best)
    return sweep.info.run_id


def train(params: dict[str, Any], data: list[Any], on_epoch: Callable[[str], None]) -> float:
    """Train one model in a run of its own; returns its accuracy on the validation images."""
    train_images, val_images, train_labels, val_labels = data
    name = " ".join(map(str, params.values()))
    with mlflow.start_run(run_name=name, nested=True):
        mlflow.log_params(params)
        mlflow.set_tag("family", "trees" if params["model"] == "forest" else "gradient descent")
        model: Any = None
        for epoch, model in enumerate(grow(params, train_images, train_labels)):
            train_metrics = measure(model, "train", train_images, train_labels)
            metrics = measure(model, "val", val_images, val_labels)
            mlflow.log_metrics(train_metrics | metrics, step=epoch)
            on_epoch(name)
        report(model, val_images, val_labels)
    return float(metrics["val_accuracy"])


def grow(params: dict[str, Any], images: Any, labels: Any) -> Iterator[Any]:
    """The model after each epoch: a pass over the images, or two more trees."""
    if params["model"] == "forest":
        model = RandomForestClassifier(max_depth=params["max_depth"], warm_start=True, random_state=0)
        for epoch in range(EPOCHS):
            yield model.set_params(n_estimators=2 * (epoch + 1)).fit(images, labels)
        return
    model = make_model(params)
    for _ in range(EPOCHS):
        yield model.partial_fit(images, labels, classes=range(10))


def make_model(params: dict[str, Any]) -> Any:
    """A model that learns epoch by epoch."""
    if params["model"] == "mlp":
        return MLPClassifier([params["hidden"]], learning_rate_init=params["learning_rate"], random_state=0)
    return SGDClassifier(
        "log_loss", alpha=params["alpha"], learning_rate="constant", eta0=params["learning_rate"], random_state=0
    )


def measure(model: Any, part: str, images: Any, labels: Any) -> dict[str, float]:
    """Loss and accuracy on the images of one part."""
    probabilities = model.predict_proba(images)
    return {
        f"{part}_loss": log_loss(labels, probabilities, labels=range(10)),
        f"{part}_accuracy": accuracy_score(labels, probabilities.argmax(axis=1)),
    }


def report(model: Any, images: Any, labels: Any) -> None:
    """Record how the model does digit by digit."""
    guesses = model.predict(images)
    mlflow.log_text(classification_report(labels, guesses, zero_division=0), "report.txt")
    mlflow.log_dict({"confusion_matrix": confusion_matrix(labels, guesses).tolist()}, "confusion_matrix.json")
