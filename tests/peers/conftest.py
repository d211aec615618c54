"""The newest MLflow as a fixture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.environments import find_mlflow


@pytest.fixture(scope="session")
def mlflow_python() -> Path:
    """The Python interpreter that has the newest MLflow."""
    return find_mlflow("3")
