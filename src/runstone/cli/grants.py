"""`runstone grants`: who may do what with which experiment and registered model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from runstone.cli.access_store import note_act, open_access
from runstone.cli.arguments import complete_experiments
from runstone.cli.lookup import find_experiment
from runstone.cli.output import json_option, print_json
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_table
from runstone.entities.access import EVERYONE, Grant, Level, Resource

if TYPE_CHECKING:
    from runstone.stores.access import AccessStore

__all__ = ["grants"]

F = TypeVar("F", bound=Callable[..., object])

_LEVELS = {level.name.lower(): level for level in Level if level is not Level.NONE}


def _of_what(command: F) -> F:
    """The options that name a thing."""
    experiment = click.option(
        "-e", "--experiment", metavar="EXPERIMENT", shell_complete=complete_experiments, help="Its name or id."
    )
    model = click.option("-m", "--model", metavar="NAME", help="A registered model.")
    return experiment(model(command))


def _to_whom(command: F) -> F:
    """The options that name a user or a group."""
    user = click.option("--user", metavar="NAME", default="", help="To this user.")
    group = click.option("--group", metavar="NAME", default="", help="To the members of this group.")
    everyone = click.option("--everyone", is_flag=True, help="To all users.")
    return user(group(everyone(command)))


@click.group
def grants() -> None:
    """Say who may read, edit or manage an experiment or a registered model."""


@grants.command("set")
@click.argument("level", type=click.Choice(list(_LEVELS)))
@_of_what
@_to_whom
@click.pass_obj
def set_command(
    session: Session, level: str, experiment: str | None, model: str | None, user: str, group: str, everyone: bool
) -> None:
    """Grant a level: read, edit (which includes read), or manage (delete, restore, grant to others).

    \b
    Examples:
      runstone grants set read -e cifar --everyone
      runstone grants set edit -e cifar --group vision
      runstone grants set manage -m classifier --user ann
    """
    _set(session, _LEVELS[level], experiment, model, user, group, everyone)


@grants.command("remove")
@_of_what
@_to_whom
@click.pass_obj
def remove_command(
    session: Session, experiment: str | None, model: str | None, user: str, group: str, everyone: bool
) -> None:
    """Take a grant away.

    \b
    Example:
      runstone grants remove -e cifar --user bob
    """
    _set(session, Level.NONE, experiment, model, user, group, everyone)


@grants.command("list")
@_of_what
@json_option
@click.pass_obj
def list_command(session: Session, experiment: str | None, model: str | None, as_json: bool) -> None:
    """List all grants, or those of one thing.

    \b
    Example:
      runstone grants list -e cifar
    """
    thing = _thing(session, experiment, model) if experiment or model else None
    with open_access(session) as access:
        found = access.list_grants(*thing) if thing else access.list_grants()
    rows = [
        {"kind": one.resource.value, "name": one.name, "level": one.level.name.lower(), "user": one.user,
         "group": one.group}
        for one in found
    ]  # fmt: skip
    if as_json:
        print_json(rows)
    elif rows:
        print_table([Column(heading=key, cells=[row[key] for row in rows]) for key in rows[0]])


def _set(
    session: Session,
    level: Level,
    experiment: str | None,
    model: str | None,
    user: str,
    group: str,
    everyone: bool,
) -> None:
    if [bool(user), bool(group), everyone].count(True) != 1:
        raise click.UsageError("Name exactly one of --user, --group and --everyone.")
    resource, name = _thing(session, experiment, model)
    grant = Grant(resource=resource, name=name, level=level, user=user, group=EVERYONE if everyone else group)
    with open_access(session) as access:
        _check_user(access, user)
        access.set_grant(grant)
        note_act(access, "set grant", f"{resource} {name}: {level.name.lower()} to {user or grant.group}")


def _check_user(access: AccessStore, user: str) -> None:
    if user and access.find_user(user) is None:
        known = ", ".join(one.name for one in access.list_users()) or "none"
        raise click.BadParameter(f"there is no user '{user}' (users: {known})", param_hint="--user")


def _thing(session: Session, experiment: str | None, model: str | None) -> tuple[Resource, str]:
    if (experiment is None) == (model is None):
        raise click.UsageError("Name either an experiment (-e) or a registered model (-m).")
    if experiment is not None:
        return Resource.EXPERIMENT, find_experiment(session, experiment).experiment_id
    assert model is not None
    return Resource.REGISTERED_MODEL, session.tracking.models.get_registered_model(model).name
