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
    activities = _Activities(session)
    if as_json:
        print_json([_record(experiment, activities) for experiment in found])
    elif found:
        _print_experiments(found, activities)
    else:
        note(_nothing(view, filter_string))


def _nothing(view: str, filter_string: str | None) -> str:
    if filter_string:
        return "No experiment matches the filter"
    kind = "" if view == "all" else f"{view} "
    return f"There are no {kind}experiments; `runstone experiments create NAME` makes one"


class _Activities:
    """How many active runs each experiment has, and when one last did something; a server does not tell."""

    def __init__(self, session: Session) -> None:
        self._known: Mapping[str, Activity] | None = None
        if not session.is_on_server:
            from runstone.connect import list_activity  # here, because it loads numpy and --help should not

            self._known = list_activity(session.database_path)

    def runs(self, experiment: Experiment) -> int | None:
        if self._known is None:
            return None
        known = self._known.get(experiment.experiment_id)
        return known.runs if known else 0

    def last_time(self, experiment: Experiment) -> int | None:
        known = (self._known or {}).get(experiment.experiment_id)
        return known.last_time if known else None


def _record(experiment: Experiment, activities: _Activities) -> dict[str, Any]:
    return {
        **experiment_record(experiment),
        "active_runs": activities.runs(experiment),
        "last_activity": iso_time(activities.last_time(experiment)),
    }


def _print_experiments(found: list[Experiment], activities: _Activities) -> None:
    now = now_ms()
    runs = [activities.runs(experiment) for experiment in found]
    print_table(
        [
            Column(heading="ID", cells=[experiment.experiment_id for experiment in found], is_number=True),
            Column(heading="NAME", cells=[experiment.name for experiment in found]),
            Column(heading="RUNS", cells=["-" if count is None else str(count) for count in runs], is_number=True),
            Column(heading="LAST ACTIVITY", cells=[relative_time(activities.last_time(one), now) for one in found]),
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
    activities = _Activities(session)
    if as_json:
        print_json(_record(found, activities))
        return
    now, runs = now_ms(), activities.runs(found)
    print_fields(
        [
            ("name", found.name),
            ("id", found.experiment_id),
            ("stage", str(found.lifecycle_stage)),
            ("runs", "-" if runs is None else str(runs)),
            ("last activity", relative_time(activities.last_time(found), now)),
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
    activities = _Activities(session)
    for experiment in found:
        number = experiment.experiment_id
        session.client.delete_experiment(number)
        runs = activities.runs(experiment)
        which = f"{experiment.name!r} (id {number}) with {'its runs' if runs is None else counted(runs, 'run')}"
        click.echo(f"Deleted the experiment {which}; `{session.words()} experiments restore {number}` brings it back")


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
