"""`runstone metrics`, and the curves it draws."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.cli.chart import draw_chart, sparkline
from runstone.client import Client
from runstone.entities import Metric
from tests.cli.conftest import START, Command, Runs

Json = Callable[..., Any]


@pytest.fixture
def long_run(client: Client) -> str:
    """A run with 10,000 points of `loss`, zero but for one spike."""
    run_id = client.create_run("0", run_name="long").info.run_id
    values = [100.0 if step == 7_777 else 0.0 for step in range(10_000)]
    client.log_batch(run_id, metrics=[Metric("loss", v, START + step, step) for step, v in enumerate(values)])
    return run_id


def test_the_list_has_one_line_a_metric(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    lines = runstone_command("metrics", "list", "good").stdout.splitlines()
    assert lines[0].split() == ["METRIC", "LAST", "MIN", "MAX", "STEP", "POINTS", "CURVE"]
    assert lines[1].split() == ["loss", "0.25", "0.25", "1", "2", "3", "█▃▁"]
    assert read_json("metrics", "list", "good")[0]["last"] == 0.25


def test_a_run_without_metrics_says_so(client: Client, runstone_command: Command, read_json: Json) -> None:
    client.create_run("0", run_name="empty")
    assert runstone_command("metrics", "list", "empty").stderr == "The run 'empty' has no metrics\n"
    assert read_json("metrics", "list", "empty") == []


def test_show_draws_the_curve_over_a_table(runs: Runs, runstone_command: Command) -> None:
    text = runstone_command("metrics", "show", "good", "loss").stdout
    assert text.startswith("loss of good, 3 points\n")
    assert "1 ┤" in text
    assert "0.25 ┤" in text
    assert text.splitlines()[-1].split() == ["2", "0.25", "2025-06-15T15:06:42.000Z"]
    assert "┤" not in runstone_command("metrics", "show", "good", "loss", "--no-chart").stdout


def test_the_history_is_whole_in_json_and_csv(runs: Runs, runstone_command: Command, read_json: Json) -> None:
    shown = read_json("metrics", "show", "bad", "loss")
    assert (shown["run_id"], shown["key"], shown["count"]) == (runs.bad, "loss", 3)
    assert [point["value"] for point in shown["points"]] == [1.0, "NaN", "Infinity"]
    assert shown["points"][1] == {"step": 1, "timestamp": "2025-06-15T17:06:41.000Z", "value": "NaN"}
    rows = list(csv.reader(io.StringIO(runstone_command("metrics", "show", "bad", "loss", "--csv").stdout)))
    assert rows[0] == ["step", "timestamp", "value"]
    assert [row[2] for row in rows[1:]] == ["1.0", "NaN", "Infinity"]


def test_fewer_points_than_there_are_keep_every_spike(
    long_run: str, runstone_command: Command, read_json: Json
) -> None:
    points = read_json("metrics", "show", long_run, "loss", "--max", "20")["points"]
    assert len(points) == 20
    assert sum(point["count"] for point in points) == 10_000
    assert max(point["max"] for point in points) == 100.0
    assert points[-1]["step"] == 9_999
    result = runstone_command("metrics", "show", long_run, "loss")
    assert "--max 0 shows all" in result.stderr
    assert len(read_json("metrics", "show", long_run, "loss")["points"]) == 10_000


def test_a_metric_that_is_not_there_is_an_error_with_those_that_are(runs: Runs, runstone_command: Command) -> None:
    error = runstone_command("metrics", "show", "good", "los", code=1).stderr
    assert error == "Error: The run 'good' has no metric 'los'; it has loss\n"


# -- the drawing

floats = st.floats(allow_nan=True, allow_infinity=True)


def test_a_sparkline_rises_and_has_gaps() -> None:
    assert sparkline([0, 1, 2, 3, math.nan, 7, math.inf]) == "▁▂▃▄ █ "
    assert sparkline([5, 5]) == "▅▅"
    assert sparkline([]) == ""


@given(st.lists(floats, min_size=1, max_size=50))
def test_a_sparkline_has_a_character_a_value(values: list[float]) -> None:
    assert len(sparkline(values)) == len(values)


def chart(values: list[float], width: int = 4, height: int = 2) -> list[str]:
    return draw_chart(list(range(len(values))), values, values, width=width, height=height)


def test_a_rising_line_goes_from_corner_to_corner() -> None:
    assert chart([0, 1, 2, 3, 4, 5, 6, 7]) == [
        "7 ┤⠀⢀⣰⠚",
        "0 ┤⣰⠚⠀⠀",
        "  └────",
        "   0  7",
    ]


def test_a_line_stops_where_there_is_no_number() -> None:
    (top, bottom, *_) = chart([0, 0, math.nan, math.nan, 1, 1], width=3, height=2)
    assert (top, bottom) == ("1 ┤⠀⠀⠉", "0 ┤⣀⠀⠀")


def test_a_spike_between_two_columns_is_drawn_as_a_range() -> None:
    lines = draw_chart([0, 1], [0.0, 0.0], [0.0, 9.0], width=1, height=2)
    assert lines[0].endswith("⢸")


@given(st.lists(floats, min_size=1, max_size=60), st.integers(1, 30), st.integers(2, 8))
def test_any_values_make_a_chart_of_its_size(values: list[float], width: int, height: int) -> None:
    lines = chart(values, width, height)
    assert len(lines) == height + 2
    body = [line.partition("┤")[2] for line in lines[:height]]
    assert {len(line) for line in body} == {width}
    assert all(0x2800 <= ord(character) <= 0x28FF for line in body for character in line)
    has_dots = any(character != "⠀" for line in body for character in line)
    assert has_dots == any(map(math.isfinite, values))
