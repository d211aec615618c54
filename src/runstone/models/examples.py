"""Files beside the model: input examples, and what to install. In MLflow's layout."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from runstone.errors import InvalidInput
from runstone.models.consent import inside
from runstone.tracking.documents import dump_dict

__all__ = ["load_example", "pinned", "save_example", "write_environment"]

_EXAMPLE, _SERVING = "input_example.json", "serving_input_example.json"


def save_example(example: Any, folder: Path) -> dict[str, Any]:
    """Write an input example; what MLmodel says of it. Raises InvalidInput."""
    import numpy as np
    import pandas as pd

    facts: dict[str, Any]
    if isinstance(example, pd.DataFrame):
        content = json.loads(example.to_json(orient="split", index=False, date_format="iso", double_precision=15))
        content.pop("index", None)
        serving, facts = {"dataframe_split": content}, {"type": "dataframe", "pandas_orient": "split"}
    elif isinstance(example, np.ndarray):
        content = {"inputs": example.tolist()}
        serving, facts = content, {"type": "ndarray", "format": "tf-serving"}
    elif isinstance(example, dict | list | str | int | float | bool):
        content = example
        serving, facts = {"inputs": example}, {"type": "json_object"}
    else:
        raise InvalidInput(f"An input example is a data frame, an array or JSON, not {type(example).__name__}")
    try:
        (folder / _EXAMPLE).write_text(json.dumps(content), encoding="utf-8")
    except TypeError as error:
        raise InvalidInput(f"The input example cannot be written as JSON: {error}") from error
    (folder / _SERVING).write_text(json.dumps(serving, indent=2), encoding="utf-8")
    return {"artifact_path": _EXAMPLE, "serving_input_path": _SERVING, **facts}


def load_example(folder: Path, facts: dict[str, Any]) -> Any:
    """The input example as it was given, but for types that JSON does not have."""
    import numpy as np
    import pandas as pd

    content = json.loads(inside(folder, facts.get("artifact_path", _EXAMPLE)).read_text(encoding="utf-8"))
    if facts.get("type") == "dataframe":
        return pd.DataFrame(content["data"], columns=content.get("columns"))
    return np.asarray(content["inputs"]) if facts.get("type") == "ndarray" else content


def pinned(packages: Sequence[str]) -> list[str]:
    """The packages with the versions that are installed here; a package that is not is left out."""
    found = []
    for package in packages:
        try:
            found.append(f"{package}=={metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write requirements.txt, conda.yaml and python_env.yaml."""
    python = platform.python_version()
    (folder / "requirements.txt").write_text("".join(f"{one}\n" for one in requirements), encoding="utf-8")
    tools = pinned(["pip", "setuptools", "wheel"])
    pip = next((re.sub("==", "<=", one) for one in tools if one.startswith("pip==")), "pip")
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", pip, {"pip": list(requirements)}],
        "name": "mlflow-env",
    }
    build = {"python": python, "build_dependencies": tools, "dependencies": ["-r requirements.txt"]}
    (folder / "conda.yaml").write_text(dump_dict(conda, "conda.yaml"), encoding="utf-8")
    (folder / "python_env.yaml").write_text(dump_dict(build, "python_env.yaml"), encoding="utf-8")
