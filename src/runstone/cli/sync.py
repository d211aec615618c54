"""`runstone sync`: what is kept in journals is delivered now, or as long as one watches."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from runstone.cli.deliveries import Delivered, deliver, preview, problems_of
from runstone.cli.journal import find_in, folders_argument, host_text, places, run_ids
from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_table
from runstone.cli.text import iso_time
from runstone.naming import now_ms

__all__ = ["sync"]


@click.command
@folders_argument
@click.option("--to", "uri", metavar="URI", help="Deliver everything to this store, whatever it was meant for.")
@click.option("--dry-run", is_flag=True, help="Show what would be delivered, and change nothing.")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C or SIGTERM, and deliver what comes.")
@click.option(
    "--interval",
    "interval_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="How long --watch waits before it looks again.",
)
@json_option
@click.pass_context
def sync(
    ctx: click.Context,
    folders: tuple[Path, ...],
    uri: str | None,
    dry_run: bool,
    watch: bool,
    interval_s: float,
    as_json: bool,
) -> None:
    """Deliver what was recorded offline, or left by programs that died.

    Without DIR: the journals of the tracking URI in force and of servers. A DIR is a journal, what holds one (a home, a
    project, a copy from another machine), or one run's folder in it. Everything goes where it was meant to go, to the
    database beside or to a server, unless --to says otherwise. A program that is at work delivers by itself and is left
    alone. Run it as often as you like: what a store has already, it keeps once.

    \b
    Examples:
      runstone sync
      runstone sync copied-from-the-cluster/ --to https://tracking.example.org
      runstone sync --watch --interval 60 /scratch/ada/journal

    Exit code 1 where something could not be delivered; stderr says what, and why.
    """
    if watch and (dry_run or as_json):
        raise click.UsageError("--watch goes neither with --dry-run nor with --json.")
    session: Session = ctx.obj
    where = places(session, folders)
    if watch:
        ctx.exit(_watch(session, where, uri, interval_s))
    spools = _find(where)
    if dry_run:
        delivered = list(preview(session, spools, uri))
    else:
        with _progress(spools) as on_progress:
            delivered = list(deliver(session, spools, uri, on_progress=on_progress))
    if as_json:
        print_json([_record(one) for one in delivered])
    elif delivered:
        _print(delivered)
    else:
        note(f"Nothing waits in {' or '.join(map(str, where))}")
    ctx.exit(_say(problems_of(delivered)))


def _find(where: Sequence[Path]) -> list[Path]:
    from runstone.journal.inspection import find_spools

    return find_in(where, find_spools, lambda folder: folder)


def _say(problems: Sequence[str]) -> int:
    for problem in problems:
        note(problem)
    return 1 if problems else 0


def _watch(session: Session, where: Sequence[Path], uri: str | None, interval_s: float) -> int:
    """One line a delivery, and each problem once; the exit code."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    note(f"Watching {' and '.join(map(str, where))}; Ctrl-C ends it")
    problems: list[str] = []
    try:
        while True:
            found = []
            for one in deliver(session, _find(where), uri, on_progress=lambda records: None):
                found.append(one)
                if one.records or one.outcome in ("delivered", "damaged", "refused"):
                    click.echo(f"{iso_time(now_ms())}  {one.run_id}  {one.records:,} records  {_outcome_text(one)}")
            said, problems = problems, problems_of(found)
            _say([problem for problem in problems if problem not in said])
            time.sleep(interval_s)
    except KeyboardInterrupt:
        return 1 if problems else 0
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(spools: Sequence[Path]) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty() or not spools:
        yield lambda records: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from runstone.journal.inspection import inspect_one

    states = (state for state in map(inspect_one, spools) if state is not None)
    total = sum(state.waiting for state in states if not state.is_alive)
    columns = (TextColumn("Delivering"), BarColumn(), MofNCompleteColumn(), TextColumn("records"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda records: bar.update(task, advance=records)


def _print(delivered: Sequence[Delivered]) -> None:
    print_table(
        [
            Column(heading="RUN", cells=run_ids(one.run_id for one in delivered)),
            Column(heading="HOST", cells=[host_text(one.host) for one in delivered], is_optional=True),
            Column(heading="RECORDS", cells=[f"{one.records:,}" for one in delivered], is_number=True),
            Column(heading="STATE", cells=[_outcome_text(one) for one in delivered]),
            Column(heading="DESTINATION", cells=[one.destination or "-" for one in delivered], is_optional=True),
        ]
    )


def _outcome_text(one: Delivered) -> str:
    return {
        "delivered": "delivered",
        "alive": "alive: left to its writer",
        "open": f"so far; its writer may be at work on {host_text(one.host)}",
        "ready": "would be delivered",
        "waiting": "waiting",
        "blocked": "waiting",
        "damaged": f"damaged: set aside at {one.folder}",
        "refused": f"refused in part: kept in {one.folder}",
    }[one.outcome]


def _record(one: Delivered) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "host": one.host,
        "records": one.records,
        "state": one.outcome,
        "problem": one.problem,
        "destination": one.destination or None,
        "folder": str(one.folder),
    }
