"""Curves from SQLite: they say what memory says, and decode no chunk that lies inside a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.entities import RunStatus
from runstone.errors import StoreCorrupt
from runstone.naming import new_run_id
from runstone.series.codec import MAX_CHUNK_POINTS
from runstone.series.curves import Curve, CurveQuery
from runstone.series.points import MetricBatch, Points
from runstone.stores.base import NewRun, Store
from runstone.stores.memory import MemoryStore
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.store_records import add_run
from tests.series.drawing import metrics_of, sorting_value, values

ROOT = "file:///root"
MILLION = 1 << 20


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    store = SqlStore(SqliteDatabase(tmp_path_factory.mktemp("curves") / "runs.db"), ROOT)
    yield store
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(SqliteDatabase(tmp_path / "runs.db"), ROOT)
    yield store
    store.close()


def told(curves: list[Curve]) -> list[tuple[object, ...]]:
    """All that curves say, as rows that can be compared."""
    found = []
    for curve in curves:
        columns = [getattr(curve.buckets, name).tolist() for name in curve.buckets.__struct_fields__]
        rows = [(*row[:3], *map(sorting_value, row[3:6]), row[6]) for row in zip(*columns, strict=True)]
        found.append((curve.key, curve.low, curve.high, curve.x.tolist(), rows))
    return found


small = st.integers(-3, 60)
points = st.tuples(st.sampled_from("ab"), st.tuples(small, small, values))
long_series = st.tuples(st.integers(0, 3000), st.integers(0, 100), st.sampled_from([1, -1])).map(
    lambda drawn: [("a", (drawn[0] + row, drawn[1] + drawn[2] * row, float(row % 7))) for row in range(600)]
)
acts = st.lists(st.just("fold") | st.lists(points, min_size=1, max_size=12) | long_series, max_size=6)
queries = st.builds(
    CurveQuery,
    run_ids=st.just(("run",)),
    keys=st.sampled_from([("a",), ("b", "a"), ("none", "a")]),
    axis=st.sampled_from(["step", "time", "relative"]),
    from_x=st.none() | st.integers(-50, 700),
    to_x=st.none() | st.integers(-50, 700),
    buckets=st.integers(1, 40),
)


@settings(deadline=None, max_examples=60)
@given(acts, st.none() | st.integers(-10, 100), st.lists(queries, min_size=3, max_size=6))
def test_a_curve_is_that_of_all_points_whatever_has_been_folded(sqlite, acts, start_time, queries):
    memory = MemoryStore(ROOT)
    run_id = new_run_id()
    stores: list[Store] = [memory, sqlite]
    for store in stores:
        store.create_run(
            NewRun(
                run_id=run_id, experiment_id="0", run_name="n", user_id="u", status=RunStatus.RUNNING,
                start_time=start_time, tags={},
            )
        )  # fmt: skip
        for act in acts:
            if act == "fold":
                store.fold(run_id)
            else:
                store.log_batch(run_id, metrics=MetricBatch.of_metrics(metrics_of(act)))
    for query in queries:
        query = CurveQuery(
            run_ids=(run_id,), keys=query.keys, axis=query.axis, from_x=query.from_x, to_x=query.to_x,
            buckets=query.buckets,
        )  # fmt: skip
        assert told(sqlite.read_curves(query)) == told(memory.read_curves(query))


def fill(store: SqlStore, count: int) -> str:
    run_id = add_run(store)
    step = np.arange(count, dtype=np.int64)
    column = Points(step, 10_000 + 3 * step, np.sin(step / 1000))
    store.log_batch(run_id, metrics=MetricBatch.of_points("m", column))
    store.fold(run_id)
    return run_id


def spoil_chunks(store: SqlStore, condition: str) -> int:
    """Make chunks unreadable; how many."""
    with store.database.write() as tx:
        return tx.run(f"UPDATE chunks SET data = x'00' WHERE {condition}")


@pytest.mark.parametrize(("axis", "scale", "shift"), [("step", 1, 0), ("time", 3, 10_000)])
def test_chunks_that_lie_inside_a_bucket_are_not_decoded(store: SqlStore, axis: str, scale: int, shift: int) -> None:
    run_id = fill(store, MILLION)
    queries = [
        CurveQuery(run_ids=(run_id,), keys=("m",), axis=axis, buckets=buckets)  # type: ignore[arg-type]
        for buckets in (1, 16, 128)
    ]
    whole = [told(store.read_curves(query)) for query in queries]
    # Some 128 full chunks, and as many buckets: no edge falls within a chunk.
    assert spoil_chunks(store, "1 = 1") == MILLION // MAX_CHUNK_POINTS
    # One step further on the axis and each edge does.
    crossing = CurveQuery(
        run_ids=(run_id,),
        keys=("m",),
        axis=axis,
        from_x=shift + scale,
        to_x=shift + scale * (MILLION - 2),
        buckets=3,  # type: ignore[arg-type]
    )

    assert [told(store.read_curves(query)) for query in queries] == whole
    with pytest.raises(StoreCorrupt, match="the series 'm' of run"):
        store.read_curves(crossing)


def test_a_range_of_steps_decodes_only_its_own_chunks(store: SqlStore) -> None:
    run_id = fill(store, 10 * MAX_CHUNK_POINTS)
    first, last = 3 * MAX_CHUNK_POINTS, 5 * MAX_CHUNK_POINTS - 1

    assert spoil_chunks(store, f"last_step < {first} OR first_step > {last}") == 8

    assert len(store.read_series(run_id, "m", from_step=first, to_step=last)) == 2 * MAX_CHUNK_POINTS
    (curve,) = store.read_curves(CurveQuery(run_ids=(run_id,), keys=("m",), from_x=first, to_x=last, buckets=7))
    assert int(curve.buckets.count.sum()) == 2 * MAX_CHUNK_POINTS
    with pytest.raises(StoreCorrupt):
        store.read_series(run_id, "m", from_step=first - 1, to_step=last)


def test_chunks_of_an_older_version_are_decoded(store: SqlStore) -> None:
    run_id = fill(store, 3 * MAX_CHUNK_POINTS)
    queries = [
        CurveQuery(run_ids=(run_id,), keys=("m",), axis=axis, buckets=5)  # type: ignore[arg-type]
        for axis in ("step", "time", "relative")
    ]
    whole = [told(store.read_curves(query)) for query in queries]
    with store.database.write() as tx:
        tx.run("UPDATE chunks SET min_timestamp = NULL, max_timestamp = NULL, has_nan = NULL")

    assert [told(store.read_curves(query)) for query in queries] == whole


def test_a_run_of_several_thousand_keys_gives_curves_of_some(store: SqlStore) -> None:
    run_id = add_run(store)
    keys = [f"layer/{number}" for number in range(3000)]
    for step in range(3):
        store.log_batch(run_id, metrics=MetricBatch.of_lists(keys, [step] * 3000, [step] * 3000, [float(step)] * 3000))

    curves = store.read_curves(CurveQuery(run_ids=(run_id,), keys=tuple(keys[:100]), buckets=10))

    assert [curve.key for curve in curves] == keys[:100]
    assert {tuple(curve.buckets.last.tolist()) for curve in curves} == {(0.0, 1.0, 2.0)}
