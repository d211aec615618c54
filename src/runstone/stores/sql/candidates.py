"""The few runs that a filter can be true of, where an index tells which these are. Knows tables, and no order.

A predicate is *selective* when an index finds all runs that fulfil it, and they are few. To see that costs no more than
to take so many entries from the index; a text in the midst of names or tags (ILIKE, LIKE without a beginning) is looked
for in all of a key's entries, a fourth of what it costs to look at the runs in another order. A predicate that no index
helps with (`NOT`, `!=`, RLIKE) is not selective, and neither are those over `first` and `count`, which have no index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runstone.filters.ast import And, Comparison, Field, Filter, Kind, Or, Presence
from runstone.stores.sql.conditions import argument, is_numeric
from runstone.stores.sql.database import Dialect, Transaction
from runstone.validation import param_number

__all__ = [
    "BEGINNING",
    "INDEXED_AGGREGATES",
    "Arm",
    "Candidates",
    "arms_of",
    "find_candidates",
    "in_experiments",
    "top_terms",
]

BEGINNING = 64
"""So many characters of a text stand in its index."""

INDEXED_AGGREGATES = ("last", "min", "max")
_MAX_ARMS = 20
_RANGES = ("<", "<=", ">", ">=")


class Arm(NamedTuple):
    """Entries of one index: rows under an alias, and the index's columns, by whose order they are taken."""

    source: str
    run: str
    conditions: str
    arguments: tuple[object, ...]
    order: str
    repeats: bool = False
    """Whether a run may stand in several of them."""
    scans: bool = False
    """Whether all entries of a key are looked through: worth it only where the order is no help."""

    def sql(self, limit: int) -> str:
        """So many entries of it, and one more."""
        # The whole order of the index, so that PostgreSQL takes no other, whose entries it only guesses to be as few.
        return (
            f"SELECT {self.run} AS run FROM {self.source} WHERE {self.conditions} "
            f"ORDER BY {self.order} LIMIT {limit + 1}"
        )


class Candidates(NamedTuple):
    """Runs, each once, as an argument for `numbered_rows`."""

    size: int
    runs: object


def top_terms(node: Filter | None) -> Sequence[Filter]:
    """What all must be true for the filter to be so."""
    if node is None:
        return ()
    return node.terms if isinstance(node, And) else (node,)


def find_candidates(tx: Transaction, arms: Sequence[Arm], limit: int) -> Candidates | None:
    """The runs of all arms together; None for more than `limit`."""
    if any(arm.repeats for arm in arms):
        return _find_among_repeats(tx, arms, limit)
    # UNION leaves out what several arms have.
    runs = " UNION ".join(f"SELECT run FROM ({arm.sql(limit)}) AS arm" for arm in arms)
    arguments = [argument for arm in arms for argument in arm.arguments]
    row = tx.row(f"SELECT count(*), {tx.dialect.list_of('run')} FROM ({runs}) AS found", arguments)
    count, found = row or (0, None)
    return None if count > limit else Candidates(count, found if count else tx.dialect.list_argument([]))


def _find_among_repeats(tx: Transaction, arms: Sequence[Arm], limit: int) -> Candidates | None:
    """The same, where it is the entries that must be no more than `limit`: runs left out could hide behind repeats."""
    runs: set[int] = set()
    for arm in arms:
        entries = tx.rows(arm.sql(limit), arm.arguments)
        runs.update(run for (run,) in entries)
        if len(entries) > limit or len(runs) > limit:
            return None
    return Candidates(len(runs), tx.dialect.list_argument(sorted(runs)))


def in_experiments(dialect: Dialect, experiments: Sequence[int]) -> list[Arm]:
    """All runs of some experiments."""
    condition = f"r.experiment {'= ?' if len(experiments) == 1 else ''}"
    if len(experiments) == 1:
        order = "r.start_time DESC, r.run_id"
        return [Arm(dialect.by_index("runs r", "runs_by_start"), "r.id", condition, (experiments[0],), order)]
    member, argument_ = dialect.is_member("r.experiment"), dialect.list_argument(experiments)
    return [Arm(dialect.by_index("runs r", "runs_by_start"), "r.id", member, (argument_,), "r.experiment")]


def arms_of(node: Filter, dialect: Dialect, experiments: Sequence[int]) -> list[Arm] | None:
    """The entries of indexes among which all runs are that fulfil the filter; None where no index tells."""
    arms = _Arms(dialect, experiments).of(node)
    return arms if arms is not None and len(arms) <= _MAX_ARMS else None


class _Arms:
    def __init__(self, dialect: Dialect, experiments: Sequence[int]) -> None:
        self._dialect = dialect
        self._experiments = experiments

    def of(self, node: Filter) -> list[Arm] | None:
        if isinstance(node, Or):
            all_arms = [self.of(term) for term in node.terms]
            return None if None in all_arms else [arm for arms in all_arms for arm in arms or ()]
        if isinstance(node, And):
            return next((arms for arms in map(self.of, node.terms) if arms is not None), None)
        if not isinstance(node, Comparison | Presence) or (isinstance(node, Presence) and not node.present):
            return None
        arms = list(self._of_predicate(node))
        return arms or None

    def _of_predicate(self, node: Comparison | Presence) -> Iterator[Arm]:
        field = node.field
        if field.kind is Kind.METRIC:
            yield from self._metric(node)
        elif field.kind is Kind.PARAM:
            yield from self._param(node)
        elif field.kind is Kind.TAG:
            yield from self._tag(node)
        elif isinstance(node, Comparison):
            yield from self._dataset(node) if field.kind is Kind.DATASET else self._attribute(node)

    def _metric(self, node: Comparison | Presence) -> Iterator[Arm]:
        aggregate = "last" if isinstance(node, Presence) else node.field.aggregate
        if aggregate in INDEXED_AGGREGATES:
            source = self._dialect.by_index("series s", f"series_by_{aggregate}")
            for condition, arguments in _numbers(node, f"s.{aggregate}"):
                yield _keyed(source, "s", node.field, condition, arguments, f"s.{aggregate}, s.run")

    def _param(self, node: Comparison | Presence) -> Iterator[Arm]:
        if isinstance(node, Presence) or is_numeric(node):
            for condition, arguments in _numbers(node, "p.number"):
                yield self._number_param(node.field, condition, *arguments)
        if isinstance(node, Presence):
            yield self._text_param(node.field, "")
        elif not is_numeric(node) and node.operator in ("=", "IN"):
            for value in _values(node):
                number = param_number(str(value))
                if number is None:
                    condition, arguments = _equal_text("p.value", str(value))
                    yield self._text_param(node.field, condition, *arguments)
                else:
                    yield self._number_param(
                        node.field, "p.number >= ? AND p.number <= ? AND p.value = ?", number, number, value
                    )

    def _number_param(self, field: Field, condition: str, *arguments: object) -> Arm:
        source = self._dialect.by_index("params p", "params_by_number")
        condition = f"p.number IS NOT NULL{condition and ' AND '}{condition}"
        return _keyed(source, "p", field, condition, arguments, "p.number, p.run")

    def _text_param(self, field: Field, condition: str, *arguments: object) -> Arm:
        source = self._dialect.by_index("params p", "params_by_text")
        condition = f"p.number IS NULL{condition and ' AND '}{condition}"
        return _keyed(source, "p", field, condition, arguments, f"{_beginning('p.value')}, p.run")

    def _tag(self, node: Comparison | Presence) -> Iterator[Arm]:
        source = self._dialect.by_index("tags t", "tags_by_value")
        for condition, arguments in self._texts(node, "t.value"):
            arm = _keyed(source, "t", node.field, condition, arguments, f"{_beginning('t.value')}, t.run")
            yield arm._replace(scans=_scans(condition))

    def _attribute(self, node: Comparison) -> Iterator[Arm]:
        key = node.field.key
        if key in ("start_time", "end_time"):
            index, order = (
                ("runs_by_time", "r.start_time DESC") if key == "start_time" else ("runs_by_end", "r.end_time")
            )
            for condition, arguments in _numbers(node, f"r.{key}"):
                yield Arm(self._dialect.by_index("runs r", index), "r.id", condition, arguments, order)
        elif key in ("run_name", "user_id"):
            column, index = ("r.name", "runs_by_name") if key == "run_name" else ("r.user_id", "runs_by_user")
            for condition, arguments in self._texts(node, column):
                source = self._dialect.by_index("runs r", index)
                yield Arm(source, "r.id", condition, arguments, _beginning(column), scans=_scans(condition))
        elif key == "status" and node.operator in ("=", "IN"):
            for value in _values(node):
                source = self._dialect.by_index("runs r", "runs_by_status")
                yield Arm(source, "r.id", "r.status >= ? AND r.status <= ?", (value, value), "r.status")
        elif key == "run_id" and node.operator in ("=", "IN"):
            found = self._dialect.list_argument([str(value) for value in _values(node)])
            yield Arm("runs r", "r.id", self._dialect.is_member("r.run_id"), (found,), "r.run_id")

    def _texts(self, node: Comparison | Presence, column: str) -> Iterator[tuple[str, tuple[object, ...]]]:
        """The entries of a column of texts that a predicate asks for, if it asks for any."""
        if isinstance(node, Presence):
            yield "", ()
        elif node.operator in ("=", "IN"):
            for value in _values(node):
                yield _equal_text(column, str(value))
        elif node.operator == "LIKE":
            begin = str(node.value).partition("%")[0].partition("_")[0][:BEGINNING]
            end = _successor(begin)
            if begin and end:
                yield f"{_beginning(column)} >= ? AND {_beginning(column)} < ?", (begin, end)
            else:
                yield self._dialect.like(column), (node.value,)
        elif node.operator == "ILIKE":
            yield self._dialect.ignoring_case(column), (node.value,)

    def _dataset(self, node: Comparison) -> Iterator[Arm]:
        if node.operator not in ("=", "IN") or node.field.key == "context":
            return
        source = "datasets d CROSS JOIN inputs i"
        member = self._dialect.is_member("d.experiment")
        experiments = self._dialect.list_argument(self._experiments)
        for value in _values(node):
            condition = f"i.dataset = d.id AND {member} AND d.{node.field.key} = ?"
            yield Arm(source, "i.run", condition, (experiments, value), "i.dataset, i.run", repeats=True)


def _scans(condition: str) -> bool:
    """Whether a condition on a text says nothing of its beginning, by which the index is sorted."""
    return condition != "" and "substr(" not in condition


def _keyed(source: str, alias: str, field: Field, condition: str, arguments: Sequence[object], order: str) -> Arm:
    text = f"{alias}.key = ?{condition and ' AND '}{condition}"
    return Arm(source, f"{alias}.run", text, (field.key, *arguments), order)


def _values(node: Comparison) -> Sequence[str | float]:
    return node.value if isinstance(node.value, tuple) else (node.value,)


def _numbers(node: Comparison | Presence, column: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    """The ranges of a column of numbers that a predicate asks for, if it asks for any."""
    if isinstance(node, Presence):
        yield "", ()
    elif node.operator in ("=", "IN"):
        for value in _values(node):
            yield f"{column} >= ? AND {column} <= ?", (argument(value), argument(value))
    elif node.operator in _RANGES and not isinstance(node.value, tuple):
        yield f"{column} {node.operator} ?", (argument(node.value),)


def _beginning(column: str) -> str:
    return f"substr({column}, 1, {BEGINNING})"


def _equal_text(column: str, value: str) -> tuple[str, tuple[object, ...]]:
    begin = value[:BEGINNING]
    condition = f"{_beginning(column)} >= ? AND {_beginning(column)} <= ?"
    if len(value) < BEGINNING:
        return condition, (begin, begin)
    return f"{condition} AND {column} = ?", (begin, begin, value)


def _successor(text: str) -> str:
    """The first text, by code points, behind all that begin with this one; empty where there is none."""
    for length in range(len(text), 0, -1):
        code = ord(text[length - 1]) + 1
        if code <= 0x10FFFF:
            # No text holds surrogates, and none can be given to a driver.
            return text[: length - 1] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)
    return ""
