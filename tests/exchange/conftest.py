"""Stores that MLflow itself has written, and what it reads back from them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runstone.connect import open_store
from runstone.tracking.local import LocalTracking
from tests.peers.environments import find_mlflow
from tests.postgres.conftest import empty_url, postgres

__all__ = ["empty_url", "postgres"]

WRITER = Path(__file__).with_name("written_by_mlflow.py")


class Written(msgspec.Struct):
    """A store of MLflow: where it is, and what MLflow reads from it."""

    place: Path
    facts: dict[str, Any]


def mlflow_environment() -> dict[str, str]:
    """The environment of MLflow's processes: ours, without what speaks of Runstone."""
    left_out = ("RUNSTONE_", "MLFLOW_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "MLFLOW_ALLOW_FILE_STORE": "true", "GIT_PYTHON_REFRESH": "quiet"}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Written]:
    """A store written by MLflow of a major version, of a kind: `folder` or `sqlite`. Each is written once."""
    made: dict[tuple[str, str], Written] = {}

    def write(major: str, kind: str) -> Written:
        if (major, kind) not in made:
            folder = tmp_path_factory.mktemp(f"mlflow-{major}-{kind}")
            place = folder / ("mlruns" if kind == "folder" else "mlflow.db")
            uri = str(place) if kind == "folder" else f"sqlite:///{place}"
            done = subprocess.run(
                [find_mlflow(major), WRITER, uri],
                cwd=folder,
                env=mlflow_environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            made[major, kind] = Written(place, json.loads(done.stdout))
        return made[major, kind]

    return write


@pytest.fixture
def target(tmp_path: Path) -> str:
    """The tracking URI of a store that is still to be made."""
    return f"sqlite:///{tmp_path / 'target.db'}"


@pytest.fixture
def tracking(target: str) -> Iterator[LocalTracking]:
    """A tracker over that store."""
    with closing(LocalTracking(open_store(target))) as tracking:
        yield tracking
