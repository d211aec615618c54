"""Fuzz for a while: `python -m tests.fuzz [TARGET ...] --minutes 5`. Prints how many cases, and what was found."""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import traceback

from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of {list(TARGETS)}; all by default")
    parser.add_argument("--minutes", type=float, default=5, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    # What an input of a few kilobytes makes the process take beyond this is a finding, too.
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    return sum(fuzz(name, given.minutes * 60, given.seed) for name in given.targets or TARGETS)


def fuzz(name: str, seconds: float, seed: int) -> int:
    """How many kinds of findings there are; each is printed once."""
    target, until, cases, found = TARGETS[name], time.monotonic() + seconds, 0, set()
    while time.monotonic() < until:
        draw = random.Random(f"{name} {seed} {cases}")
        case = target.make(draw)
        try:
            target.run(case)
        except target.expected:
            pass
        except Exception as error:  # noqa: BLE001  any other is a finding
            where = traceback.extract_tb(error.__traceback__)[-1]
            if (kind := (type(error), where.filename, where.lineno)) not in found:
                found.add(kind)
                print(f"{name}: case {cases}: {case!r:.2000}")
                traceback.print_exception(error)
        cases += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{name}: {cases:,} cases, {len(found)} findings, at most {peak} MiB in the process", flush=True)
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
