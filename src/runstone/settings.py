"""Every environment variable Runstone reads: one row each, typed and documented.

A setting is looked up when it is asked for, `RUNSTONE_*` first, then the `MLFLOW_*` name that users already have.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from runstone.errors import InvalidInput

__all__ = ["SETTINGS", "Setting"]

T = TypeVar("T")


class Setting(Generic[T]):
    """One setting: `names` in order of preference, how its text is read, and what it means."""

    def __init__(self, *names: str, parse: Callable[[str], T], default: T, doc: str, secret: bool = False) -> None:
        self.names = names
        self.parse = parse
        self.default = default
        self.doc = doc
        self.secret = secret
        SETTINGS.append(self)

    @property
    def name(self) -> str:
        """The preferred name."""
        return self.names[0]

    def source(self) -> str | None:
        """The name of the variable that is set, or None where the default holds. An empty text counts as not set."""
        return next((name for name in self.names if os.environ.get(name)), None)

    def get(self) -> T:
        """The value now. Raises InvalidInput for a text that cannot be read."""
        name = self.source()
        if name is None:
            return self.default
        text = os.environ[name]
        try:
            return self.parse(text)
        except ValueError as error:
            raise InvalidInput(f"The environment variable {name}={text!r} cannot be read: {error}") from None

    def take(self) -> T:
        """The value now, and forget it: the variable is removed from this process's environment."""
        value = self.get()
        for name in self.names:
            os.environ.pop(name, None)
        return value


SETTINGS: list[Setting[Any]] = []
"""All settings, in the order of this file."""


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("expected true or false")


TRACKING_URI: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_URI",
    "MLFLOW_TRACKING_URI",
    parse=str,
    default=None,
    doc="Where runs are recorded: a folder, `sqlite:///file.db`. Default: the folder `.runstone/` beside the script.",
)
EXPERIMENT_NAME: Setting[str | None] = Setting(
    "RUNSTONE_EXPERIMENT_NAME",
    "MLFLOW_EXPERIMENT_NAME",
    parse=str,
    default=None,
    doc="The experiment of new runs where the script names none; created if it is missing.",
)
EXPERIMENT_ID: Setting[str | None] = Setting(
    "RUNSTONE_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_ID",
    parse=str,
    default=None,
    doc="The id of the experiment of new runs, where neither the script nor EXPERIMENT_NAME says otherwise.",
)
RUN_ID: Setting[str | None] = Setting(
    "RUNSTONE_RUN_ID",
    "MLFLOW_RUN_ID",
    parse=str,
    default=None,
    doc="The run that the next `start_run()` resumes; taken out of the environment once used.",
)
RUN_CONTEXT: Setting[str | None] = Setting(
    "RUNSTONE_RUN_CONTEXT",
    "MLFLOW_RUN_CONTEXT",
    parse=str,
    default=None,
    doc="A JSON object of tags that every new run gets.",
)
QUIET: Setting[bool] = Setting(
    "RUNSTONE_QUIET",
    parse=_flag,
    default=False,
    doc="Do not print where the first run of a process is recorded.",
)
