"""The page of the benchmarks, its pictures and the sizing table are made of the committed results."""

from __future__ import annotations

import xml.dom.minidom

import msgspec
from benchmarks.catalogue import CATALOGUE, NOT_MEASURED, sides_of
from benchmarks.figures import read_results
from benchmarks.lines import draw_lines
from benchmarks.report import SIZING, render_files, with_sizing
from benchmarks.tables import comparison_table

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


def test_the_sizing_table_stands_between_its_marks() -> None:
    [measured] = read_results(["ingest"])
    guide = SIZING.read_text(encoding="utf-8")
    once = with_sizing(guide, measured)
    assert comparison_table(measured) in once
    assert once.startswith(guide.partition("<!-- Made by")[0])
    assert once.endswith(guide.partition("<!-- So far. -->")[2])
    assert with_sizing(once, measured) == once


def test_costs_that_grow_are_lines_in_panels() -> None:
    [measured] = read_results(["ingest"])
    rows = [msgspec.structs.replace(measured.comparisons[0], what=f"a page: {size:,} runs") for size in (1_000, 10_000)]
    picture = xml.dom.minidom.parseString(draw_lines(msgspec.structs.replace(measured, comparisons=rows)))
    assert {line.getAttribute("class") for line in picture.getElementsByTagName("polyline")} == {"runstone", "mlflow"}
    texts = [node.firstChild.data for node in picture.getElementsByTagName("text")]
    assert {"a page, ms", "1,000 runs", "10,000 runs"} <= {*texts}
