"""Real processes that are killed, a store and a journal for each test, and a seed that is printed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.settings import SETTINGS

pytest.register_assert_rewrite("tests.faults.place", "tests.faults.zygote")

from tests.faults.place import Place  # noqa: E402
from tests.faults.zygote import Zygote  # noqa: E402


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (name for setting in SETTINGS for name in setting.names):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def chance() -> random.Random:
    """Another one each time; RUNSTONE_TEST_SEED repeats one that has failed."""
    seed = os.environ.get("RUNSTONE_TEST_SEED") or str(random.SystemRandom().getrandbits(32))
    print(f"RUNSTONE_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """What starts the programs of all tests."""
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture
def place(tmp_path: Path, zygote: Zygote) -> Iterator[Place]:
    """A store in a folder, with its journal beside it."""
    place = Place(tmp_path, zygote)
    place.watch_arrivals()
    yield place
    place.close()
