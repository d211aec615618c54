"""Read the first page of a search, then a long series: `--native 1` by Runstone's own route, else page by page."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from bodies import KEY
from connection import API, MSGPACK, NATIVE, Connection
from program import run
from stopwatch import Stopwatch

PAGE = 1000


def main(
    library: str, port: int, experiment_id: str, run_id: str, runs: int, points: int, native: int
) -> dict[str, Any]:
    connection = Connection(port)
    ask_for_page(connection, experiment_id, 1)
    with Stopwatch() as searching:
        page = ask_for_page(connection, experiment_id, PAGE)
    found = [one["data"] for one in json.loads(page)["runs"]]
    shape = (len(found), *({len(one[kind]) for one in found} for kind in ("metrics", "params")))
    if shape != (min(runs, PAGE), {10}, {5}):
        raise SystemExit(f"{library} found (runs, metrics, params) {shape}")
    connection.read("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key={KEY}&max_results=1")
    with Stopwatch() as reading:
        kept = read_native(connection, run_id) if native else connection.count_history(run_id, KEY)
    if kept != points:
        raise SystemExit(f"{library} gave back {kept} of {points} points")
    total = sum(metric["value"] for one in found for metric in one["metrics"])
    return {"search_s": searching.wall_s, "history_s": reading.wall_s, "sum": round(total, 6)}


def ask_for_page(connection: Connection, experiment_id: str, runs: int) -> bytes:
    """The body of a search's first page, unread."""
    asked = {"experiment_ids": [experiment_id], "max_results": runs}
    return connection.read("POST", f"{API}/runs/search", json.dumps(asked).encode())


def read_native(connection: Connection, run_id: str) -> int:
    """How many points the columns of the series have."""
    asked = msgspec.msgpack.encode({"series": [{"run_id": run_id, "key": KEY}]})
    answer = msgspec.msgpack.decode(connection.read("POST", f"{NATIVE}/series", asked, MSGPACK))
    return len(answer["columns"][0]["value"]) // 8


run(main)
