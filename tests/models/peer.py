"""Run by MLflow's Python: saves models into a folder, or loads those that are there and says what they predict."""

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1, 2, 3, 4]})
Y = np.array([0, 0, 1, 1])
act, place = sys.argv[1], sys.argv[2]

if act == "save":
    import mlflow.sklearn

    trained = LogisticRegression().fit(X, Y)
    signature = mlflow.models.infer_signature(X, Y)
    folder = Path(place)
    newest = mlflow.__version__.startswith("3")
    if newest:
        mlflow.sklearn.save_model(trained, folder / "skops", serialization_format="skops", signature=signature)
    mlflow.sklearn.save_model(trained, folder / "pickled", serialization_format="cloudpickle", input_example=X)
    (folder / "code.py").write_text(
        "import mlflow\n"
        "class Double(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input['a'] * 2\n"
        "mlflow.models.set_model(Double())\n"
    )
    mlflow.pyfunc.save_model(folder / "code", python_model=str(folder / "code.py"))
elif act == "registry":
    mlflow.set_tracking_uri(place)
    loaded = mlflow.pyfunc.load_model("models:/net@champion")
    estimator = mlflow.sklearn.load_model(sys.argv[3])
    print(json.dumps([loaded.predict(X).tolist(), type(estimator).__name__]))
else:
    loaded = mlflow.pyfunc.load_model(place)
    schema = loaded.metadata.signature
    print(json.dumps([np.asarray(loaded.predict(X)).tolist(), schema.inputs.input_names() if schema else None]))
