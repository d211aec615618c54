"""Artifacts on file systems of fsspec's: one in memory, and the local disk seen through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.artifacts.fsspec import FsspecArtifactStore
from runstone.testing.artifacts import ArtifactSuite


class TestInMemory(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> FsspecArtifactStore:
        return FsspecArtifactStore(f"memory://{tmp_path}/root")


class TestOnTheLocalDisk(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> FsspecArtifactStore:
        return FsspecArtifactStore(f"local://{tmp_path}/root")
