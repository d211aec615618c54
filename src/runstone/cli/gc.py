"""`runstone gc`: what was deleted is removed for good, and what rules say is not worth keeping."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

from runstone.cli.lookup import find_experiment
from runstone.cli.output import json_option, note, print_json
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_fields, print_heading, print_table
from runstone.cli.text import counted, iso_time, relative_time, short_ids, size
from runstone.errors import InvalidInput, StoreUnavailable
from runstone.naming import now_ms

if TYPE_CHECKING:
    from runstone.tracking.removal import Removal, RemovalBatch, RemovalPlan, Removed

__all__ = ["gc", "parse_age_ms"]

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_AGE = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_AT_ONCE = 50
_SHOWN = 20


def parse_age_ms(text: str) -> int:
    """`30d`, `12h`, `1d2h3m4s` in milliseconds. Raises ValueError."""
    match = _AGE.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no age: write 30d, 12h or 1d2h3m4s")
    return sum(int(count) * unit for count, unit in zip(match.groups(), _UNITS_MS.values(), strict=True) if count)


def _age(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_age_ms(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command
@click.option("--yes", is_flag=True, help="Remove it. Without this, only say what would be removed.")
@click.option(
    "--older-than", metavar="AGE", callback=_age, help="Only what was deleted at least that long ago: 30d, 12h."
)
@click.option("--run-ids", metavar="ID,...", multiple=True, help="Only these deleted runs.")
@click.option("--experiment-ids", metavar="ID,...", multiple=True, help="Only these experiments, and runs of them.")
@click.option("-e", "--experiment", "experiments", metavar="EXPERIMENT", multiple=True, help="The same by name or id.")
@click.option(
    "--keep",
    metavar="RULE",
    multiple=True,
    help="In each active experiment keep 'best 3 by min(metrics.val_loss)' or 'latest 10', and drop other runs; again "
    "for more. Goes with --drop-after.",
)
@click.option("--drop-after", metavar="AGE", callback=_age, help="Drop runs beyond --keep that ended so long ago: 14d.")
@click.option(
    "--leftovers",
    is_flag=True,
    help="Also files below the artifact root that belong to no run of this database: it must be no other one's root.",
)
@click.option("--compact/--no-compact", default=None, help="Shrink an SQLite file. Default: where a quarter is free.")
@json_option
@click.pass_context
def gc(
    ctx: click.Context,
    yes: bool,
    older_than: int | None,
    run_ids: tuple[str, ...],
    experiment_ids: tuple[str, ...],
    experiments: tuple[str, ...],
    keep: tuple[str, ...],
    drop_after: int | None,
    leftovers: bool,
    compact: bool | None,
    as_json: bool,
) -> None:
    """Remove for good what was deleted, and what rules do not keep.

    Runs and experiments go with their files, and cannot be brought back. Says what would go, and changes nothing; with
    --yes it does so. Runs that a version of a registered model comes from, and runs with the tag `keep`, are never
    removed. A rule (--keep) drops no run that has not ended, and no parent of a nested run that stays.

    \b
    Examples:
      runstone gc
      runstone gc --older-than 30d --yes
      runstone gc --keep "best 3 by min(metrics.val_loss)" --keep "latest 5" --drop-after 14d

    Stopped at any time, it leaves whole runs, and runs that are still deleted: run it again. Exit code 1 where
    something could not be removed; stderr says what, and why.
    """
    from runstone.tracking.removal import RemovalRequest

    session: Session = ctx.obj
    removal = session.tracking.removal
    chosen = [*_ids(experiment_ids), *(find_experiment(session, one).experiment_id for one in experiments)]
    request = RemovalRequest(
        run_ids=_ids(run_ids) or None,
        experiment_ids=chosen or None,
        older_than_ms=older_than or 0,
        keep=list(keep),
        drop_after_ms=drop_after,
        leftovers=leftovers,
    )
    with _progress("Measuring") as on_progress:
        plan = removal.plan(request, on_progress=on_progress)
    if not yes:
        _show(session, plan, as_json)
        return
    done, compacted = _carry_out(removal, plan), None
    if not done.problems or done.runs:
        compacted = _compact(session, removal, compact)
    if as_json:
        print_json({"removed": _record(done), "compacted_bytes": compacted, "kept": _builtins(plan.kept)})
    else:
        _print_done(done, compacted)
    for problem in done.problems:
        note(problem)
    ctx.exit(1 if done.problems else 0)


def _ids(values: Sequence[str]) -> list[str]:
    return [one.strip() for value in values for one in value.split(",") if one.strip()]


# -- what would go


def _show(session: Session, plan: RemovalPlan, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "runs": [{**_builtins(run), "since": iso_time(run.since)} for run in plan.runs],
                "experiments": [{**_builtins(one), "since": iso_time(one.since)} for one in plan.experiments],
                "leftovers": _builtins(plan.leftovers),
                "kept": _builtins(plan.kept),
                "database_bytes": plan.database_bytes,
                "artifact_bytes": plan.artifact_bytes,
            }
        )
        return
    if plan.runs:
        _print_runs(plan)
    if plan.experiments:
        print_heading("Experiments")
        print_fields([(one.experiment_id, one.name) for one in plan.experiments])
    if plan.leftovers:
        print_heading("Files that belong to no run")
        print_fields([(size(one.size_bytes), one.path) for one in plan.leftovers[:_SHOWN]])
    if plan.kept:
        print_heading("Kept")
        print_fields([(one.run_id, one.reason) for one in plan.kept[:_SHOWN]])
    if plan.runs or plan.experiments or plan.leftovers:
        click.echo()
        click.echo(
            f"Would remove {_counts(len(plan.runs), len(plan.experiments), len(plan.leftovers))}: about "
            f"{size(plan.database_bytes)} of the database, {size(plan.artifact_bytes)} of files"
        )
        note("Nothing was removed: say it again with --yes to remove it for good")
    else:
        note("There is nothing to remove")


def _print_runs(plan: RemovalPlan) -> None:
    now, shown = now_ms(), plan.runs[:_SHOWN]
    ids = short_ids(run.run_id for run in shown)
    print_table(
        [
            Column(heading="RUN", cells=[ids[run.run_id] for run in shown]),
            Column(heading="NAME", cells=[run.run_name for run in shown], is_optional=True),
            Column(heading="EXPERIMENT", cells=[run.experiment_id for run in shown], is_number=True),
            Column(heading="WHY", cells=[run.reason for run in shown]),
            Column(heading="SINCE", cells=[relative_time(run.since, now) for run in shown]),
            Column(heading="DATABASE", cells=[size(run.database_bytes) for run in shown], is_number=True),
            Column(heading="FILES", cells=[size(run.artifact_bytes) or "-" for run in shown], is_number=True),
        ]
    )
    if len(plan.runs) > len(shown):
        click.echo(f"... and {len(plan.runs) - len(shown):,} more; --json lists all")


def _counts(runs: int, experiments: int, leftovers: int) -> str:
    parts = [counted(runs, "run"), counted(experiments, "experiment")]
    return ", ".join([*parts, counted(leftovers, "leftover")] if leftovers else parts)


# -- doing it


def _carry_out(removal: Removal, plan: RemovalPlan) -> Removed:
    from runstone.tracking.removal import Removed

    done = Removed()
    batches = list(_batches(plan))
    with _progress("Removing") as on_progress:
        for number, batch in enumerate(batches, 1):
            done += removal.remove(batch)
            on_progress(number, len(batches))
    return done


def _batches(plan: RemovalPlan) -> Iterator[RemovalBatch]:
    from runstone.tracking.removal import RemovalBatch

    deleted = [run.run_id for run in plan.runs if run.reason == "deleted"]
    dropped = [run.run_id for run in plan.runs if run.reason != "deleted"]
    yield from (RemovalBatch(run_ids=some) for some in _slices(deleted))
    yield from (RemovalBatch(dropped_run_ids=some) for some in _slices(dropped))
    # After their runs.
    yield from (RemovalBatch(experiment_ids=some) for some in _slices([one.experiment_id for one in plan.experiments]))
    yield from (RemovalBatch(leftovers=some) for some in _slices([one.path for one in plan.leftovers]))


def _slices(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield list(ids[start : start + _AT_ONCE])


def _compact(session: Session, removal: Removal, wanted: bool | None) -> int | None:
    """The bytes that the file has given back; None where it is not compacted."""
    if session.is_on_server:
        if wanted:
            raise InvalidInput(
                "Only the file of an SQLite database on this machine is compacted, by `runstone db compact`"
            )
        return None
    from runstone.connect import is_worth_compacting

    if wanted is False or (wanted is None and not is_worth_compacting(session.database_path)):
        return None
    try:
        return removal.compact()
    except StoreUnavailable as error:
        note(f"The file is not compacted, and its free room will be used again: {error}")
        return None


def _print_done(done: Removed, compacted: int | None) -> None:
    click.echo(
        f"Removed {_counts(done.runs, done.experiments, done.leftovers)}: about {size(done.database_bytes)} of the "
        f"database, {size(done.artifact_bytes)} of files"
    )
    if compacted is not None:
        click.echo(f"The database file is {size(compacted)} smaller")


def _record(done: Removed) -> dict[str, Any]:
    record: dict[str, Any] = _builtins(done)
    return record


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, on stderr; else nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
