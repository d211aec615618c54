"""The page of the benchmarks, its pictures and the sizing table are made of the committed results."""

from __future__ import annotations

from benchmarks.catalogue import CATALOGUE, NOT_MEASURED, sides_of
from benchmarks.figures import read_results
from benchmarks.report import render_files

REMEDY = "run `python -m benchmarks report --write`"


def test_what_is_made_of_results_is_what_they_say() -> None:
    for path, text in render_files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: {REMEDY}"


def test_every_benchmark_has_a_result_of_all_its_sides() -> None:
    results = read_results(CATALOGUE)
    assert [result.benchmark for result in results] == [name for name in CATALOGUE if name not in NOT_MEASURED]
    for result in results:
        assert {"runstone"}.union(*(one.others for one in result.comparisons)) == set(sides_of(result.benchmark))
        assert set(result.scales) == set(sides_of(result.benchmark))
