"""A real Chromium: the machine's, or else the one that the npm package @sparticuz/chromium carries."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.npm import BUILD, install_packages, node_command

TOOLS = BUILD / "browser"

ARGUMENTS = [
    "--no-sandbox",  # tests may run as root, in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-prefers-reduced-motion",
]


def install_tools() -> None:
    """The packages of package-lock.json."""
    install_packages(Path(__file__).parent, TOOLS)


def chromium_path() -> str:
    """An executable Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    script = "import c from '@sparticuz/chromium'; console.log(JSON.stringify(await c.executablePath()))"
    node, environment = node_command()
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
