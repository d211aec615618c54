"""The versions of the library, of Python and of SQLite."""

from __future__ import annotations

import importlib
import platform
import sqlite3

from program import run


def main(library: str) -> dict[str, str]:
    return {
        "version": importlib.import_module(library).__version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


run(main)
