"""`runstone bench`: what helps to try a store at any size."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec

from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.text import counted

__all__ = ["bench"]


@click.group
def bench() -> None:
    """Fill a store with made-up runs, to try it at any size."""


def _count(name: str, default: int, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        f"--{name}", metavar="N", type=click.IntRange(min=0), default=default, show_default=True, help=text
    )


@bench.command
@_count("experiments", 3, "How many experiments.")
@_count("runs", 100, "Runs of each experiment.")
@_count("keys", 10, "Metrics of each run.")
@_count("points", 100, "Points of each metric.")
@_count("params", 8, "Params of each run.")
@_count("tags", 4, "Tags of each run.")
@_count("seed", 0, "The same seed makes the same runs.")
@click.option("--resume", is_flag=True, help="Go on with what was interrupted.")
@json_option
@click.pass_obj
def generate(
    session: Session,
    experiments: int,
    runs: int,
    keys: int,
    points: int,
    params: int,
    tags: int,
    seed: int,
    resume: bool,
    as_json: bool,
) -> None:
    """Fill the store with made-up experiments that look like real ones.

    Learning curves with noise, spikes and a NaN here and there; sweeps whose params move the metrics; runs that failed,
    that still run, and that are nested. Ids and values follow from the numbers given: the same line makes the same runs
    in any store, be it a file, PostgreSQL or a server.

    \b
    Examples:
      runstone -u sqlite:///big.db bench generate --experiments 10 --runs 1000 --keys 50 --points 20
      runstone bench generate --runs 3 --points 1000000
    """
    from runstone.connect import connect
    from runstone.synthetic.spec import Spec
    from runstone.synthetic.writing import write_all

    spec = Spec(experiments=experiments, runs=runs, keys=keys, points=points, params=params, tags=tags, seed=seed)
    spec.check()
    tracking, begin = connect(session.uri), time.monotonic()
    with _progress(spec.total_runs) as on_run:
        # Not through the journal: it is for what a training must not lose, and this can be made again.
        done = write_all(tracking.inner, spec, resumes=resume, on_run=on_run)
    seconds = time.monotonic() - begin
    if as_json:
        print_json({"tracking_uri": session.shown_uri, **msgspec.to_builtins(done), "seconds": round(seconds, 3)})
        return
    click.echo(
        f"Wrote {counted(done.runs, 'run')} with {counted(done.points, 'point')} in {seconds:.1f} s "
        f"({done.points / max(seconds, 0.001):,.0f} points/s) to {session.shown_uri}"
    )
    if done.skipped:
        note(f"{counted(done.skipped, 'run')} were there already")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty():
        yield lambda points: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Generating"), BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda points: bar.update(task, advance=1)
