"""Where MLflow's interpreters are, in several versions, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

VERSIONS = {"3": "mlflow", "2": "mlflow-2", "1": "mlflow-1"}
"""The major versions, and the files in `requirements/` that pin them."""


def find_mlflow(major: str) -> Path:
    """The Python interpreter that has MLflow of this major version.

    It lies where `make test` has made it; outside of make it is made here, and again only when its pins have changed.
    """
    name = VERSIONS[major]
    python = ROOT / "build" / name / "bin" / "python"
    if not os.environ.get("RUNSTONE_TEST_INSTALLED"):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        command = ["make", f"PYTHON={sys.executable}", f"build/{name}/locked.stamp"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert python.exists(), f"{python} does not exist: run `make test`, which makes it"
    return python
