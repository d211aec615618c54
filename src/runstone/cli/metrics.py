"""`runstone metrics`: the metrics of a run, and the history of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runstone.cli.arguments import metric_argument, run_argument, unlimited
from runstone.cli.chart import draw_chart
from runstone.cli.lookup import find_run
from runstone.cli.output import csv_option, json_option, note, print_csv, print_json
from runstone.cli.records import series_record
from runstone.cli.run_page import print_summaries
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_table
from runstone.cli.text import counted, iso_time, number
from runstone.entities import Run
from runstone.errors import NotFound

if TYPE_CHECKING:
    from runstone.series.points import Points

__all__ = ["metrics"]

_CHART_WIDTH, _CHART_HEIGHT = 64, 12
_ROWS_SHOWN = 10


@click.group
def metrics() -> None:
    """List a run's metrics, and draw their history."""


@metrics.command("list")
@run_argument
@json_option
@click.pass_obj
def list_command(session: Session, run: str, as_json: bool) -> None:
    """List the metrics of a run: last, lowest and highest value, number of points, a small curve.

    \b
    Example:
      runstone metrics list brisk-granite-417
    """
    found = find_run(session, run)
    summaries = session.tracking.list_series(found.info.run_id)
    if as_json:
        print_json([series_record(key, summary) for key, summary in summaries.items()])
    elif summaries:
        print_summaries(session, found.info.run_id, summaries)
    else:
        note(f"The run {found.info.run_name!r} has no metrics")


@metrics.command
@run_argument
@metric_argument
@click.option(
    "--max",
    "max_points",
    metavar="N",
    type=click.IntRange(min=0),
    help=f"At most this many points, each standing for its part of the steps; 0 for all. "
    f"Default: {_ROWS_SHOWN} in a table, all in JSON and CSV.",
)
@click.option("--chart/--no-chart", default=True, help="Draw the curve above the table, or not.")
@json_option
@csv_option
@click.pass_obj
def show(
    session: Session, run: str, key: str, max_points: int | None, chart: bool, as_json: bool, as_csv: bool
) -> None:
    """Show the history of a metric: a chart and a table, JSON or CSV.

    Where there are more points than asked for, each row stands for a range of steps: its last point, and the lowest
    and highest value in it, so that no spike is lost.

    \b
    Examples:
      runstone metrics show brisk-granite-417 val_loss
      runstone metrics show brisk-granite-417 val_loss --csv > val_loss.csv
      runstone metrics show brisk-granite-417 val_loss --max 100 --json
    """
    if as_json and as_csv:
        raise click.UsageError("Give --json or --csv, not both.")
    found = find_run(session, run)
    points = _points(session, found, key)
    default = 0 if as_json or as_csv else _ROWS_SHOWN
    rows = _rows(points, unlimited(default if max_points is None else max_points))
    if as_json:
        head = {"run_id": found.info.run_id, "key": key, "count": len(points)}
        print_json({**head, "points": rows})
    elif as_csv:
        print_csv(list(rows[0]), (list(row.values()) for row in rows))
    else:
        if chart:
            _print_chart(points, f"{key} of {found.info.run_name}, {counted(len(points), 'point')}")
        _print_rows(rows, len(points))


def _points(session: Session, run: Run, key: str) -> Points:
    points = session.tracking.read_series(run.info.run_id, key)
    if not len(points):
        keys = ", ".join(metric.key for metric in run.data.latest_metrics[:20]) or "none"
        raise NotFound(f"The run {run.info.run_name!r} has no metric {key!r}; it has {keys}")
    return points


def _rows(points: Points, max_points: int | None) -> list[dict[str, Any]]:
    """One record a point; where there are too many, one a bucket of steps."""
    from runstone.series.downsample import bucket  # here, because it loads numpy and --help should not

    if max_points is None or len(points) <= max_points:
        return [{"step": step, "timestamp": iso_time(time), "value": value} for step, time, value in points.rows()]
    found = bucket(points, max_points)
    columns: list[Any] = [found.step, found.timestamp, found.last, found.min, found.max, found.count]
    return [
        {"step": step, "timestamp": iso_time(time), "value": last, "min": low, "max": high, "count": count}
        for step, time, last, low, high, count in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _print_chart(points: Points, title: str) -> None:
    from runstone.series.downsample import bucket

    found = bucket(points, _CHART_WIDTH * 2)
    columns: list[Any] = [found.step, found.min, found.max]
    steps, lows, highs = (column.tolist() for column in columns)
    click.secho(title, bold=True)
    for line in draw_chart(steps, lows, highs, width=_CHART_WIDTH, height=_CHART_HEIGHT):
        click.echo(line)


def _print_rows(rows: list[dict[str, Any]], points: int) -> None:
    numbers = ["step", "value", *(name for name in ("min", "max", "count") if name in rows[0])]
    headings = {"count": "POINTS"}
    click.echo()
    print_table(
        [
            Column(heading=headings.get(name, name.upper()), cells=[number(row[name]) for row in rows], is_number=True)
            for name in numbers
        ]
        + [Column(heading="TIME", cells=[str(row["timestamp"]) for row in rows])]
    )
    if "count" in rows[0]:
        note(f"Each row stands for several of the {counted(points, 'point')}: --max 0 shows all")
