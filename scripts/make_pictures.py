"""Draws the pictures of the documentation: real commands in a real (pseudo-)terminal, as SVG.

    python scripts/make_pictures.py

Runs `runstone demo` in a fresh folder, which takes some seconds, and then the commands of each picture there. Needs a
POSIX system and the environment of the tests. The pictures differ a little each time: run ids, durations.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
COLUMNS = 100

PICTURES = {
    "demo.svg": [
        "runstone search \"params.model = 'forest' OR min(metrics.val_loss) < 0.3\" \\\n"
        "    -o 'metrics.val_accuracy DESC' -c 'name,params.model,metrics.val_accuracy,metrics.val_loss'",
        'runstone metrics list "mlp 64 0.03"',
    ],
    "run.svg": ['runstone runs show "mlp 64 0.03"'],
}

THEME = TerminalTheme(
    (30, 34, 40),
    (215, 218, 224),
    [(60, 66, 76), (224, 108, 117), (152, 195, 121), (229, 192, 123),
     (97, 175, 239), (198, 120, 221), (86, 182, 194), (171, 178, 191)],
    [(92, 99, 112), (240, 130, 138), (170, 214, 140), (240, 206, 140),
     (120, 190, 250), (212, 140, 235), (110, 200, 210), (255, 255, 255)],
)  # fmt: skip
FONT = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"


def main() -> None:
    """Write every picture."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # A repository's root, so that no other store is found above it.
        home.joinpath("project", ".git").mkdir(parents=True)
        _install_command(home / "bin")
        _run("runstone demo", home)
        for name, commands in PICTURES.items():
            screen = "\n".join(f"\x1b[1;32m$\x1b[0m {command}\n{_run(command, home)}" for command in commands)
            IMAGES.joinpath(name).write_text(_draw(screen.rstrip(), name), encoding="utf-8")


def _install_command(folder: Path) -> None:
    folder.mkdir()
    command = folder / "runstone"
    command.write_text(f"#!{sys.executable}\nfrom runstone.cli import main\n\nmain()\n", encoding="utf-8")
    command.chmod(0o755)


def _run(command: str, home: Path) -> str:
    """What a terminal of COLUMNS columns shows of the command, with its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "USER": "ada", "LOGNAME": "ada"}
    environment.update(PATH=f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", COLUMNS=str(COLUMNS))
    # The default place of an installed command, which ours is not.
    environment["RUNSTONE_TRACKING_URI"] = ".runstone"
    # Progress bars and notes are for stderr, which no picture shows.
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=home / "project",
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    shown = _read_all(ours)
    _, said = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{command} failed:\n{shown}{said.decode()}")
    return shown.replace(str(home), "/home/ada")


def _read_all(terminal: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # the other side is closed
            part = b""
        if not part:
            return b"".join(parts).decode().replace("\r\n", "\n")
        parts.append(part)


def _draw(screen: str, name: str) -> str:
    lines = _without_trailing_space(screen.split("\n"))
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    svg = console.export_svg(title="runstone", theme=THEME, unique_id=name.partition(".")[0])
    # No request to anybody else's server: the fonts that the reader has will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", FONT)


def _without_trailing_space(lines: Sequence[str]) -> list[str]:
    return [re.sub(r"\s+((?:\x1b\[[\d;]*m)*)$", r"\1", line) for line in lines]


if __name__ == "__main__":
    main()
