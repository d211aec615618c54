"""What the process and its children write to stdout and stderr, kept as files of the run while it is written.

The two are led through a process of their own (`tee`), which passes everything on at once. Knows files, not runs.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runstone.capture import tee
from runstone.context.notebook import get_shell

__all__ = ["FOLDER", "Console"]

logger = logging.getLogger("runstone.capture")

FOLDER = "console"
PERIOD_S = 2.0
_END_WAIT_S = 2.0
_lock = threading.Lock()
_busy: list[int] = []
"""The process whose console is being captured: one run at a time."""


class Console:
    """Its files grow in `folder` under their paths in the run; `store(content, path)` takes each as it is."""

    def __init__(self, folder: Path, store: Callable[[bytes, str], None]) -> None:
        self._folder = folder / FOLDER
        self._store = store
        self._sizes: dict[str, int] = {}
        self._saved: list[tuple[int, int]] = []
        self._sources: list[int] = []
        self._tee: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def start(self) -> bool:
        """Whether the console is captured from now on: not in a notebook, nor where another run has it."""
        if os.name != "posix" or get_shell() is not None:
            return False
        with _lock:
            if _busy and _busy[0] == os.getpid():
                return False
            _busy[:] = [os.getpid()]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lead_through_tee()
        except OSError as error:
            logger.warning("the console is not captured: %s", error)
            _busy.clear()
            return False
        self._thread = threading.Thread(target=self._run, name="runstone-console", daemon=True)
        self._thread.start()
        return True

    def stop(self) -> None:
        """Give the console back, and store what was written last."""
        self._give_back()
        self._stopped.set()
        if self._tee is not None:
            with suppress(subprocess.TimeoutExpired):  # a child still writes; its words are passed on, and not kept
                self._tee.wait(_END_WAIT_S)
        if self._thread is not None:
            self._thread.join(_END_WAIT_S)
        self._store_what_is_new()

    # -- the two streams

    def _lead_through_tee(self) -> None:
        _flush()
        pairs, targets = [], []
        for number in (1, 2):
            try:
                kept = os.dup(number)
            except OSError:
                continue  # closed: a daemon
            source, target = os.openpty() if os.isatty(kept) else os.pipe()
            if os.isatty(target):
                _behave_as(kept, target)
            self._saved.append((number, kept))
            self._sources.append(source)
            targets.append((number, target))
            pairs.append(f"{source}:{kept}")
        # Our own ends stay open: were the program killed, writing would still not fail, until `_run` notices.
        self._tee = subprocess.Popen(
            [sys.executable, "-I", "-S", tee.__file__, str(self._folder), *pairs],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[*self._sources, *(kept for _, kept in self._saved)],
            start_new_session=True,
        )
        for number, target in targets:
            os.dup2(target, number)
            os.close(target)

    def _give_back(self) -> None:
        if self._pid != os.getpid():
            return
        with _lock:
            saved, self._saved = self._saved, []
            if not saved:
                return
            _flush()
            for number, kept in saved:
                os.dup2(kept, number)
                os.close(kept)
            for source in self._sources:
                os.close(source)
            _busy.clear()

    # -- the files

    def _run(self) -> None:
        assert self._tee is not None
        while not self._stopped.wait(PERIOD_S):
            if self._tee.poll() is not None:
                self._give_back()
                logger.warning("the console is captured no longer: its program was ended")
                return
            self._store_what_is_new()

    def _store_what_is_new(self) -> None:
        try:
            for path in sorted(self._folder.glob("*.log")):
                content = path.read_bytes()
                if len(content) != self._sizes.get(path.name):
                    self._store(content, f"{FOLDER}/{path.name}")
                    self._sizes[path.name] = len(content)
        except Exception as error:
            logger.warning("the console could not be stored: %s: %s", type(error).__name__, error)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _behave_as(terminal: int, other: int) -> None:
    """The other terminal has the size of this one, and passes on every byte as it is."""
    import fcntl
    import termios

    attributes = termios.tcgetattr(other)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(other, termios.TCSANOW, attributes)
    with suppress(OSError):
        fcntl.ioctl(other, termios.TIOCSWINSZ, fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
