"""A real Chromium: the machine's, or else the one that the npm package @sparticuz/chromium carries."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

from hatch_build import npm_command, run_npm

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / "build" / "browser"

ARGUMENTS = [
    "--no-sandbox",  # tests may run as root, in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-prefers-reduced-motion",
]


def install_tools() -> None:
    """The packages of package-lock.json in build/browser, unless they are there already."""
    packages = (HERE / "package-lock.json").read_text(encoding="utf-8")
    done = TOOLS / "installed.json"
    TOOLS.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes, and `npm ci` empties the folder before it fills it.
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.is_file() and done.read_text(encoding="utf-8") == packages:
            return
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, TOOLS)
        run_npm("ci", folder=TOOLS)
        done.write_text(packages, encoding="utf-8")


def chromium_path() -> str:
    """An executable Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    script = "import c from '@sparticuz/chromium'; console.log(JSON.stringify(await c.executablePath()))"
    command, environment = npm_command()
    node = command[0] if len(command) > 1 else "node"
    done = subprocess.run(
        [node, "--input-type=module", "-e", script],
        cwd=TOOLS,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(done.stdout))


def axe_source() -> str:
    """The accessibility checker as a script."""
    return (TOOLS / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
