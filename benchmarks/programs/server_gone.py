"""A loop of iterations of the same work that logs to a server, from when it says so until it is told to stop."""

from __future__ import annotations

import hashlib
import os
import time
from array import array
from pathlib import Path
from typing import Any

from program import run

BYTES, COUNTED = 4 << 20, 20_000


def main(library: str, folder: str, port: int, keys: int, started: str, stop: str) -> dict[str, Any]:
    os.environ["RUNSTONE_JOURNAL"] = str(Path(folder) / "journal")
    import runstone

    runstone.set_tracking_uri(f"http://127.0.0.1:{port}")
    names = [f"metric_{number}" for number in range(keys)]
    content = bytes(BYTES)
    with runstone.start_run():
        runstone.log_metrics({name: float(number) for number, name in enumerate(names)}, step=0)
        runstone.flush()
        Path(started).touch()
        step, marks, parent = 0, array("d", [time.monotonic()]), os.getppid()
        while not os.path.exists(stop) and os.getppid() == parent:  # noqa: PTH110  some microseconds less
            hashlib.sha256(content).digest()
            sum(range(COUNTED))
            step += 1
            runstone.log_metrics({name: float(step + number) for number, name in enumerate(names)}, step=step)
            marks.append(time.monotonic())
        if not runstone.flush():
            raise SystemExit("not all that was logged is delivered")
    return {"marks": marks.tolist()}


run(main)
