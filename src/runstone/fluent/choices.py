"""What the process has chosen: where to record, and the experiment of new runs. Knows no run.

Both choices also stand in the environment, so that a `Client` made without a URI and the processes started from here
make the same ones.
"""

from __future__ import annotations

import os
import sys
import threading

from runstone import settings
from runstone.client import Client
from runstone.connect import resolve_uri
from runstone.entities import Experiment

__all__ = [
    "Choices",
    "choices",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "say",
    "set_tracking_uri",
]


class Choices:
    """The choices of this process, and the client that follows from them."""

    def __init__(self) -> None:
        self.experiment_id: str | None = None
        self._client: Client | None = None
        self._told = _Environment()
        self._renew_lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        # Another thread may have held it when this process was forked.
        self._lock = threading.Lock()

    def client(self) -> Client:
        """The client of the chosen tracking URI."""
        uri = resolve_uri()
        with self._lock:
            if self._client is None or self._client.tracking_uri != uri:
                self._client = Client(uri)
            return self._client

    def choose_uri(self, uri: str | None) -> None:
        """Record there from now on; None for what the environment said at the start, or the default."""
        before = settings.TRACKING_URI.get()
        self._told.set(settings.TRACKING_URI.name, uri)
        if settings.TRACKING_URI.get() != before:
            self.choose_experiment(None)

    def choose_experiment(self, experiment: Experiment | None) -> None:
        """The experiment of new runs; None for what the environment said at the start, or the default."""
        self.experiment_id = experiment.experiment_id if experiment else None
        # A name in the environment would win over the id.
        has_name = experiment is not None and settings.EXPERIMENT_NAME.source() is not None
        self._told.set(settings.EXPERIMENT_NAME.name, experiment.name if experiment and has_name else None)
        self._told.set(settings.EXPERIMENT_ID.name, experiment.experiment_id if experiment else None)

    def forget(self) -> None:
        """As at the start of the process."""
        self.choose_experiment(None)
        self.choose_uri(None)


class _Environment:
    """Variables set by this process, and what they were before."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def set(self, name: str, value: str | None) -> None:
        """Give it a value; None for what it was before."""
        if value is not None:
            self._before.setdefault(name, os.environ.get(name))
        elif name in self._before:
            value = self._before.pop(name)
            if value is None:
                os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


choices = Choices()


def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Record there from now on: a folder, or `sqlite:///file.db`; None or "" for the default again.

    Runs that are active go on where they are. The experiment chosen by `set_experiment` is forgotten, because its id
    means another one elsewhere.
    """
    choices.choose_uri(os.fspath(uri) if uri else None)


def get_tracking_uri() -> str:
    """Where new runs are recorded."""
    return resolve_uri()


def is_tracking_uri_set() -> bool:
    """Whether a tracking URI was chosen, by `set_tracking_uri` or by the environment."""
    return settings.TRACKING_URI.source() is not None


def say(text: str) -> None:
    """Tell the user a line, unless they want quiet."""
    if not settings.QUIET.get():
        print(f"runstone: {text}", file=sys.stderr)
