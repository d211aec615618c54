"""The machine and the versions a benchmark runs on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from benchmarks.figures import Machine
from benchmarks.trials import Side

__all__ = ["describe_machine"]


def describe_machine(sides: tuple[Side, ...]) -> Machine:
    """What it is, now. Where the sides' interpreters differ, `python` and `sqlite` name both."""
    by_library = {side.library: side for side in sides}
    facts = {library: side.run("facts") for library, side in by_library.items()}
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=", ".join(dict.fromkeys(one["python"] for one in facts.values())),
        sqlite=", ".join(dict.fromkeys(one["sqlite"] for one in facts.values())),
        load=round(os.getloadavg()[0], 1),
        versions={library: one["version"] for library, one in facts.items()},
    )


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
