"""Boosters in their own formats."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

import runstone
from runstone.errors import InvalidInput

X = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 3})
Y = (X["a"] > 19).astype(int).to_numpy()


@pytest.mark.parametrize("model_format", ["ubj", "json"])
def test_xgboost_comes_back_as_the_class_it_was(tmp_path: Path, model_format: str) -> None:
    classifier = xgboost.XGBClassifier(n_estimators=3).fit(X, Y)
    for name, trained in (("classifier", classifier), ("booster", classifier.get_booster())):
        folder = tmp_path / name
        runstone.xgboost.save_model(trained, folder, model_format=model_format, input_example=X)
        assert type(runstone.xgboost.load_model(folder)) is type(trained)
        expected = trained.predict(X if name == "classifier" else xgboost.DMatrix(X))
        assert np.allclose(runstone.pyfunc.load_model(folder).predict(X), expected)


def test_lightgbm_comes_back_and_its_estimators_are_pickled_on_the_users_word(tmp_path: Path) -> None:
    classifier = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y)
    runstone.lightgbm.save_model(classifier.booster_, tmp_path / "booster", input_example=X)
    loaded = runstone.pyfunc.load_model(tmp_path / "booster")
    assert np.allclose(loaded.predict(X), classifier.booster_.predict(X))
    with pytest.raises(InvalidInput, match=r"log its booster_"):
        runstone.lightgbm.save_model(classifier, tmp_path / "refused")
    runstone.lightgbm.save_model(classifier, tmp_path / "pickled", serialization_format="cloudpickle")
    with pytest.raises(InvalidInput, match="allow_code=True"):
        runstone.lightgbm.load_model(tmp_path / "pickled")
    again = runstone.lightgbm.load_model(tmp_path / "pickled", allow_code=True)
    assert (again.predict(X) == classifier.predict(X)).all()


def test_only_classes_of_xgboost_are_made_of_a_description(tmp_path: Path) -> None:
    runstone.xgboost.save_model(xgboost.XGBClassifier(n_estimators=1).fit(X, Y), tmp_path / "model")
    description = tmp_path / "model" / "MLmodel"
    description.write_text(description.read_text().replace("xgboost.sklearn.XGBClassifier", "os.system"))
    with pytest.raises(InvalidInput, match=r"os\.system, which is no class of XGBoost's"):
        runstone.xgboost.load_model(tmp_path / "model")
