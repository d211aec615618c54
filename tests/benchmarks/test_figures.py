"""Figures, goals and how they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import msgspec
import pytest
from benchmarks.chart import draw_chart
from benchmarks.figures import Comparison, Figure, Goal, Machine, Result, read_results, write_result
from benchmarks.tables import comparison_table, number_text


def figure(*values: float) -> Figure:
    return Figure.of(values)


def compare(
    runstone: float, mlflow: float | None, better: Literal["more", "less"] = "less", goal: Goal | None = None
) -> Comparison:
    return Comparison(
        what="time",
        short="time <s>",
        unit="s",
        better=better,
        runstone=figure(runstone),
        others={} if mlflow is None else {"mlflow": figure(mlflow)},
        goal=goal,
    )


def beside(one: Comparison, **others: float) -> Comparison:
    return msgspec.structs.replace(
        one, others={**one.others, **{name: figure(value) for name, value in others.items()}}
    )


def result_of(*comparisons: Comparison) -> Result:
    machine = Machine(
        cpu="cpu", cores=2, memory_gib=4.0, system="Linux", python="3.11", sqlite="3.40", load=0.1, versions={}
    )
    return Result(
        benchmark="imports",
        measured_at="2026-01-01 00:00 UTC",
        command="python -m benchmarks imports",
        machine=machine,
        scales={},
        comparisons=list(comparisons),
    )


def test_a_figure_keeps_the_median_and_the_extremes() -> None:
    assert figure(3, 1, 2.00001) == Figure(median=2.0, lowest=1, highest=3, repeats=3)


@pytest.mark.parametrize(
    ("comparison", "times"),
    [
        (compare(2, 10), 5),
        (compare(10, 2, "more"), 5),
        (compare(10, 2), 0.2),
        (compare(0, 2), None),
        (compare(-1, 2), None),
        (compare(1, None), None),
    ],
)
def test_times_better_is_above_one_where_runstone_is_better(comparison: Comparison, times: float | None) -> None:
    assert comparison.times_better() == times


@pytest.mark.parametrize(
    ("goal", "mlflow", "is_met"),
    [
        (Goal("at most", 2), None, True),
        (Goal("at most", 1.9), None, False),
        (Goal("at least", 2), None, True),
        (Goal("at least", 3), None, False),
        (Goal("times", 10), 20, True),
        (Goal("times", 10), 19, False),
        (Goal("times", 10), None, None),
        (None, 20, None),
    ],
)
def test_a_goal_is_judged_by_the_median(goal: Goal | None, mlflow: float | None, is_met: bool | None) -> None:
    assert compare(2, mlflow, goal=goal).meets_goal() is is_met


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12, "12"),
        (0.01234, "0.0123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1234567, "1,234,567"),
    ],
)
def test_numbers_are_shown_with_three_digits(value: float, text: str) -> None:
    assert number_text(value) == text


def test_the_columns_of_a_table_are_aligned() -> None:
    lines = comparison_table(result_of(compare(2, 20, goal=Goal("times", 5)), compare(1, None))).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split("|")[2:6] == ["        2 ", "     20 ".rjust(8), "          ×10 ", " ≥ ×5: met "]


def test_a_goal_beside_fasttrackml_must_be_reached_as_well() -> None:
    goal = Goal("times", 5, fasttrackml=2)
    alone = compare(2, 20, goal=goal)
    slower, faster = (beside(alone, fasttrackml=other) for other in (3, 4))
    assert [one.meets_goal() for one in (alone, slower, faster)] == [None, False, True]


def test_another_side_has_a_column_only_where_it_was_measured() -> None:
    alone = compare(2, 20, goal=Goal("times", 5, fasttrackml=2))
    assert "FastTrackML" not in comparison_table(result_of(alone)).splitlines()[0]
    lines = comparison_table(result_of(alone, beside(alone, fasttrackml=3))).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[0].split("|")[2:7]] == [
        "Runstone",
        "MLflow",
        "times better",
        "FastTrackML",
        "times better",
    ]
    assert [cell.strip() for cell in lines[2].split("|")[4:7]] == ["×10", "", ""]
    assert [cell.strip() for cell in lines[3].split("|")[5:8]] == ["3", "×1.5", "≥ ×5, ×2 FastTrackML: missed"]


def test_where_there_are_many_sides_each_has_a_row() -> None:
    many = beside(compare(2, 20, goal=Goal("at most", 5)), trackio=4, wandb=1)
    lines = comparison_table(result_of(many, compare(3, 6))).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in (*lines[:1], *lines[2:])] == [
        ["", "time (s)", "time (s)"],
        ["Runstone", "2", "3"],
        ["MLflow", "20: ×10", "6: ×2.0"],
        ["W&B, offline", "1: ×0.5", ""],
        ["trackio", "4: ×2.0", ""],
        ["goal", "≤ 5: met", ""],
    ]


def test_a_result_of_an_older_form_is_refused(tmp_path: Path) -> None:
    write_result(result_of(compare(1, 2)), tmp_path / "imports.json")
    assert len(read_results(["imports"], tmp_path)) == 1
    text = (tmp_path / "imports.json").read_text().replace('"others"', '"mlflow"')
    (tmp_path / "imports.json").write_text(text)
    with pytest.raises(msgspec.ValidationError, match="mlflow"):
        read_results(["imports"], tmp_path)


def test_the_chart_has_a_bar_for_each_named_comparison_with_mlflow() -> None:
    chart = ElementTree.fromstring(draw_chart([result_of(compare(1, 300), compare(4, 2), compare(1, None))]))
    bars = chart.findall("{http://www.w3.org/2000/svg}rect")
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert len(widths) == 2
    assert widths[0] > widths[1] > 0
