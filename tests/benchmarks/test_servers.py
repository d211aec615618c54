"""The servers that benchmarks measure are started, asked and ended."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
from benchmarks.servers import RunningServer
from benchmarks.trials import BenchmarkFailed, Side

RUNSTONE = Side(library="runstone", python=sys.executable)


def test_a_server_answers_from_the_start_and_leaves_no_process_behind(tmp_path: Path) -> None:
    with RunningServer(RUNSTONE, tmp_path, workers=2) as server:
        answer = RUNSTONE.run("server_health", port=server.port, requests=5)
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        assert server.count_processes() == len(family) > 2
        assert server.memory_bytes() > 10_000_000
    assert answer["health_s"] > 0
    assert not any(process.is_running() for process in family)


def test_a_server_that_was_killed_comes_back_on_its_port(tmp_path: Path) -> None:
    with RunningServer(RUNSTONE, tmp_path) as first:
        first.kill()
        assert first.count_processes() == 0
        with RunningServer(RUNSTONE, tmp_path, port=first.port) as second:
            assert second.port == first.port
            assert RUNSTONE.run("server_health", port=second.port, requests=5)["health_s"] > 0


def test_a_server_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match="--workers"):
        RunningServer(RUNSTONE, tmp_path, workers=0)


@pytest.mark.parametrize("route", ["log-batch", "append"])
def test_a_load_counts_what_the_server_has_kept(tmp_path: Path, route: str) -> None:
    with RunningServer(RUNSTONE, tmp_path) as server:
        load = {"route": route, "points": 7, "seconds": 0.1, "connections": 4}
        answer = RUNSTONE.run("server_load", port=server.port, pid=server.pid, **load)
    assert answer["points"] > 0
    assert answer["points"] % 7 == answer["failed"] == 0
    assert answer["wall_s"] >= 0.1
