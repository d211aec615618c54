"""Filters and orders as SQL, and keyset paging. Knows tables by name, and no entity.

Every predicate over params, tags, metrics and datasets is an EXISTS, so that a condition is true or false and
never NULL, as `filters.match` defines it. A page ends at the values by which it is ordered; the next page asks for
what comes after them, at the same cost however deep it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runstone import tag_names
from runstone.filters.ast import And, Comparison, Field, Filter, Kind, Not, Or, OrderTerm, Presence
from runstone.stores.cursor import Position, Query, read_token, write_token
from runstone.stores.models import DatasetChoice, ModelOrder
from runstone.stores.sql.database import Dialect, Transaction
from runstone.validation import INT64_MAX, INT64_MIN

__all__ = ["EXPERIMENTS", "LOCATION", "RUNS", "Scope", "Search", "find_page", "uses_counts"]


class Scope(NamedTuple):
    """What can be searched: a table under an alias, its attributes as SQL, and its default order.

    The other tables hold the tags, params and figures of each; `owner` is the column that says whose.
    """

    source: str
    id: str
    attributes: dict[str, str]
    tags: str
    owner: str
    default_order: tuple[tuple[str, bool], ...]
    params: str = "params"
    metrics: str = "series"


LOCATION = "COALESCE(e.artifact_location, {root} || '/' || CAST(e.id AS TEXT))"

EXPERIMENTS = Scope(
    source="experiments e",
    id="e.id",
    attributes={
        "experiment_id": "CAST(e.id AS TEXT)",
        "name": "e.name",
        "creation_time": "e.creation_time",
        "last_update_time": "e.last_update_time",
    },
    tags="experiment_tags",
    owner="experiment",
    default_order=(("e.creation_time", True), ("e.id", True)),
)

RUNS = Scope(
    source="runs r JOIN experiments e ON e.id = r.experiment",
    id="r.id",
    attributes={
        "run_id": "r.run_id",
        "run_name": "r.name",
        "status": "r.status",
        "start_time": "r.start_time",
        "end_time": "r.end_time",
        "artifact_uri": f"COALESCE(r.artifact_uri, {LOCATION} || '/' || r.run_id || '/artifacts')",
        "user_id": "r.user_id",
        "experiment_id": "CAST(r.experiment AS TEXT)",
    },
    tags="tags",
    owner="run",
    default_order=(
        ("CASE WHEN r.start_time IS NULL THEN 1 ELSE 0 END", False),
        ("r.start_time", True),
        ("r.run_id", False),
    ),
)

_DATASET_COLUMNS = {"name": "d.name", "digest": "d.digest", "context": "t.value"}


def uses_counts(node: Filter | None, order: tuple[OrderTerm, ...]) -> bool:
    """Whether an answer depends on the exact count of a series' points."""
    return any(term.field.aggregate == "count" for term in order) or (node is not None and _counts(node))


def _counts(node: Filter) -> bool:
    if isinstance(node, And | Or):
        return any(map(_counts, node.terms))
    if isinstance(node, Not):
        return _counts(node.term)
    return node.field.aggregate == "count"


class Search:
    """One query under construction: its conditions, its order, and the arguments in the order of the text."""

    def __init__(self, scope: Scope, dialect: Dialect, artifact_root: str) -> None:
        self._scope = scope
        self._dialect = dialect
        self._root = artifact_root
        self._joins: list[str] = []
        self._join_arguments: list[object] = []
        self._conditions: list[str] = []
        self._arguments: list[object] = []
        self._order: list[tuple[str, bool]] = []
        self._datasets: tuple[DatasetChoice, ...] = ()

    # -- conditions

    def where(self, condition: str, *arguments: object) -> None:
        """Add a plain condition."""
        self._conditions.append(condition)
        self._arguments.extend(arguments)

    def where_filter(self, node: Filter) -> None:
        """Add a filter."""
        self._conditions.append(self._condition(node, self._arguments))

    def _condition(self, node: Filter, arguments: list[object]) -> str:
        if isinstance(node, And | Or):
            word = " AND " if isinstance(node, And) else " OR "
            return "(" + word.join(self._condition(term, arguments) for term in node.terms) + ")"
        if isinstance(node, Not):
            return f"NOT {self._condition(node.term, arguments)}"
        if node.field.kind is Kind.ATTRIBUTE:
            return self._attribute(node, arguments)
        if node.field.kind is Kind.DATASET:
            return self._dataset(node, arguments)
        return self._key_value(node, arguments)

    def _attribute(self, node: Comparison | Presence, arguments: list[object]) -> str:
        expression = self._attribute_expression(node.field, arguments)
        if isinstance(node, Presence):
            return f"{expression} IS {'NOT ' if node.present else ''}NULL"
        return f"(({self._comparison(expression, node, arguments)}) IS TRUE)"

    def _attribute_expression(self, field: Field, arguments: list[object]) -> str:
        expression = self._scope.attributes[field.key]
        if "{root}" in expression:
            arguments.append(self._root)
        return expression.replace("{root}", "?")

    def _key_value(self, node: Comparison | Presence, arguments: list[object]) -> str:
        table, column = self._columns(node.field, is_number=_is_numeric(node))
        arguments.append(node.field.key)
        probe = f"SELECT 1 FROM {table} kv WHERE kv.{self._scope.owner} = {self._scope.id} AND kv.key = ?"
        if node.field.kind is Kind.METRIC:
            probe += self._on_datasets("kv", self._datasets, arguments)
        if isinstance(node, Presence):
            return f"{'' if node.present else 'NOT '}EXISTS ({probe})"
        return f"EXISTS ({probe} AND {self._comparison(f'kv.{column}', node, arguments)})"

    def _columns(self, field: Field, *, is_number: bool) -> tuple[str, str]:
        """The table and the column that hold a metric, param or tag."""
        if field.kind is Kind.METRIC:
            return self._scope.metrics, field.aggregate if self._scope.metrics == "series" else "value"
        if field.kind is Kind.PARAM:
            return self._scope.params, "number" if is_number else "value"
        return self._scope.tags, "value"

    @staticmethod
    def _on_datasets(alias: str, datasets: Sequence[DatasetChoice], arguments: list[object]) -> str:
        """The condition, if any is needed, that a model's figure is one on any of the datasets."""
        choices = []
        for dataset in datasets:
            parts = {"dataset_name": dataset.name, "dataset_digest": dataset.digest}
            given = {column: value for column, value in parts.items() if value is not None}
            arguments.extend(given.values())
            choices.append(" AND ".join(f"{alias}.{column} = ?" for column in given) or "1 = 1")
        return f" AND ({' OR '.join(choices)})" if choices else ""

    def where_on_datasets(self, datasets: Sequence[DatasetChoice]) -> None:
        """Leave out models without a figure on one of these datasets, and let filters look at no other figures."""
        self._datasets = tuple(datasets)
        if datasets:
            on = self._on_datasets("f", datasets, self._arguments)
            self._conditions.append(
                f"EXISTS (SELECT 1 FROM {self._scope.metrics} f WHERE f.{self._scope.owner} = {self._scope.id}{on})"
            )

    def _dataset(self, node: Comparison | Presence, arguments: list[object]) -> str:
        source = "inputs i JOIN datasets d ON d.id = i.dataset"
        if node.field.key == "context":
            source += " JOIN input_tags t ON t.run = i.run AND t.dataset = i.dataset AND t.key = ?"
            arguments.append(tag_names.DATASET_CONTEXT)
        probe = f"SELECT 1 FROM {source} WHERE i.run = {self._scope.id}"
        if isinstance(node, Presence):
            return f"{'' if node.present else 'NOT '}EXISTS ({probe})"
        return f"EXISTS ({probe} AND {self._comparison(_DATASET_COLUMNS[node.field.key], node, arguments)})"

    def _comparison(self, expression: str, node: Comparison, arguments: list[object]) -> str:
        if isinstance(node.value, tuple):
            marks = ", ".join("?" * len(node.value))
            arguments.extend(map(_argument, node.value))
            return f"{expression} {node.operator} ({marks})"
        arguments.append(_argument(node.value))
        if node.operator == "LIKE":
            return self._dialect.like(expression)
        if node.operator == "ILIKE":
            return self._dialect.ignoring_case(expression)
        if node.operator == "RLIKE":
            return self._dialect.regex(expression)
        return f"{expression} {node.operator} ?"

    # -- order

    def order_by(self, terms: Sequence[OrderTerm | ModelOrder]) -> None:
        """Order by the terms, then by the scope's default order."""
        for term in terms:
            if isinstance(term, ModelOrder):
                self._order_by(term.term, term.dataset)
            else:
                self._order_by(term)
        self._order.extend(self._scope.default_order)

    def _order_by(self, term: OrderTerm, dataset: DatasetChoice | None = None) -> None:
        field = term.field
        if field.kind is Kind.ATTRIBUTE:
            expression = self._attribute_expression(field, self._join_arguments)
            if "?" in expression:
                # The expression stands in the text more than once; a join computes it once, with one argument.
                alias = f"o{len(self._joins)}"
                inner, own = self._scope.source, self._scope.id
                self._joins.append(
                    f"JOIN (SELECT {own} AS id, {expression} AS value FROM {inner}) {alias} ON {alias}.id = {own}"
                )
                expression = f"{alias}.value"
            self._rank((f"{expression} IS NULL", 1))
            self._order.append((expression, term.descending))
            return
        table, column = self._columns(field, is_number=True)
        owner = self._scope.owner
        alias = f"o{len(self._joins)}"
        join = f"LEFT JOIN {table} {alias} ON {alias}.{owner} = {self._scope.id} AND {alias}.key = ?"
        self._join_arguments.append(field.key)
        if field.kind is Kind.METRIC and dataset is not None:
            join += self._is_latest(alias, dataset)
        self._joins.append(join)
        missing = (f"{alias}.{owner} IS NULL", 2)
        if field.kind is Kind.TAG:
            self._rank(missing)
        else:
            self._rank(missing, (f"{alias}.{column} IS NULL", 1))
        self._order.append((f"{alias}.{column}", term.descending))
        if field.kind is Kind.PARAM:
            # Params that are no numbers come after those that are, as texts.
            text = f"CASE WHEN {alias}.number IS NULL THEN {alias}.value END"
            self._order.append((text, term.descending))

    def _is_latest(self, alias: str, dataset: DatasetChoice) -> str:
        """The condition that a model's figure is the latest of its name on the dataset."""
        own = self._on_datasets(alias, [dataset], self._join_arguments)
        other = self._on_datasets("n", [dataset], self._join_arguments)
        place, other_place = (
            ", ".join(f"{one}.{column}" for column in ("timestamp", "step", "dataset_name", "dataset_digest"))
            for one in (alias, "n")
        )
        owner = self._scope.owner
        return (
            f"{own} AND NOT EXISTS (SELECT 1 FROM {self._scope.metrics} n WHERE n.{owner} = {alias}.{owner} "
            f"AND n.key = {alias}.key{other} AND ({other_place}) > ({place}))"
        )

    def _rank(self, *cases: tuple[str, int]) -> None:
        whens = " ".join(f"WHEN {condition} THEN {rank}" for condition, rank in cases)
        self._order.append((f"CASE {whens} ELSE 0 END", False))

    # -- running it

    @property
    def position_length(self) -> int:
        """How many values tell where a row stands in the order."""
        return len(self._order)

    def page(self, tx: Transaction, limit: int, after: Position | None) -> tuple[list[int], Position | None]:
        """The ids of at most `limit` rows behind the position `after`, and the position of the last if more follow."""
        conditions, arguments = list(self._conditions), [*self._join_arguments, *self._arguments]
        if after is not None:
            conditions.append(self._seek(after, arguments))
        columns = ", ".join([self._scope.id, *(expression for expression, _ in self._order)])
        order = ", ".join(f"{number + 2}{' DESC' if down else ''}" for number, (_, down) in enumerate(self._order))
        rows = tx.rows(
            f"SELECT {columns} FROM {self._scope.source} {' '.join(self._joins)} "
            f"WHERE {' AND '.join(conditions) or '1 = 1'} ORDER BY {order} LIMIT {limit + 1}",
            arguments,
        )
        ids = [int(row[0]) for row in rows[:limit]]
        return ids, rows[limit - 1][1:] if len(rows) > limit else None

    def _seek(self, after: Position, arguments: list[object]) -> str:
        """The rows behind a position: equal in the first columns, and greater (or less) in the next one."""
        alternatives = []
        for depth, (expression, down) in enumerate(self._order):
            if after[depth] is None:
                continue  # a rank column before it has told this row apart: all that tie with it have NULL here
            terms = []
            for (earlier, _), value in zip(self._order[:depth], after, strict=False):
                if value is not None:
                    terms.append(f"{earlier} = ?")
                    arguments.append(value)
            terms.append(f"{expression} {'<' if down else '>'} ?")
            arguments.append(after[depth])
            alternatives.append(" AND ".join(terms))
        return "(" + " OR ".join(f"({alternative})" for alternative in alternatives) + ")"


def find_page(search: Search, tx: Transaction, query: Query) -> tuple[list[int], str | None]:
    """The ids of the query's page, in order, and the token of the next page. Raises InvalidInput for a bad token."""
    if query.filter is not None:
        search.where_filter(query.filter)
    search.order_by(query.order)
    ids, position = search.page(tx, query.max_results, read_token(query, search.position_length))
    return ids, None if position is None else write_token(query, position)


def _is_numeric(node: Comparison | Presence) -> bool:
    if isinstance(node, Presence):
        return False
    first = node.value[0] if isinstance(node.value, tuple) else node.value
    return not isinstance(first, str)


def _argument(value: str | float) -> str | float:
    # A whole number beyond 64 bits is no argument for a driver, and compares the same as a float.
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        return float(value)
    return value
