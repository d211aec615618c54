"""Which Runstone the tests run against. `make test` says: the wheel, in an environment of its own."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import runstone.version

SOURCE = Path(__file__).resolve().parents[1] / "src"
HERE = Path(runstone.version.__file__).resolve()


def test_the_tested_package_is_the_one_that_was_asked_for() -> None:
    installed = os.environ.get("RUNSTONE_TEST_INSTALLED") == "1"
    assert HERE.is_relative_to(Path(sys.prefix).resolve() if installed else SOURCE)


def test_the_metadata_names_the_version_of_the_package() -> None:
    assert importlib.metadata.version("runstone") == runstone.version.__version__
