"""The tables of runs' contents, partitioned by run as a distributed engine shards them: each act on a run is one's.

The statements that partition them stand in docs/guides/distributed.md, and are taken from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runstone.entities import Dataset, DatasetInput, RunStatus
from runstone.stores.base import Sequenced, Write
from runstone.stores.sql.database import Arguments, Row, Transaction, insertion
from runstone.stores.sql.postgres import PostgresDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.store_records import add_run
from tests.postgres.places import batch, points_of

pytestmark = pytest.mark.xdist_group("postgres")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "distributed.md"
HOT = ("params", "tags", "series", "chunks", "batches", "writers")
PARTITIONS = 8


class Explaining:
    """A database that notes which partitions each statement really touches."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self.touched: list[tuple[str, set[str]]] = []

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._database.read() as tx:
            yield _ExplainedTransaction(tx, self.touched)

    @contextmanager
    def write(self, *, locks_runs: bool = False) -> Iterator[Transaction]:
        with self._database.write(locks_runs=locks_runs) as tx:
            yield _ExplainedTransaction(tx, self.touched)

    def close(self) -> None:
        self._database.close()


class _ExplainedTransaction:
    def __init__(self, tx: Transaction, touched: list[tuple[str, set[str]]]) -> None:
        self._tx = tx
        self._touched = touched
        self.dialect = tx.dialect
        self.revision = tx.revision

    def _explain(self, sql: str, arguments: Arguments) -> None:
        if not re.search(rf"\b({'|'.join(HOT)})\b", sql):
            return
        can_repeat = sql.startswith("SELECT")  # others are planned, not carried out
        options = "ANALYZE, FORMAT JSON" if can_repeat else "FORMAT JSON"
        row = self._tx.row(f"EXPLAIN ({options}) {sql}", arguments)
        assert row is not None
        self._touched.append((sql, set(_partitions(row[0][0]["Plan"]))))

    def rows(self, sql: str, arguments: Arguments = ()) -> list[Row]:
        self._explain(sql, arguments)
        return self._tx.rows(sql, arguments)

    def each(self, sql: str, arguments: Arguments = ()) -> Iterator[Row]:
        self._explain(sql, arguments)
        return self._tx.each(sql, arguments)

    def row(self, sql: str, arguments: Arguments = ()) -> Row | None:
        self._explain(sql, arguments)
        return self._tx.row(sql, arguments)

    def run(self, sql: str, arguments: Arguments = ()) -> int:
        self._explain(sql, arguments)
        return self._tx.run(sql, arguments)

    def run_many(self, sql: str, arguments: Iterable[Arguments]) -> None:
        for one in arguments:
            self.run(sql, one)

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self.run_many(insertion(table, columns), rows)


def _partitions(plan: dict[str, Any]) -> Iterator[str]:
    if plan.get("Actual Loops", 1) and re.fullmatch(r"\w+_\d", plan.get("Relation Name", "")):
        yield plan["Relation Name"]
    for child in plan.get("Plans", ()):
        yield from _partitions(child)


@pytest.fixture
def partitioned(url: str) -> str:
    """A database whose hot tables are in parts."""
    (statements,) = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    with psycopg.connect(url) as connection:
        connection.execute(statements)
    return url


@pytest.fixture
def database(partitioned: str) -> Iterator[Explaining]:
    database = Explaining(PostgresDatabase(partitioned))
    yield database
    database.close()


def test_each_act_on_a_run_touches_one_partition_of_each_table(database: Explaining, partitioned: str) -> None:
    store = SqlStore(database, "file:///root")
    run_ids = [add_run(store, f"run{number}") for number in range(40)]
    for run_id in run_ids:
        word = Sequenced("first", 1, 10)
        store.log_batch(run_id, metrics=batch("m", 0, 10), params={"p": "1"}, tags={"t": "1"}, sequenced=word)
    with psycopg.connect(partitioned, autocommit=True) as connection:
        connection.execute("ANALYZE")
        spread = connection.execute("SELECT count(DISTINCT tableoid) FROM batches").fetchone()
        assert spread is not None and spread[0] > PARTITIONS / 2
    database.touched.clear()

    run_id = run_ids[7]
    for first in (0, 10):  # the second comes to what is there
        word = Sequenced("w", first + 1, first + 10)
        texts = {f"p{first}": "1"}
        write = Write(
            run_id=run_id, metrics=batch("m", first, 10), params=texts, tags=texts, sequenced=word, heard_at=1
        )
        assert store.log_batches([write]) == [None]
    store.log_batch(run_id, metrics=batch("long", 0, 2_000))
    store.fold(run_id)
    store.log_batch(run_id, metrics=batch("m", 5, 10))  # to be rewritten by folding
    store.fold(run_id)
    store.log_inputs(run_id, [DatasetInput(Dataset("iris", "d", "local", "/data"))])
    assert points_of(store, run_id, "m").step.tolist() == [*range(20)]
    assert len(store.read_series(run_id, "long", from_step=100, to_step=200)) == 101
    assert store.get_run(run_id).data.params == {"p": "1", "p0": "1", "p10": "1"}
    store.set_run_status(run_id, RunStatus.FINISHED, end_time=1)

    tables = {name.rpartition("_")[0] for _, touched in database.touched for name in touched}
    assert tables == {*HOT}
    wide = [
        (sql, touched)
        for sql, touched in database.touched
        if len(touched) != len({name.rpartition("_")[0] for name in touched})
    ]
    assert wide == []
