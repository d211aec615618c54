"""`runstone demo`: a few real models, recorded, and what to do next."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

import click

from runstone.cli.lookup import find_experiment, list_runs, quoted
from runstone.cli.output import note
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_table
from runstone.cli.text import duration, number, shell_word
from runstone.entities import Run
from runstone.errors import InvalidInput
from runstone.naming import now_ms

__all__ = ["demo"]


@click.command
@click.pass_obj
def demo(session: Session) -> None:
    """Train a few small models and record them.

    Seven models learn scikit-learn's handwritten digits, some seconds long; each is a run in the experiment "digits
    demo", nested in one for the sweep. Needs `pip install 'runstone[demo]'`.

    \b
    Example:
      runstone demo
    """
    digits = _load_training()
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    from runstone import fluent

    fluent.set_tracking_uri(session.given_uri)
    begin = now_ms()
    # For matrices this small, more threads only wait for each other.
    with threadpool_limits(limits=1), _progress(digits.TOTAL_EPOCHS) as on_epoch:
        sweep_id = digits.train_all(on_epoch)
    note(f"Trained {len(digits.GRID)} models in {duration(now_ms() - begin)}; recorded in {session.shown_uri}")
    runs = _ranked(session, digits.EXPERIMENT, sweep_id)
    click.echo()
    _print_ranking(runs)
    click.echo()
    _print_what_next(session, digits.EXPERIMENT, runs)


def _load_training() -> ModuleType:
    try:
        from runstone.cli import digits
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise InvalidInput(
            "The demo trains models of scikit-learn, which is not installed: `pip install 'runstone[demo]'`"
        ) from None
    return digits


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("Training {task.description:24}"), BarColumn(), MofNCompleteColumn(), TextColumn("epochs"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


def _ranked(session: Session, experiment: str, sweep_id: str) -> list[Run]:
    return list_runs(
        session,
        [find_experiment(session, experiment)],
        filter_string=f"tags.`mlflow.parentRunId` = {quoted(sweep_id)}",
        order_by=["metrics.val_accuracy DESC", "metrics.val_loss ASC"],
    )


def _print_ranking(runs: Sequence[Run]) -> None:
    def values(key: str) -> list[str]:
        return [number(run.data.metrics[key]) for run in runs]

    print_table(
        [
            Column(heading="RANK", cells=[str(place) for place in range(1, len(runs) + 1)], is_number=True),
            Column(heading="RUN", cells=[run.info.run_name for run in runs]),
            Column(heading="VAL ACCURACY", cells=values("val_accuracy"), is_number=True),
            Column(heading="VAL LOSS", cells=values("val_loss"), is_number=True),
            Column(heading="TRAIN ACCURACY", cells=values("train_accuracy"), is_number=True),
        ]
    )


def _print_what_next(session: Session, experiment: str, runs: Sequence[Run]) -> None:
    best, second = runs[0].info.run_id, runs[1].info.run_id
    click.echo("What next:")
    for what, command in (
        ("the curve of the best", f"metrics show {best} val_loss"),
        ("all about it", f"runs show {best}"),
        ("the best two side by side", f"runs diff {best} {second}"),
        ("the good ones", f"search 'metrics.val_accuracy > 0.95' -e {shell_word(experiment)}"),
        ("its mistakes, digit by digit", f"artifacts show {best} report.txt"),
    ):
        click.echo(f"  {session.words()} {command}  # {what}")
