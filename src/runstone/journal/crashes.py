"""Why a process has died without a word: what it has left in its spool, and what the machine still tells.

Knows spools, no tracker.
"""

from __future__ import annotations

import datetime
import faulthandler
import os
import socket
from pathlib import Path
from typing import TextIO

from runstone import tag_names
from runstone.journal.spool import About, Spool
from runstone.validation import MAX_TAG_VALUE_LENGTH

__all__ = ["boot_id", "count_oom_kills", "host_name", "reasons", "stop_watching", "watch_for_crashes"]

_FILE = "crash.txt"
_FATAL = "Fatal Python error: "

_watched: TextIO | None = None


def watch_for_crashes(folder: Path) -> None:
    """Have the interpreter write into a spool's folder what it dies of, such as a segmentation fault.

    Where the program has asked for that itself (`faulthandler.enable`, `python -X faulthandler`), it is left alone.
    """
    global _watched
    if faulthandler.is_enabled() and _watched is None:
        return
    try:
        file = (folder / _FILE).open("w", encoding="utf-8")
    except OSError:
        return
    faulthandler.enable(file)
    before, _watched = _watched, file
    if before is not None:
        before.close()


def stop_watching() -> None:
    """In a forked child: the file is its parent's."""
    global _watched
    if _watched is not None:
        faulthandler.disable()
        _watched.close()
        _watched = None


def reasons(spool: Spool) -> dict[str, str]:
    """Tags that tell of the end of a process that could not do so itself."""
    crash = _read(spool.folder / _FILE)
    if crash.startswith(_FATAL):
        what = f"signal: {crash.splitlines()[0].removeprefix(_FATAL)}"
        tags = {tag_names.TRACEBACK: crash[:MAX_TAG_VALUE_LENGTH]}
    else:
        what, tags = _guess(spool.about), {}
    return {tag_names.END_REASON: f"{what}: {_circumstances(spool)}", **tags}


def _guess(about: About) -> str:
    if about.boot != boot_id():
        return "the machine was restarted"
    kills = count_oom_kills()
    if kills is not None and about.oom_kills is not None and kills > about.oom_kills:
        return "killed, probably for lack of memory"
    if about.pid == os.getpid():
        return "the program was replaced by another (exec)"
    return "killed, or ended without a word (os._exit)"


def _circumstances(spool: Spool) -> str:
    when = datetime.datetime.fromtimestamp(spool.heartbeat / 1000, datetime.timezone.utc).isoformat(timespec="seconds")
    step = spool.last_step()
    last_step = "" if step is None else f", last step {step}"
    return f"process {spool.about.pid} on {spool.about.host.split()[0]}{last_step}, last heard of at {when}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def host_name() -> str:
    """This machine, by its name and its id where it has one."""
    return f"{socket.gethostname()} {_read(Path('/etc/machine-id')).strip()}".strip()


def boot_id() -> str:
    """This start of the machine; "" where it cannot be told."""
    return _read(Path("/proc/sys/kernel/random/boot_id")).strip()


def count_oom_kills() -> int | None:
    """How many processes of this control group were killed for lack of memory; None where nobody counts."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        for line in _read(Path(path)).splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None
