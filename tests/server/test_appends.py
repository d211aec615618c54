"""Writes of many requests in one transaction: nobody suffers for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runstone.connect import open_database
from runstone.entities import Metric
from runstone.errors import NotFound
from runstone.series.points import MetricBatch
from runstone.server.appends import Appends
from runstone.stores.base import Sequenced, Write
from runstone.stores.sql.store import SqlStore
from runstone.tracking.local import LocalTracking


def test_a_write_that_nobody_foresaw_fails_alone(tmp_path: Path) -> None:
    tracking = LocalTracking(SqlStore(open_database(tmp_path / "runs.db"), str(tmp_path)))
    run_id = tracking.create_run("0").info.run_id
    points = MetricBatch.of_metrics([Metric("m", 1.0, 1, 1)])

    def writes() -> list[Callable[[], Write]]:
        return [
            lambda: Write(run_id=run_id, params={"a": "1"}),
            # A sequence that no column holds: what checks the requests would not have let it come here.
            lambda: Write(run_id=run_id, metrics=points, sequenced=Sequenced("w", 1, 1 << 70)),
            lambda: Write(run_id="0" * 32, params={"b": "1"}),
            lambda: Write(run_id=run_id, params={"c": "1"}),
        ]

    async def submit() -> list[BaseException | None]:
        with ThreadPoolExecutor(1) as executor:
            appends = Appends(tracking, executor)
            return await asyncio.gather(*map(appends.submit, writes()), return_exceptions=True)

    outcomes = asyncio.run(submit())
    assert [type(outcome) for outcome in outcomes] == [type(None), OverflowError, NotFound, type(None)]
    assert tracking.get_run(run_id).data.params == {"a": "1", "c": "1"}
    tracking.close()
