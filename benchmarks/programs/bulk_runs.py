"""Many finished runs at once, by SQL that makes them inside the database: what a store holds after years, in seconds.

Knows Runstone's tables. All values follow from a run's number, so every fill of a size is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["FIRST_START", "Scale", "statements"]

FIRST_START = 1_600_000_000_000
RARE_RUNS = 20
"""So many runs have the param `rare`."""


class Scale(NamedTuple):
    """How many runs, and how many keys of each kind a run has."""

    runs: int
    metrics: int
    params: int
    tags: int


def _chance(salt: int) -> str:
    """A number below 1,000,003 that looks like chance, of a run i and a key k."""
    return f"((i * 7919 + k * 104729 + {salt}) * (i % 1009 + k * 31 + {salt}) % 1000003)"


_DIGITS = "0" * 32


def _numbers(name: str, last: int, first: int = 1) -> str:
    return f"{name} AS (SELECT CAST({first} AS BIGINT) AS n UNION ALL SELECT n + 1 FROM {name} WHERE n < {last})"


def _cells(scale: Scale, keys: int) -> str:
    """Every pair of a run i and a key k, in the order of the primary keys, keys of two digits."""
    return (
        f"WITH RECURSIVE {_numbers('runs_', scale.runs)}, {_numbers('keys_', 9 + keys, 10)} "
        "SELECT {columns} FROM (SELECT runs_.n AS i, keys_.n AS k FROM runs_ CROSS JOIN keys_) AS cell"
    )


def statements(scale: Scale, experiment: int) -> list[str]:
    """Statements that SQLite and PostgreSQL understand alike, for a store without runs.

    The keys are `m10`, `m11`, ..., `p10`, ..., `t10`, ...; a metric lies in [0, 1); odd params are texts of ten values,
    even ones numbers of a thousand; a tag has a hundred values.
    """
    run = (
        f"substr('{_DIGITS}' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), {experiment}, "
        "'run ' || CAST((n * 48271) % 1000003 AS TEXT) || ' of ' || CAST(n AS TEXT), 'ann', "
        "CASE WHEN n % 50 = 0 THEN 'FAILED' ELSE 'FINISHED' END, "
        f"{FIRST_START} + n * 1000, {FIRST_START} + n * 1000 + (n * 48271) % 1000003"
    )
    value = f"CAST({_chance(1)} AS DOUBLE PRECISION) / 1000003"
    summary = f"10, {value}, 9, {FIRST_START}, {value}, 0, {FIRST_START}, {value} / 2, 5, {value} * 2, 7"
    text = f"'x' || CAST({_chance(2)} % 10 AS TEXT)"
    number = f"{_chance(2)} % 1000"
    params = (
        f"i, 'p' || CAST(k AS TEXT), CASE WHEN k % 2 = 1 THEN {text} ELSE CAST({number} AS TEXT) END, "
        f"CASE WHEN k % 2 = 0 THEN CAST({number} AS DOUBLE PRECISION) END"
    )
    return [
        "INSERT INTO runs (id, run_id, experiment, name, user_id, status, start_time, end_time, "
        "deleted_with_experiment, revision) "
        f"WITH RECURSIVE {_numbers('runs_', scale.runs)} SELECT n, {run}, FALSE, 0 FROM runs_",
        "INSERT INTO series (run, key, count, last, last_step, last_timestamp, first, first_step, first_timestamp, "
        "min, min_step, max, max_step, is_count_exact) "
        + _cells(scale, scale.metrics).format(columns=f"i, 'm' || CAST(k AS TEXT), {summary}, TRUE"),
        "INSERT INTO params (run, key, value, number) " + _cells(scale, scale.params).format(columns=params),
        "INSERT INTO params (run, key, value) "
        f"WITH RECURSIVE {_numbers('runs_', RARE_RUNS)} "
        f"SELECT n * {max(scale.runs // RARE_RUNS, 1)}, 'rare', 'yes' FROM runs_",
        "INSERT INTO tags (run, key, value) "
        + _cells(scale, scale.tags).format(
            columns=f"i, 't' || CAST(k AS TEXT), 'team ' || CAST({_chance(3)} % 100 AS TEXT)"
        ),
    ]


def fill(execute: Callable[[str], object], indexes: list[tuple[str, str]], scale: Scale, experiment: int) -> None:
    """Run the statements without the `indexes` (name and statement of each), which are made anew: much quicker."""
    for name, _ in indexes:
        execute(f"DROP INDEX {name}")
    for statement in statements(scale, experiment):
        execute(statement)
    for _, statement in indexes:
        execute(statement)
    execute("ANALYZE")


SQLITE_INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
    "AND tbl_name IN ('runs', 'series', 'params', 'tags')"
)
POSTGRES_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('runs', 'series', 'params', 'tags') "
    "AND indexdef NOT LIKE '%UNIQUE%'"
)
