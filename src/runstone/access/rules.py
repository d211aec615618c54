"""What each method of a tracker needs, as data: a method that has no row here is refused to everybody.

Searches, creations and what speaks of several things at once are no rows: `guarded` writes them out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from runstone.entities.access import Level

__all__ = ["MODEL_RULES", "TRACKING_RULES", "Rule", "Thing"]

Thing = Literal["experiment", "run", "logged model", "registered model", "version"]
"""What the first argument of a method names."""


class Rule(NamedTuple):
    """The level that is needed on the thing: of runs and logged models, on the experiment that they belong to."""

    thing: Thing
    level: Level


_READ, _EDIT, _MANAGE = Level.READ, Level.EDIT, Level.MANAGE

TRACKING_RULES: dict[str, Rule] = {
    "get_experiment": Rule("experiment", _READ),
    "rename_experiment": Rule("experiment", _MANAGE),
    "delete_experiment": Rule("experiment", _MANAGE),
    "set_experiment_tags": Rule("experiment", _EDIT),
    "delete_experiment_tag": Rule("experiment", _EDIT),
    "create_run": Rule("experiment", _EDIT),
    "get_run": Rule("run", _READ),
    "update_run": Rule("run", _EDIT),
    "delete_run": Rule("run", _MANAGE),
    "restore_run": Rule("run", _MANAGE),
    "log_batch": Rule("run", _EDIT),
    "last_sequence": Rule("run", _READ),
    "delete_tag": Rule("run", _EDIT),
    "record_logged_model": Rule("run", _EDIT),
    "log_inputs": Rule("run", _EDIT),
    "list_series": Rule("run", _READ),
    "read_series": Rule("run", _READ),
    "open_artifacts": Rule("run", _READ),
}
"""Methods of Browsing. `open_artifacts` is for reading: the server writes files by path alone (see `paths`)."""

MODEL_RULES: dict[str, Rule] = {
    "get_registered_model": Rule("registered model", _READ),
    "rename_registered_model": Rule("registered model", _MANAGE),
    "describe_registered_model": Rule("registered model", _EDIT),
    "delete_registered_model": Rule("registered model", _MANAGE),
    "set_registered_model_tags": Rule("registered model", _EDIT),
    "delete_registered_model_tag": Rule("registered model", _EDIT),
    "set_alias": Rule("version", _EDIT),
    "delete_alias": Rule("registered model", _EDIT),
    "get_version_by_alias": Rule("registered model", _READ),
    "list_latest_versions": Rule("registered model", _READ),
    "get_model_version": Rule("version", _READ),
    "describe_model_version": Rule("version", _EDIT),
    "set_model_version_stage": Rule("version", _EDIT),
    "delete_model_version": Rule("version", _MANAGE),
    "set_model_version_tags": Rule("version", _EDIT),
    "delete_model_version_tag": Rule("version", _EDIT),
    "open_version_artifacts": Rule("version", _READ),
    "create_logged_model": Rule("experiment", _EDIT),
    "get_logged_model": Rule("logged model", _READ),
    "finalize_logged_model": Rule("logged model", _EDIT),
    "delete_logged_model": Rule("logged model", _MANAGE),
    "set_logged_model_tags": Rule("logged model", _EDIT),
    "delete_logged_model_tag": Rule("logged model", _EDIT),
    "log_logged_model_params": Rule("logged model", _EDIT),
    "open_logged_model_artifacts": Rule("logged model", _READ),
}
"""Methods of BrowsingModels."""
