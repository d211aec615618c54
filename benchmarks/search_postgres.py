"""How long does a page of 100 runs take among 100,000 runs of 50 keys, in PostgreSQL?

As in the benchmark before, over one PostgreSQL 18 on the same machine, with the settings that it comes with: a database
for each side, filled anew by SQL with the same values, and vacuumed. The clock starts at `search_runs`, called by a
process that is connected already, and stops when whole runs are there. What takes longer than 60 s is given up and
stands as 60 s.
"""

from __future__ import annotations

from benchmarks.figures import Comparison
from benchmarks.pages import ask_pages, compare_pages
from benchmarks.postgres import postgres_server
from benchmarks.search_scale import SCALE, SIZES
from benchmarks.trials import Trials

__all__ = ["PEER_REPEATS", "SCALE", "SIZES", "measure"]

PEER_REPEATS = 1
_GOALS = {"newest": 25, "by_metric": 25, "filtered": 25, "deep": 15, "rare": 5}


def measure(trials: Trials) -> list[Comparison]:
    sizes = SIZES[trials.size]
    with postgres_server() as server:
        places = {side.library: server.new_database(side) for side in trials.sides}
        for side in trials.sides:
            side.run("search_bulk", folder=places[side.library], **sizes[side.library])
            server.settle(places[side.library])
        return compare_pages(ask_pages(trials, places, sizes, peer_repeats=PEER_REPEATS), _GOALS)
