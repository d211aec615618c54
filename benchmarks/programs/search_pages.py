"""Ask a store for pages of 100 runs, each shape of search with a time limit. The store is open before the clock."""

from __future__ import annotations

from typing import Any

from library import open_client
from program import run
from stopwatch import settle
from tries import median_of_tries

SHAPES: dict[str, tuple[str, list[str]]] = {
    "newest": ("", []),
    "by_metric": ("", ["metrics.m10 DESC"]),
    "filtered": ("metrics.m10 > 0.5 and params.p11 = 'x3'", ["metrics.m12 DESC"]),
    "rare": ("params.rare = 'yes'", ["metrics.m12 DESC"]),
}


def main(library: str, folder: str, runs: int, metrics: int, params: int, tags: int) -> dict[str, Any]:
    client = open_client(library, folder)
    ids = [client.get_experiment_by_name("search").experiment_id]
    client.search_runs(ids, max_results=1)
    settle()
    answer: dict[str, Any] = {}
    for name, (text, order) in SHAPES.items():

        def ask(token: str | None = None, text: str = text, order: list[str] = order) -> Any:
            return client.search_runs(ids, text, max_results=100, order_by=order, page_token=token)

        answer[name], page = median_of_tries(ask)
        if name == "filtered":
            answer["found"] = [] if page is None else [one.info.run_id for one in page[:5]]
            token = page.token if page is not None else None
            answer["deep"] = median_of_tries(lambda token=token: ask(token))[0] if token else None
    return answer


run(main)
