"""The page of the benchmarks is made of the committed results."""

from __future__ import annotations

from benchmarks.catalogue import CATALOGUE, NOT_MEASURED, sides_of
from benchmarks.figures import read_results
from benchmarks.report import CHART, PAGE, render_chart, render_page

REMEDY = "run `python -m benchmarks report --write`"


def test_the_page_is_what_the_results_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), REMEDY


def test_the_picture_is_what_the_results_say() -> None:
    assert CHART.read_text(encoding="utf-8") == render_chart(), REMEDY


def test_every_benchmark_has_a_result_of_all_its_sides() -> None:
    results = read_results(CATALOGUE)
    assert [result.benchmark for result in results] == [name for name in CATALOGUE if name not in NOT_MEASURED]
    for result in results:
        assert {"runstone"}.union(*(one.others for one in result.comparisons)) == set(sides_of(result.benchmark))
        assert set(result.scales) == set(sides_of(result.benchmark))
