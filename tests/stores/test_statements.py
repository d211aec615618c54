"""How many statements an act takes, and by which index each finds its rows: so a store stays quick as it grows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runstone.entities import Dataset, DatasetInput, InputTag, Metric, RunStatus
from runstone.filters import parse_run_filter, parse_run_order
from runstone.series.points import MetricBatch
from runstone.stores.base import RunQuery, Sequenced, Write
from runstone.stores.sql.database import Arguments, Database, Row, Transaction, insertion
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.testing.store_records import RUN_ID, add_run

Statement = tuple[str, Arguments]


class Recorder:
    """A database that remembers its statements; one with many rows of arguments counts once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[Statement] = []

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._database.read() as tx:
            yield _RecordedTransaction(tx, self.statements)

    @contextmanager
    def write(self, *, locks_runs: bool = False) -> Iterator[Transaction]:
        with self._database.write(locks_runs=locks_runs) as tx:
            yield _RecordedTransaction(tx, self.statements)

    def close(self) -> None:
        self._database.close()

    def plans(self) -> list[str]:
        """How SQLite finds the rows of every statement so far."""
        with self._database.read() as tx:
            return [
                row[3] for sql, arguments in self.statements for row in tx.rows(f"EXPLAIN QUERY PLAN {sql}", arguments)
            ]


class _RecordedTransaction:
    def __init__(self, tx: Transaction, statements: list[Statement]) -> None:
        self._tx = tx
        self._statements = statements
        self.dialect = tx.dialect
        self.revision = tx.revision

    def rows(self, sql: str, arguments: Arguments = ()) -> list[Row]:
        self._statements.append((sql, arguments))
        return self._tx.rows(sql, arguments)

    def each(self, sql: str, arguments: Arguments = ()) -> Iterator[Row]:
        self._statements.append((sql, arguments))
        return self._tx.each(sql, arguments)

    def row(self, sql: str, arguments: Arguments = ()) -> Row | None:
        self._statements.append((sql, arguments))
        return self._tx.row(sql, arguments)

    def run(self, sql: str, arguments: Arguments = ()) -> int:
        self._statements.append((sql, arguments))
        return self._tx.run(sql, arguments)

    def run_many(self, sql: str, arguments: Iterable[Arguments]) -> None:
        arguments = list(arguments)
        self._statements += [(sql, arguments[0])] if arguments else []
        self._tx.run_many(sql, arguments)

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._statements += [(insertion(table, columns), rows[0])] if rows else []
        self._tx.insert_many(table, columns, rows)


@pytest.fixture
def database(tmp_path: Path, empty_file: Path) -> Iterator[Recorder]:
    recorder = Recorder(SqliteDatabase(Path(shutil.copy(empty_file, tmp_path / "runs.db"))))
    with closing(recorder):
        yield recorder


@pytest.fixture
def store(database: Recorder) -> SqlStore:
    """Twenty runs with a few of everything."""
    store = SqlStore(database, "file:///root")
    for number in range(20):
        run_id = add_run(store, f"run{number}", start_time=number)
        texts = {f"k{key}": str(key) for key in range(5)}
        store.log_batch(run_id, metrics=metrics(5, 20), params=texts, tags=texts)
        store.log_inputs(run_id, [DatasetInput(Dataset("iris", "d", "local", "/data"), (InputTag("a", "b"),))])
        store.fold(run_id)
    add_run(store)
    database.statements.clear()
    return store


def metrics(keys: int, points: int) -> MetricBatch:
    return MetricBatch.of_metrics(
        Metric(f"k{key}", float(step), step, step) for key in range(keys) for step in range(points)
    )


def count(database: Recorder, act: Callable[[], object]) -> int:
    database.statements.clear()
    act()
    return len(database.statements)


def test_a_page_of_runs_takes_as_many_statements_whatever_its_size(database: Recorder, store: SqlStore) -> None:
    for search in (store.search_runs, store.search_run_table):
        filled_1, filled_2, filled_20, last = (
            count(database, lambda of=(search, size): of[0](RunQuery(experiment_ids=("0",), max_results=of[1])))
            for size in (1, 2, 20, 1_000)
        )
        assert filled_1 == filled_2 == filled_20 <= 10
        assert last == filled_20 + 1  # runs without a start time come behind the others, along another index


def test_a_batch_takes_as_many_statements_whatever_its_keys_and_points(database: Recorder, store: SqlStore) -> None:
    texts = [{f"x{size}-{key}": "1" for key in range(size)} for size in (1, 300)]
    small = count(database, lambda: store.log_batch(RUN_ID, metrics=metrics(1, 1), params=texts[0], tags=texts[0]))
    large = count(database, lambda: store.log_batch(RUN_ID, metrics=metrics(300, 50), params=texts[1], tags=texts[1]))
    assert small == large <= 10
    assert sum("INSERT INTO batches" in sql for sql, _ in database.statements) == 1


def test_a_point_takes_few_statements(database: Recorder, store: SqlStore) -> None:
    assert count(database, lambda: store.log_batch(RUN_ID, metrics=metrics(1, 1))) <= 5


def test_what_a_writer_sends_takes_as_few_and_that_it_lives_takes_two(database: Recorder, store: SqlStore) -> None:
    def send(first: int, last: int, batch: MetricBatch | None) -> Callable[[], object]:
        return lambda: store.log_batch(RUN_ID, metrics=batch, sequenced=Sequenced("w", first, last))

    for step in range(3):
        assert count(database, send(step + 1, step + 1, metrics(1, 1))) <= 6
    assert count(database, send(3, 3, None)) == 2
    assert count(database, send(2, 2, metrics(1, 1))) == 2


def test_looking_for_silent_runs_is_one_statement_over_the_running_ones(database: Recorder, store: SqlStore) -> None:
    store.log_batches([Write(run_id=RUN_ID, sequenced=Sequenced("w", 1, 1), heard_at=10)])
    assert count(database, lambda: store.fail_silent_runs(heard_before=10)) == 1
    looks = [plan for plan in database.plans() if plan.startswith(("SCAN", "SEARCH"))]
    assert re.match(r"SEARCH (TABLE )?runs USING INDEX runs_by_status \(status=\?\)", looks[0])
    assert re.match(r"SEARCH (TABLE )?writers USING PRIMARY KEY \(run=\?\)", looks[1])


def test_reading_a_series_takes_as_many_statements_whatever_its_length(database: Recorder, store: SqlStore) -> None:
    short = count(database, lambda: store.read_series("run0", "k0"))
    store.log_batch("run0", metrics=metrics(2, 30_000))
    store.fold("run0")
    store.log_batch("run0", metrics=metrics(2, 1_000))
    assert count(database, lambda: store.read_series("run0", "k0")) == short <= 6


SEARCHES = (
    ("", []),
    ("metrics.k0 > 1 AND params.k1 = '1' OR NOT tags.k2 LIKE '%'", ["metrics.k1 DESC"]),
    ("params.k0 < 5 AND count(metrics.k0) > 1", ["params.k1", "tags.k2 DESC", "min(metrics.k3)"]),
    ("datasets.name = 'iris' AND datasets.context IS NULL", ["start_time"]),
    ("run_id IN ('a', 'b') AND status = 'RUNNING'", ["artifact_uri", "end_time DESC"]),
    ("params.k0 IS NULL AND tags.k0 IS NOT NULL AND metrics.k9 IS NULL", ["run_name"]),
)


def use_everything(store: SqlStore) -> None:
    for text, order in SEARCHES:
        query = RunQuery(
            experiment_ids=("0",), filter=parse_run_filter(text), order=parse_run_order(order), max_results=3
        )
        token = store.search_runs(query).token
        store.search_run_table(RunQuery(**{**_fields(query), "page_token": token}))
    texts = {"k0": "0", "new": "1"}
    store.log_batch("run0", metrics=metrics(3, 30), params=texts, tags=texts, sequenced=Sequenced("w", 1, 1))
    store.log_batches([Write(run_id="run1", deleted_tags=["k3"], sequenced=Sequenced("w", 1, 1), heard_at=1)])
    store.fail_silent_runs(heard_before=2)
    store.log_batch("run1", sequenced=Sequenced("w", 1, 1))  # it goes on
    store.log_inputs("run0", [DatasetInput(Dataset("wine", "d", "local", "/data"), (InputTag("a", "b"),))])
    store.append_to_list_tag("run0", "list", 1)
    store.delete_tag("run0", "list")
    store.get_run("run0")
    store.list_series("run0")
    store.read_series("run0", "k0", from_step=3, to_step=9)
    store.fold("run0")
    store.set_run_status("run0", RunStatus.FINISHED, end_time=1)


def _fields(query: RunQuery) -> dict[str, object]:
    return {name: getattr(query, name) for name in query.__struct_fields__}


def test_every_statement_about_runs_finds_its_rows_by_an_index(database: Recorder, store: SqlStore) -> None:
    use_everything(store)
    plans = database.plans()
    assert len(plans) > 100
    # The index of inexact series holds only those, so all of it is wanted. Parts of a page and what an index is asked
    # for are limited.
    limited = r"part|arm|found|\(subquery|SUBQUERY"
    wanted = rf"SCAN (TABLE )?(json_each|page|CONSTANT ROW|{limited}|series USING INDEX series_inexact)"
    assert [plan for plan in plans if plan.startswith("SCAN") and not re.match(wanted, plan)] == []


def test_runs_are_probed_by_primary_key(database: Recorder, store: SqlStore) -> None:
    use_everything(store)
    probes = [plan for plan in database.plans() if re.match(r"SEARCH (TABLE )?(kv|o\d)\b", plan)]
    assert len(probes) > 30
    keys = {re.sub(r"^SEARCH (TABLE )?\w+( AS \w+)? ", "", plan).removesuffix(" LEFT-JOIN") for plan in probes}
    # What is walked in order has the key first.
    keys = {key for key in keys if not re.match(r"USING (COVERING )?INDEX \w+_by_\w+ \(key=\?", key)}
    assert keys <= {
        "USING PRIMARY KEY (run=?)",
        "USING PRIMARY KEY (run=? AND key=?)",
        "USING PRIMARY KEY (run=? AND dataset=?)",
        "USING PRIMARY KEY (run=? AND dataset=? AND key=?)",
    }


def test_runs_are_found_by_their_experiment(database: Recorder, store: SqlStore) -> None:
    count(database, lambda: store.search_runs(RunQuery(experiment_ids=("0",), max_results=3)))
    found = r"SEARCH (TABLE )?r(uns)?\b.* USING (COVERING )?INDEX runs_by_start \(experiment=\?"
    assert any(re.match(found, plan) for plan in database.plans())
