"""How long does a page of 100 runs take among a million runs of 50 keys?

Runstone alone, in SQLite and in PostgreSQL 18: MLflow's tables of as many runs take hours to fill. The searches, the
clock and the filling are those of the two benchmarks before; the SQLite file is kept for the next time.
"""

from __future__ import annotations

from benchmarks.figures import Comparison
from benchmarks.pages import ask_pages, compare_pages, filled_folder
from benchmarks.postgres import postgres_server
from benchmarks.search_scale import SCALE
from benchmarks.trials import Sizes, Trials

__all__ = ["PEER_REPEATS", "SCALE", "SIZES", "measure"]

SIZES: Sizes = {
    "full": {"runstone": {"runs": 1_000_000, "metrics": 25, "params": 20, "tags": 5}},
    "tiny": {"runstone": {"runs": 3_000, "metrics": 3, "params": 2, "tags": 1}},
}
PEER_REPEATS = 1
_GOALS = {"newest": 60, "by_metric": 60, "filtered": 60, "deep": 25, "rare": 15}


def measure(trials: Trials) -> list[Comparison]:
    sizes, side = SIZES[trials.size], trials.client
    file = {side.library: filled_folder(trials, side, sizes[side.library])}
    in_sqlite = ask_pages(trials, file, sizes, peer_repeats=PEER_REPEATS)
    with postgres_server() as server:
        database = {side.library: server.new_database(side)}
        side.run("search_bulk", folder=database[side.library], **sizes[side.library])
        server.settle(database[side.library])
        in_postgres = ask_pages(trials, database, sizes, peer_repeats=PEER_REPEATS)
    return [
        *compare_pages(in_sqlite, _GOALS, where="SQLite: "),
        *compare_pages(in_postgres, _GOALS, where="PostgreSQL: "),
    ]
