"""Programs that come from npm, as a folder's package-lock.json pins them."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from hatch_build import npm_command, run_npm

__all__ = ["BUILD", "install_packages", "node_command"]

BUILD = Path(__file__).resolve().parents[1] / "build"


def install_packages(source: Path, target: Path) -> None:
    """The packages of the source's package-lock.json in the target, unless they are there already."""
    packages = (source / "package-lock.json").read_text(encoding="utf-8")
    done = target / "installed.json"
    target.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes, and `npm ci` empties the folder before it fills it.
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.is_file() and done.read_text(encoding="utf-8") == packages:
            return
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(source / name, target)
        run_npm("ci", folder=target)
        done.write_text(packages, encoding="utf-8")


def node_command() -> tuple[str, dict[str, str]]:
    """How node is called, and with which environment."""
    command, environment = npm_command()
    return command[0] if len(command) > 1 else "node", environment
