"""Programs that record in a home of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fluent.conftest import Scripts


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Scripts]:
    """Programs in `tmp_path`; none outlives the test."""
    scripts = Scripts(tmp_path)
    yield scripts
    for process in scripts.started:
        with process:
            process.kill()
