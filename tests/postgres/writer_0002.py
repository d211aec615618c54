"""What the Runstone of revision 0002 sends to PostgreSQL while it trains, statement by statement.

Recorded from that version, by its own names of tables and columns. Not to be brought up to date: servers like it are
still there while a database gets newer tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from runstone.series.codec import encode_chunk
from runstone.series.frame import encode_frame
from runstone.series.points import Points
from tests.postgres.places import batch

__all__ = ["Writer0002"]

_SHARED = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock_shared(1381322309)"
_REVISION = "SELECT revision + CAST(CAST(pg_current_xact_id() AS text) AS bigint) FROM clock"
_SERIES = (
    "INSERT INTO series (run, key, count, last, last_step, last_timestamp, first, first_step, first_timestamp, min, "
    "min_step, max, max_step, is_count_exact) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (run, key) DO UPDATE SET count = excluded.count, last = excluded.last, last_step = excluded.last_step,"
    " last_timestamp = excluded.last_timestamp, first = excluded.first, first_step = excluded.first_step, "
    "first_timestamp = excluded.first_timestamp, min = excluded.min, min_step = excluded.min_step, "
    "max = excluded.max, max_step = excluded.max_step, is_count_exact = excluded.is_count_exact"
)
_WRITER = (
    "INSERT INTO writers (run, writer, sequence, heard_at) VALUES (%s, %s, %s, %s) ON CONFLICT (run, writer) "
    "DO UPDATE SET sequence = excluded.sequence, heard_at = excluded.heard_at"
)
_CHUNK = (
    "INSERT INTO chunks (run, key, count, first_step, first_timestamp, last_step, last_timestamp, min, max, last, data)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
EACH = 20
"""Points of a delivery, and of a chunk."""


class Writer0002:
    """Records one run: series `m`, whose values are half of their steps, a param a delivery, and a tag."""

    def __init__(self, url: str, run_id: str) -> None:
        self.run_id = run_id
        self.delivered = 0
        self._connection = psycopg.connect(url, autocommit=True)
        with self._transaction():
            self._number = self._one(
                "INSERT INTO runs (run_id, experiment, name, user_id, status, start_time, deleted_with_experiment, "
                "revision) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id) DO NOTHING RETURNING id",
                (run_id, 0, run_id, "", "RUNNING", 1, False, self._one(_REVISION)),
            )
            self._set_tag("mlflow.runName", run_id)

    def deliver(self) -> None:
        """The next points, as one transaction; a further one folds them."""
        first, count, run = self.delivered * EACH, (self.delivered + 1) * EACH, self._number
        last = count - 1
        with self._transaction():
            self._run("SELECT id FROM runs WHERE run_id = ANY(%s) ORDER BY id FOR UPDATE", ([self.run_id],))
            self._run("UPDATE runs SET revision = %s WHERE id = %s", (self._one(_REVISION), run))
            param = (run, f"p{self.delivered}", "1", 1.0)
            self._run("INSERT INTO params (run, key, value, number) VALUES (%s, %s, %s, %s)", param)
            self._set_tag("t", str(self.delivered))
            summary = (count, last / 2, last, last + 1_000, 0.0, 0, 1_000, 0.0, 0, last / 2, last, True)
            self._run(_SERIES, (run, "m", *summary))
            arrived = (run, EACH, encode_frame(batch("m", first, EACH)))
            self._run("INSERT INTO batches (run, points, data) VALUES (%s, %s, %s)", arrived)
            self._run(_WRITER, (run, "w", count, 1))
        self.delivered += 1
        self._fold(batch("m", first, EACH).points)

    def finish(self) -> None:
        """The end of the run."""
        with self._transaction():
            revision = self._one(_REVISION)
            self._one(
                "UPDATE runs SET revision = %s WHERE run_id = %s AND deleted_time IS NULL RETURNING id",
                (revision, self.run_id),
            )
            self._run("UPDATE runs SET status = %s, end_time = %s WHERE id = %s", ("FINISHED", 5, self._number))
            self._run("UPDATE writers SET heard_at = NULL WHERE run = %s", (self._number,))
            reason = (self._number, "runstone.end_reason", "silent: %")
            self._run("DELETE FROM tags WHERE run = %s AND key = %s AND value LIKE %s ESCAPE ''", reason)
        self._connection.close()

    def _fold(self, points: Points) -> None:
        run, step, time, value = self._number, points.step, points.timestamp, points.value
        with self._transaction():
            self._run("SELECT id FROM runs WHERE id = ANY(%s) ORDER BY id FOR UPDATE", ([run],))
            # All batches of this run are its own, so all that lie there hold these points.
            self._run("DELETE FROM batches WHERE run = %s", (run,))
            facts = (EACH, int(step[0]), int(time[0]), int(step[-1]), int(time[-1]))
            ends = (float(value[0]), float(value[-1]), float(value[-1]))
            self._run(_CHUNK, (run, "m", *facts, *ends, encode_chunk(points)))
            self._run("UPDATE series SET is_count_exact = %s WHERE run = %s AND NOT is_count_exact", (True, run))

    def _set_tag(self, key: str, value: str) -> None:
        self._run(
            "INSERT INTO tags (run, key, value) VALUES (%s, %s, %s) ON CONFLICT (run, key) "
            "DO UPDATE SET value = excluded.value",
            (self._number, key, value),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute(_SHARED)
        yield
        self._connection.execute("COMMIT")

    def _run(self, sql: str, arguments: tuple[object, ...]) -> None:
        self._connection.execute(sql, arguments)

    def _one(self, sql: str, arguments: tuple[object, ...] = ()) -> object:
        row = self._connection.execute(sql, arguments).fetchone()
        assert row is not None
        return row[0]
