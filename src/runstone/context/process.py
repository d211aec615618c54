"""Who started this process, and from what script. Asks only the interpreter and the operating system."""

from __future__ import annotations

import functools
import getpass
import os
import sys
from pathlib import Path

import runstone.tag_names as tag_names
from runstone.entities.words import SourceType

__all__ = ["ProcessContext", "script_path"]

# What Python writes into sys.argv[0] when there is no script, or none yet.
_WITHOUT_SCRIPT = {"-c": "<command>", "-m": "<module>", "-": "<stdin>"}


class ProcessContext:
    """User, script, and that the run is a local one."""

    def in_context(self) -> bool:
        """Always."""
        return True

    def tags(self) -> dict[str, str]:
        """`mlflow.user`, `mlflow.source.name` (the script as it was named) and `mlflow.source.type`."""
        return {
            tag_names.USER: _user(),
            tag_names.SOURCE_NAME: _source_name(),
            tag_names.SOURCE_TYPE: SourceType.LOCAL.value,
        }


def script_path() -> Path | None:
    """The absolute path of the running script, links resolved; None for a console, `-c`, standard input."""
    # `__main__` comes second: under a profiler or debugger it can be the tool's own file. It is what remains
    # when the script was named by a relative path and the working folder has changed since.
    for path in (_first_argument(), getattr(sys.modules.get("__main__"), "__file__", None)):
        found = _resolve(Path(path).absolute()) if path else None
        if found is not None:
            return found
    return None


@functools.cache
def _resolve(path: Path) -> Path | None:
    """The path with its links resolved, if there is such a file: the disk is asked once, not for every run."""
    return path.resolve() if path.exists() else None


def _source_name() -> str:
    path = _first_argument()
    if not path:
        return "<console>" if hasattr(sys, "ps1") else "<stdin>"
    # A path need not be valid UTF-8, a tag must be.
    return _WITHOUT_SCRIPT.get(path) or os.fsencode(path).decode("utf-8", "replace")


def _first_argument() -> str:
    # An interpreter embedded in another program may have no sys.argv, and a script may put anything into it.
    arguments = getattr(sys, "argv", None)
    return str(arguments[0]) if arguments else ""


def _user() -> str:
    # A uid often has no passwd entry in a container: a KeyError up to Python 3.12, an OSError since.
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
    except ImportError:  # no pwd module: Windows
        return "unknown"
