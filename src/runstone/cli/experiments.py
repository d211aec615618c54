"""`runstone experiments`: the named sets of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from runstone.cli.arguments import (
    experiment_argument,
    experiments_argument,
    filter_option,
    max_option,
    unlimited,
    view_of,
    view_option,
)
from runstone.cli.lookup import find_experiment, list_experiments
from runstone.cli.output import json_option, note, print_json
from runstone.cli.records import experiment_record
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_fields, print_heading, print_table
from runstone.cli.text import counted, iso_time, relative_time
from runstone.entities import Experiment, LifecycleStage
from runstone.naming import now_ms

if TYPE_CHECKING:
    from runstone.connect import Activity

__all__ = ["experiments"]


@click.group
def experiments() -> None:
    """List, create and change experiments."""


@experiments.command("list")
@view_option("experiments")
@filter_option("\"name LIKE 'digits%'\" or \"tags.team = 'vision'\"")
@max_option(100, "experiments")
@json_option
@click.pass_obj
def list_command(session: Session, view: str, filter_string: str | None, max_results: int, as_json: bool) -> None:
    """List experiments, the newest first.

    \b
    Examples:
      runstone experiments list
      runstone experiments list --view all --filter "name ILIKE '%digits%'"
    """
    found = list_experiments(session, view_of(view), filter_string, unlimited(max_results))
    activity = _activity(session)
    if as_json:
        print_json([_record(experiment, activity) for experiment in found])
    elif found:
        _print_experiments(found, activity)
    else:
        note(_nothing(view, filter_string))


def _nothing(view: str, filter_string: str | None) -> str:
    if filter_string:
        return "No experiment matches the filter"
    return (
        f"There are no {'' if view == 'all' else view + ' '}experiments; `runstone experiments create NAME` makes one"
    )


def _activity(session: Session) -> dict[str, Activity]:
    from runstone.connect import list_activity

    return list_activity(session.database_path)


def _record(experiment: Experiment, activity: Mapping[str, Activity]) -> dict[str, Any]:
    of_this = activity.get(experiment.experiment_id)
    return {
        **experiment_record(experiment),
        "active_runs": of_this.runs if of_this else 0,
        "last_activity": iso_time(of_this.last_time) if of_this else None,
    }


def _print_experiments(found: list[Experiment], activity: Mapping[str, Activity]) -> None:
    now = now_ms()
    ids = [experiment.experiment_id for experiment in found]
    print_table(
        [
            Column(heading="ID", cells=ids, is_number=True),
            Column(heading="NAME", cells=[experiment.name for experiment in found]),
            Column(
                heading="RUNS",
                cells=[str(activity[one].runs) if one in activity else "0" for one in ids],
                is_number=True,
            ),
            Column(
                heading="LAST ACTIVITY",
                cells=[relative_time(activity[one].last_time, now) if one in activity else "-" for one in ids],
            ),
            Column(heading="STAGE", cells=[str(experiment.lifecycle_stage) for experiment in found]),
        ]
    )


@experiments.command
@click.argument("name")
@click.option("--artifact-location", metavar="URI", help="Where its runs keep their files. Default: beside the store.")
@click.option("-t", "--tag", "tags", metavar="KEY=VALUE", multiple=True, help="A tag; again for more.")
@json_option
@click.pass_obj
def create(session: Session, name: str, artifact_location: str | None, tags: tuple[str, ...], as_json: bool) -> None:
    """Create an experiment and print its id.

    \b
    Example:
      runstone experiments create "digits, second try" --tag team=vision
    """
    client = session.client_of_any_store()
    number = client.create_experiment(name, artifact_location, dict(map(_read_tag, tags)))
    if as_json:
        print_json(experiment_record(client.get_experiment(number)))
    else:
        note(f"Created the experiment {name!r}; its id:")
        click.echo(number)


def _read_tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is no tag: write KEY=VALUE", param_hint="--tag")
    return key, value


@experiments.command
@experiment_argument
@json_option
@click.pass_obj
def show(session: Session, experiment: str, as_json: bool) -> None:
    """Show an experiment with its tags.

    \b
    Example:
      runstone experiments show "digits demo"
    """
    found = find_experiment(session, experiment)
    activity = _activity(session)
    record = _record(found, activity)
    if as_json:
        print_json(record)
        return
    now = now_ms()
    of_this = activity.get(found.experiment_id)
    print_fields(
        [
            ("name", found.name),
            ("id", found.experiment_id),
            ("stage", str(found.lifecycle_stage)),
            ("runs", str(record["active_runs"])),
            ("last activity", relative_time(of_this.last_time if of_this else None, now)),
            ("created", relative_time(found.creation_time, now)),
            ("artifacts", found.artifact_location),
        ]
    )
    if found.tags:
        print_heading("Tags")
        print_fields(sorted(found.tags.items()))


@experiments.command
@experiment_argument
@click.argument("new_name")
@click.pass_obj
def rename(session: Session, experiment: str, new_name: str) -> None:
    """Rename an experiment.

    \b
    Example:
      runstone experiments rename "digits demo" "digits, first try"
    """
    found = find_experiment(session, experiment)
    session.client.rename_experiment(found.experiment_id, new_name)
    click.echo(f"Renamed the experiment {found.name!r} (id {found.experiment_id}) to {new_name!r}")


@experiments.command
@experiments_argument
@click.pass_obj
def delete(session: Session, experiments: tuple[str, ...]) -> None:
    """Mark experiments and their runs as deleted; `restore` brings them back.

    \b
    Example:
      runstone experiments delete "digits demo"
    """
    found = [find_experiment(session, one) for one in experiments]
    activity = _activity(session)
    for experiment in found:
        number = experiment.experiment_id
        session.client.delete_experiment(number)
        runs = activity[number].runs if number in activity else 0
        click.echo(
            f"Deleted the experiment {experiment.name!r} (id {number}) with {counted(runs, 'run')}; "
            f"`{session.words()} experiments restore {number}` brings it back"
        )


@experiments.command
@experiments_argument
@click.pass_obj
def restore(session: Session, experiments: tuple[str, ...]) -> None:
    """Bring deleted experiments back, with the runs deleted with them.

    \b
    Example:
      runstone experiments restore "digits demo"
    """
    for experiment in [find_experiment(session, one) for one in experiments]:
        was_deleted = experiment.lifecycle_stage is LifecycleStage.DELETED
        session.client.restore_experiment(experiment.experiment_id)
        which = f"the experiment {experiment.name!r} (id {experiment.experiment_id})"
        click.echo(f"Restored {which}" if was_deleted else f"Nothing to do: {which} is not deleted")
