"""A scikit-learn model of handwritten digits: its params, its scores, its report and the model itself."""

import pickle
import tempfile
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split

import runstone as mlflow

PARAMS = {"C": 0.5, "max_iter": 200}


def main() -> None:
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images / 16, labels, random_state=0, stratify=labels)

    mlflow.set_experiment("digits")
    with mlflow.start_run(run_name="logistic regression", tags={"data": "scikit-learn digits"}):
        mlflow.log_params(PARAMS)
        model = LogisticRegression(**PARAMS).fit(train_x, train_y)

        guesses = model.predict(test_x)
        mlflow.log_metric("accuracy", accuracy_score(test_y, guesses))
        mlflow.log_metric("log_loss", log_loss(test_y, model.predict_proba(test_x)))

        mlflow.log_text(classification_report(test_y, guesses), "report.txt")
        mlflow.log_dict({"confusion_matrix": confusion_matrix(test_y, guesses).tolist()}, "confusion_matrix.json")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model.pickle")
            file.write_bytes(pickle.dumps(model))
            mlflow.log_artifact(file, "model")

    run = mlflow.last_active_run()
    print(f"{run.info.run_name}: accuracy {run.data.metrics['accuracy']:.3f}")


if __name__ == "__main__":
    main()
