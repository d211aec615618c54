"""Every benchmark runs, in a tiny size and without MLflow: what is measured is not asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from benchmarks.catalogue import CATALOGUE, explanation_of, title_of
from benchmarks.figures import Result
from benchmarks.trials import BenchmarkFailed, Side

ROOT = Path(__file__).resolve().parents[2]


def run_benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=240)


def run_tiny(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--size", "tiny", "--peers", "none", "--repeats", "2", "--results", str(folder)]
    return run_benchmarks(name, *options, *arguments)


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_a_benchmark_runs_end_to_end(name: str, tmp_path: Path) -> None:
    done = run_tiny(name, tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    result = msgspec.json.decode(done.stdout, type=Result)
    assert result.benchmark == name
    assert result.comparisons
    for comparison in result.comparisons:
        assert comparison.runstone.repeats == 2
        assert comparison.runstone.lowest <= comparison.runstone.median <= comparison.runstone.highest
        assert not comparison.others


@pytest.mark.slow
def test_a_result_that_is_no_full_comparison_gets_a_name_that_git_ignores(tmp_path: Path) -> None:
    done = run_tiny("short_runs", tmp_path)
    assert "short runs a CPU second" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["short_runs.local.json"]


def test_a_program_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match="--runs"):
        Side(library="runstone", python=sys.executable).run("short_runs", folder=tmp_path)


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    done = run_benchmarks("imprts")
    assert done.returncode == 2
    assert all(name in done.stderr for name in (*CATALOGUE, "all", "report"))


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_benchmark_says_its_question_and_where_the_clock_stops(name: str) -> None:
    assert title_of(name).endswith("?")
    assert "clock" in explanation_of(name)
