"""The versions of the library, of Python and of SQLite."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sqlite3

from program import run


def main(library: str) -> dict[str, str]:
    return {
        "version": version_of(library),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def version_of(library: str) -> str:
    """FastTrackML is a program in a wheel, not a module."""
    if library == "fasttrackml":
        return importlib.metadata.version(library)
    return str(importlib.import_module(library).__version__)


run(main)
