"""Filters as SQL conditions. Knows tables by name, and no entity.

Every predicate over params, tags, metrics and datasets is an EXISTS, so that a condition is true or false and never
NULL, as `filters.match` defines it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runstone import tag_names
from runstone.filters.ast import And, Comparison, Field, Filter, Kind, Not, Or, Presence
from runstone.stores.models import DatasetChoice
from runstone.stores.sql.database import Dialect
from runstone.validation import INT64_MAX, INT64_MIN

__all__ = [
    "EXPERIMENTS",
    "LOCATION",
    "RUNS",
    "Conditions",
    "Scope",
    "argument",
    "columns_of",
    "is_numeric",
    "on_datasets",
]


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
    source="runs r",
    id="r.id",
    attributes={
        "run_id": "r.run_id",
        "run_name": "r.name",
        "status": "r.status",
        "start_time": "r.start_time",
        "end_time": "r.end_time",
        "artifact_uri": (
            f"COALESCE(r.artifact_uri, (SELECT {LOCATION} FROM experiments e WHERE e.id = r.experiment) "
            "|| '/' || r.run_id || '/artifacts')"
        ),
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

_ROW = "{row}"
"""Stands in texts for the number of the row, which may be known before the row is."""
_DATASET_COLUMNS = {"name": "d.name", "digest": "d.digest", "context": "t.value"}


class Conditions:
    """What must be true of each row that is found: SQL texts, and the arguments in the order of the texts."""

    def __init__(self, scope: Scope, dialect: Dialect, artifact_root: str) -> None:
        self._scope = scope
        self._dialect = dialect
        self._root = artifact_root
        self._datasets: tuple[DatasetChoice, ...] = ()
        self.texts: list[str] = []
        """With a mark for the row: see `texts_of`."""
        self.arguments: list[object] = []

    def texts_of(self, row: str) -> list[str]:
        """The texts, where `row` is an expression for the number of the row."""
        return [text.replace(_ROW, row) for text in self.texts]

    def where(self, condition: str, *arguments: object) -> None:
        """Add a plain condition."""
        self.texts.append(condition)
        self.arguments.extend(arguments)

    def where_filter(self, node: Filter) -> None:
        """Add a filter."""
        self.texts.append(self._condition(node))

    def where_on_datasets(self, datasets: Sequence[DatasetChoice]) -> None:
        """Leave out models without a figure on one of these datasets, and let filters look at no other figures."""
        self._datasets = tuple(datasets)
        if datasets:
            on = on_datasets("f", datasets, self.arguments)
            self.texts.append(
                f"EXISTS (SELECT 1 FROM {self._scope.metrics} f WHERE f.{self._scope.owner} = {_ROW}{on})"
            )

    def attribute(self, field: Field, arguments: list[object]) -> str:
        """An attribute as SQL; what it needs is added to the arguments."""
        expression = self._scope.attributes[field.key]
        if "{root}" in expression:
            arguments.append(self._root)
        return expression.replace("{root}", "?")

    def _condition(self, node: Filter) -> str:
        if isinstance(node, And | Or):
            word = " AND " if isinstance(node, And) else " OR "
            return "(" + word.join(map(self._condition, node.terms)) + ")"
        if isinstance(node, Not):
            return f"NOT {self._condition(node.term)}"
        if node.field.kind is Kind.ATTRIBUTE:
            return self._attribute(node)
        if node.field.kind is Kind.DATASET:
            return self._dataset(node)
        return self._key_value(node)

    def _attribute(self, node: Comparison | Presence) -> str:
        expression = self.attribute(node.field, self.arguments)
        if isinstance(node, Presence):
            return f"{expression} IS {'NOT ' if node.present else ''}NULL"
        return f"(({self._comparison(expression, node)}) IS TRUE)"

    def _key_value(self, node: Comparison | Presence) -> str:
        table, column = columns_of(self._scope, node.field, numeric=is_numeric(node))
        self.arguments.append(node.field.key)
        probe = f"SELECT 1 FROM {table} kv WHERE kv.{self._scope.owner} = {_ROW} AND kv.key = ?"
        if node.field.kind is Kind.METRIC:
            probe += on_datasets("kv", self._datasets, self.arguments)
        return self._exists(probe, f"kv.{column}", node)

    def _dataset(self, node: Comparison | Presence) -> str:
        source = "inputs i JOIN datasets d ON d.id = i.dataset"
        if node.field.key == "context":
            source += " JOIN input_tags t ON t.run = i.run AND t.dataset = i.dataset AND t.key = ?"
            self.arguments.append(tag_names.DATASET_CONTEXT)
        probe = f"SELECT 1 FROM {source} WHERE i.run = {_ROW}"
        return self._exists(probe, _DATASET_COLUMNS[node.field.key], node)

    def _exists(self, probe: str, column: str, node: Comparison | Presence) -> str:
        """That there is a row of the probe, whose column compares so."""
        word = "NOT EXISTS" if isinstance(node, Presence) and not node.present else "EXISTS"
        if isinstance(node, Comparison):
            probe += f" AND {self._comparison(column, node)}"
        return f"{word} ({probe}{self._dialect.fence})"

    def _comparison(self, expression: str, node: Comparison) -> str:
        if isinstance(node.value, tuple):
            marks = ", ".join("?" * len(node.value))
            self.arguments.extend(map(argument, node.value))
            return f"{expression} {node.operator} ({marks})"
        self.arguments.append(argument(node.value))
        if node.operator == "LIKE":
            return self._dialect.like(expression)
        if node.operator == "ILIKE":
            return self._dialect.ignoring_case(expression)
        if node.operator == "RLIKE":
            return self._dialect.regex(expression)
        return f"{expression} {node.operator} ?"


def columns_of(scope: Scope, field: Field, *, numeric: bool) -> tuple[str, str]:
    """The table and the column that hold a metric, param or tag."""
    if field.kind is Kind.METRIC:
        return scope.metrics, field.aggregate if scope.metrics == "series" else "value"
    if field.kind is Kind.PARAM:
        return scope.params, "number" if numeric else "value"
    return scope.tags, "value"


def on_datasets(alias: str, datasets: Sequence[DatasetChoice], arguments: list[object]) -> str:
    """The condition, if any is needed, that a model's figure is one on any of the datasets."""
    choices = []
    for dataset in datasets:
        parts = {"dataset_name": dataset.name, "dataset_digest": dataset.digest}
        given = {column: value for column, value in parts.items() if value is not None}
        arguments.extend(given.values())
        choices.append(" AND ".join(f"{alias}.{column} = ?" for column in given) or "1 = 1")
    return f" AND ({' OR '.join(choices)})" if choices else ""


def is_numeric(node: Comparison | Presence) -> bool:
    """Whether it compares with numbers."""
    if isinstance(node, Presence):
        return False
    first = node.value[0] if isinstance(node.value, tuple) else node.value
    return not isinstance(first, str)


def argument(value: str | float) -> str | float:
    """A literal for the driver: a whole number beyond 64 bits is none, and compares the same as a float."""
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        return float(value)
    return value
