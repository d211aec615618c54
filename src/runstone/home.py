"""The default home: one folder `.runstone/` beside the script, with the database, the artifacts and the journal.

Knows where it lies and how it is made; not what is in the database.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from pathlib import Path

from runstone.errors import StoreUnavailable

__all__ = ["DATABASE_NAME", "HOME_NAME", "default_home", "find_home", "make_home", "start_folder"]

HOME_NAME = ".runstone"
DATABASE_NAME = "runstone.db"


def default_home() -> Path:
    """The home that is there, else the place for a new one: beside the script, or in the working directory."""
    start = start_folder()
    return find_home(start) or start / HOME_NAME


def start_folder() -> Path:
    """The folder of the running script; the working directory for a REPL, a notebook or an installed command."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main and not _is_installed(Path(main)):
        folder = Path(main).absolute().parent
        if folder.is_dir():
            return folder
    return Path.cwd()


def _is_installed(script: Path) -> bool:
    """Whether the script belongs to the Python installation (`runstone`, `pytest`, `python -m ...`), not to a user."""
    paths = sysconfig.get_paths()
    roots = {
        paths["scripts"],
        paths["purelib"],
        paths["platlib"],
        paths["stdlib"],
        sys.prefix,
        site.getuserbase(),
        str(Path(__file__).parent),  # `python -m runstone` of a package that lies in a source tree
    }
    script = script.absolute()
    # Beside the real path, the plain one: a virtual environment's python is often a link out of it.
    return any(Path(root) in path.parents for root in roots for path in (script, script.resolve()))


def find_home(start: Path) -> Path | None:
    """The nearest home in `start` or above it, no further up than the root of the git repository that holds `start`.

    A folder of another user is passed over, as git does: in `/tmp` anybody could have planted it.
    """
    start = start.absolute()
    for folder in (start, *start.parents):
        home = folder / HOME_NAME
        if home.is_dir() and _is_ours(home):
            return home
        if (folder / ".git").exists():
            return None
    return None


def _is_ours(home: Path) -> bool:
    return not hasattr(os, "getuid") or home.stat().st_uid in (os.getuid(), 0) or os.getuid() == 0


def make_home(home: Path) -> None:
    """Make the folder, with a `.gitignore` of its own, where it is missing. Raises StoreUnavailable."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Runs recorded by Runstone; not for the repository.\n*\n")
    except OSError as error:
        raise StoreUnavailable(
            f"Cannot make the folder {home} to record in: {error.strerror}; "
            "make it writable, or record elsewhere with RUNSTONE_TRACKING_URI"
        ) from error
